"""What is served over HTTP: /metrics, the API, pages and runbooks for people."""
