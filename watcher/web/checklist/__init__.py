"""The checklist for readers: its part of /metrics, its API and its pages."""
