"""When each target is looked at."""
