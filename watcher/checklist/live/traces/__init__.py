"""What Jaeger or Tempo have of an agent's last hour."""
