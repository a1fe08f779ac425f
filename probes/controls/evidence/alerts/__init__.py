"""What Prometheus and Alertmanager know: rules that watch an agent, figures of its series, and who is told."""
