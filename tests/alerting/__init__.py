"""The alert rules as data, and promtool to try them on made-up series."""
