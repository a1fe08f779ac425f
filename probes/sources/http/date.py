"""What time is it for the other side?"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache


@lru_cache(maxsize=256)  # of a second; a whole fleet says the same
def read_date(header: str) -> float | None:
    """The Unix seconds of a `Date` header (RFC 9110, section 6.6.1); None where it is missing or says none."""
    try:
        moment = parsedate_to_datetime(header[:100])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
