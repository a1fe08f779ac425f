"""Judges of the watcher's own conditions of a pod, as they are and as they were."""
