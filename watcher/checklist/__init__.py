"""The checklist of agents: what is gathered for it and how it is told; what judges it is in `probes.controls`."""
