"""What a look saw, as typed and frozen records; nothing here reaches the network."""
