"""Judges of Kubernetes objects: the pod template of the agent, and what concerns it in its namespace."""
