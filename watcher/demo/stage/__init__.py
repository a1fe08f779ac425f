"""What stands around one agent of the demo: a cluster, Prometheus and others, as far as the watcher asks them."""
