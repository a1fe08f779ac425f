"""The dashboards, one by one: their panels, and what may be chosen."""
