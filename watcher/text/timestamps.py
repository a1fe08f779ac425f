"""Moments as Kubernetes reads them: RFC 3339 in UTC, with microseconds."""

from datetime import UTC, datetime


def micro_time(unix_seconds: float) -> str:
    """With microseconds: a MicroTime of Kubernetes, which the API server refuses without them."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
