"""Which SPIFFE ID each pod is expected to serve."""
