"""When to look, and where the results go."""
