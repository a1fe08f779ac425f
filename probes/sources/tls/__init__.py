"""One TLS handshake with an agent, and what it shows whether or not it succeeds."""
