"""The command `check`: looks at everything now, and prints what holds in one of six formats."""
