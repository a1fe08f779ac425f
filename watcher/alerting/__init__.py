"""The shipped rules, runbooks and dashboards, and test alerts through a real Alertmanager."""
