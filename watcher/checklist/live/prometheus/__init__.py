"""Evidence from Prometheus and Alertmanager: which rules watch an agent, who is told, and what series tell of it."""
