"""What is kept of a pod for the checklist, once for all pods that are alike, and no value of it."""
