"""How this process shares one event loop, its heap and its files."""
