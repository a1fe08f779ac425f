"""What is known of the AgentWeave SDK, by version: the config keys that it uses, its defaults, names and paths."""
