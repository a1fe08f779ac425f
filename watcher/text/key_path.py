"""How does a mistake in the config name a place and a value?"""

import re

from probes.contract.address import shown_url
from probes.contract.key_names import told_key
from probes.controls.judges.secret_texts.rules import looks_random, secret_rule

Location = tuple[str | int, ...]
"""The keys and list positions that lead to a value."""

_MAY_HOLD_A_SECRET = re.compile("@|://|[?#]")
"""A URL, or what was meant as one."""


def key_path(place: Location) -> str:
    """`discovery.static[3].address`; a key that may be a secret is not told, nor the middle of a very long path."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{told_key(part)}" for part in place]
    path = "".join(parts).removeprefix(".")
    return path if len(path) <= 200 else f"{path[:100]}...{path[-97:]}"


def kind_name(value: object) -> str:
    """What was got instead of what was expected, where it may be a secret of somebody: only what kind of value."""
    match value:
        case str():
            return "a text" if value.strip() else "an empty text"
        case int() | float() if not isinstance(value, bool):
            return "a number"
        case _:
            return plain_name(value)


def plain_name(value: object) -> str:
    """What was got instead of what was expected: short, without secrets of a URL, and as the file would write it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            shown = shown_url(value) if _MAY_HOLD_A_SECRET.search(value) else value
            if secret_rule(shown) or looks_random(shown):
                return "a text that looks like a secret"
            return repr(shown if len(shown) <= 80 else f"{shown[:77]}...")
        case _:
            return f"{value}"[:80]
