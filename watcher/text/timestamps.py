"""Moments as other programs read them: RFC 3339 in UTC."""

from datetime import UTC, datetime


def rfc3339(unix_seconds: float) -> str:
    """In whole seconds, as the API writes them."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_time(unix_seconds: float) -> str:
    """With microseconds: a MicroTime of Kubernetes, which the API server refuses without them."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
