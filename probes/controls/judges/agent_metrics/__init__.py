"""Judges of an agent's metrics page: which families it has, what they count, and who may read it."""
