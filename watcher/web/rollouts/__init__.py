"""Rollouts for readers and pipelines: gates, the API with each deployment record, and the pages."""
