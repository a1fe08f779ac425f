"""The Kubernetes API server: access, requests, list and watch."""
