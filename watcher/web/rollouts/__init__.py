"""What is served of rollouts."""
