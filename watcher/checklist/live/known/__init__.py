"""What the daemon knows of agents already, for the checklist: its looks, its conditions and how they were."""
