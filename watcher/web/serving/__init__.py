"""The daemon's own ports: who is admitted, for how long, and who may read."""
