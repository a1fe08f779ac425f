"""Judges of what agents say of their own health, and of what the probes of their kubelet are answered."""
