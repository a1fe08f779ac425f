"""Findings that outlive a process: the file, and who keeps it."""
