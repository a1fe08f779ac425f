"""The fleet in a terminal: the rows of its page as text, and the command `status`."""
