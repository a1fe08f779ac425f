"""Which pods are targets, kept true by a list and a watch."""
