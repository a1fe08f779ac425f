"""The configuration: its sections, where its values come from, and every mistake in it with its place."""
