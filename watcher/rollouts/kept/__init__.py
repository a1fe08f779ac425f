"""What survives a restart: rollouts, how far each agent is followed, and the hours of its requests."""
