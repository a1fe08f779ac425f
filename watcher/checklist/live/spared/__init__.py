"""Findings that are known without judging: the same for all agents, or as they were, for nothing of theirs changed."""
