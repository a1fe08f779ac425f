"""The fleet for readers: the state of each target, which of them are asked for, and in which order they are shown."""
