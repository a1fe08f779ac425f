"""One HTTP request within its deadline and its cap in bytes, on a connection of its own."""
