"""Agents are probed on purpose for the checklist: rarely, in turns, and anew when something about them turned."""
