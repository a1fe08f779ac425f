"""Findings as they are kept: of many agents in few bytes, and over a restart."""
