"""The metrics that the daemon itself exports: every family, and the values about the daemon."""
