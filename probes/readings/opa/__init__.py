"""What OPA says in place of a decision and beside it: its errors, and which policies it has."""
