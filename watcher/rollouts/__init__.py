"""Rollouts of agents: seen, judged against the revision before, and kept."""
