"""Times as records have them."""

import re
from datetime import UTC, date, datetime, time, timedelta

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)


def parse_time(value: object) -> float:
    """Unix seconds of an RFC 3339 time with an offset; a bare date is the end of that day in UTC. Else ValueError."""
    if isinstance(value, str):
        text = value.strip()
        if not _RFC_3339.fullmatch(text):  # Python also reads weeks, commas and offsets of seconds
            raise ValueError("expected a time such as 2026-11-23T09:00:00Z, or a date")
        value = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("expected a time with an offset, such as 2026-11-23T09:00:00Z")
        return value.timestamp()
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC).timestamp() + timedelta(days=1).total_seconds()
    raise ValueError("expected a time such as 2026-11-23T09:00:00Z, or a date")
