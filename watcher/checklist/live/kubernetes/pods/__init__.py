"""The pods of agents as they run, and what is remembered of their lives."""
