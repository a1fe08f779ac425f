"""The chart as Helm renders it, and the table of its values."""
