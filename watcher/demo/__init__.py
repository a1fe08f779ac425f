"""A fleet of small simulated agents on loopback, and the certificate authority that it needs."""
