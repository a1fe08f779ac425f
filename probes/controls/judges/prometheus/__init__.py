"""Judges of what Prometheus knows of an agent: the rules that watch it, and figures of its series."""
