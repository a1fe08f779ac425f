"""Requests of agents by the minute and the hour, and whether what a new revision does with them is normal."""
