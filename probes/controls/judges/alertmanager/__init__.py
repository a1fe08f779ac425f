"""Judges of what Alertmanager does with alerts: whom they are routed to, and whether notifications succeed."""
