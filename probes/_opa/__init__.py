"""The parts of the OPA probe that its source needs too, and those that would make it too long."""
