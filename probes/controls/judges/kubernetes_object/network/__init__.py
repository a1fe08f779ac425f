"""What network policies let in and out of a pod."""
