"""Kubernetes Events on the pods whose conditions turned."""
