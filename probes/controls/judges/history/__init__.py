"""Judges of what the watcher saw of a pod over days."""
