"""Attempts at TLS ports that show what else a server takes: older versions, weak suites, other clients, plaintext."""
