"""Judges of what an agent's OPA answers."""
