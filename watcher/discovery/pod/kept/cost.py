"""What does it cost to read a template? Whoever may make a pod decides that, and the loop must not stand meanwhile."""

from collections.abc import Collection, Mapping
from typing import Any

MOST_WORK = 5000
"""Steps, of five microseconds each or so: three hundred variables; the public chart's has two hundred."""

_TEXT, _VALUE = 3, 10
"""Steps for a text in which a secret is looked for, and for a variable or an argument in place of which one stands."""

_VALUES = ("env", "command", "args")


def costs_too_much(spec: Mapping[str, Any], left_out: Collection[str], most: int = MOST_WORK) -> bool:
    """Whether reading what is not `left_out` takes more steps than these; it is found out within as many."""
    work, left = 0, [(key, value) for key, value in spec.items() if key not in left_out]
    while left and work + len(left) <= most:
        key, value = left.pop()
        work += _TEXT if isinstance(value, str) else 1
        if isinstance(value, dict):
            left.extend(value.items())
        elif isinstance(value, list):
            work += _VALUE * len(value) if key in _VALUES else 0
            left.extend(("", each) for each in value[: most + 1])
    return work + len(left) > most
