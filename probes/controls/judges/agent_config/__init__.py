"""Judges of the agent's own config.yaml: what it declares, which keys are wrong, placeholders and secrets."""
