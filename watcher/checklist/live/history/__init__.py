"""What was true of each agent on each day: a snapshot a day, kept for auditors."""
