"""What a record's statement lists: `hosts: db.example.org, queue.example.org` on a line of it."""

import re
from functools import lru_cache

_SEPARATOR = re.compile(r"[\s,]+")
_AROUND = "`'\"."


@lru_cache(maxsize=1024)
def listed(statement: str, what: str) -> frozenset[str] | None:
    """The names after `what:`, up to the end of the line or a semicolon, in small letters; None where it has no list.

    They are parted by commas or spaces. Several lists of the same are one.
    """
    lists = re.findall(rf"(?i)(?<![\w.-]){re.escape(what)}:([^;\n\r]*)", statement)
    names = (name.strip(_AROUND).casefold() for each in lists for name in _SEPARATOR.split(each))
    return frozenset(name for name in names if name) if lists else None
