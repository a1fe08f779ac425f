"""Findings as objects of the cluster: `Report` of openreports.io, or `PolicyReport` of wgpolicyk8s.io."""
