"""Evidence from the Kubernetes API: pods as they run, objects around them, the configs of agents, their identities."""
