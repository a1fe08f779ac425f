"""Rollouts for readers and pipelines: series, gates, the API with each deployment record, and the pages."""
