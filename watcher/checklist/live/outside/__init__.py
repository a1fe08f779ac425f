"""Servers that are neither agents nor the API server: asked over HTTP within bounds, and not trusted."""
