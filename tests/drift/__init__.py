"""Simulated weeks of memory, leaking and not, through the real judge."""
