"""What judges remember of a target over time, in few bytes."""
