"""Pictures of what probes judged by, made for pages and the API when they are asked for."""
