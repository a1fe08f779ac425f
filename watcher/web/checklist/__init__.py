"""What people see of the live checklist: the fleet's readiness, the report of one agent, and the controls."""
