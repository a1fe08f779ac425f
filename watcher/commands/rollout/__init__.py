"""The command `rollout`: waits for a running daemon's verdict on one rollout, and ends with its deployment record."""
