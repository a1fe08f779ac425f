"""Judges of what an agent serves on its mTLS port: TLS or plaintext, whose certificate, for how long."""
