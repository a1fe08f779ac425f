"""What of a target is exported: which subjects, how many sets of labels, and one object for what a fleet shares."""
