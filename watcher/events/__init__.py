"""Kubernetes Events on the pods whose conditions turned, and on workloads whose rollouts were decided."""
