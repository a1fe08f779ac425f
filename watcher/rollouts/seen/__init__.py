"""Which pods run which revision of an agent, and how its rollouts begin, go on and end."""
