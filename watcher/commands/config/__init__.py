"""The command `config`: begin a file, find every mistake in one, or print the JSON Schema of all."""
