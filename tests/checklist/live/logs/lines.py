"""Lines of logs made for a test."""

import json

SPIFFE_ID = "spiffe://example.org/agent/search"


def line(**more: object) -> bytes:
    """A line with the seven fields of the checklist; None takes one away."""
    given: dict[str, object] = {
        "timestamp": "2026-11-30T18:00:00.123Z",
        "level": "INFO",
        "message": "Request handled",
        "request_id": "req-1",
        "spiffe_id": SPIFFE_ID,
        "duration_ms": 12.5,
        "caller_id": "spiffe://example.org/agent/orchestrator",
    }
    return json.dumps({key: value for key, value in (given | more).items() if value is not None}).encode()
