"""Judges of the agent's pods as they run: starts, restarts, probes, ends, and the OPA beside the agent."""
