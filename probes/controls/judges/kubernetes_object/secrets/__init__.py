"""How secrets reach a pod, stand in the open, are renewed, and who may read them."""
