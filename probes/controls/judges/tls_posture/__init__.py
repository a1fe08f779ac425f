"""Judges of what further attempts at an agent's ports showed: versions, suites, who is let in, plaintext."""
