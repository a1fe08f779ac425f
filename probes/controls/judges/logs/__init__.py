"""What counts of an agent's log lines say of controls."""
