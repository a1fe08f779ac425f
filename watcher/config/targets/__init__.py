"""What the config lists as targets, and the limits of each."""
