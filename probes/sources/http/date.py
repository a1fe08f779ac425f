"""What time is it for the other side?"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache


def read_date(header: str) -> float | None:
    """The Unix seconds of a `Date` header (RFC 9110, section 6.6.1); None where it is missing or says none."""
    return _read(header[:100])  # cut before it is remembered: a header may have 64 KiB


@lru_cache(maxsize=256)  # of a second; a whole fleet says the same
def _read(header: str) -> float | None:
    try:
        moment = parsedate_to_datetime(header)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
