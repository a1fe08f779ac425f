"""Runbooks for people at night: which text, filled in with what is so now, and what else has turned."""
