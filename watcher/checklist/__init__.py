"""The checklist of agents that are given as files: what is gathered of them, and how findings are shown."""
