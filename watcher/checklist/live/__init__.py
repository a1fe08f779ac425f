"""The checklist of the running fleet: its evidence is gathered all the time, and judged again when it changes."""
