"""Which texts have personal data by their form? Two rules that are nearly always right; most of it has no form."""

import re
from collections.abc import Iterator

EMAIL, CARD = "e-mail address", "card number"

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+/:-])([A-Za-z0-9._%+-]{1,64})@((?:[A-Za-z0-9-]{1,63}\.){1,5}([A-Za-z]{2,24}))(?![\w@-])"
)
# Not within a word: some random ids in hexadecimal, as those of traces and UUIDs, have digits in a row that would do.
_CARD = re.compile(r"(?:(?<![\w.\-+])|(?<=\\[nrt]))(?:\d[ -]?){12,18}\d(?![\w.\-])")
_NOBODY = frozenset({"git", "noreply", "no-reply", "root", "postgres"})
_RESERVED = frozenset({"example", "test", "invalid", "localhost", "local", "internal", "svc"})
_EXAMPLES = ("example.com", "example.org", "example.net")
_SHORTEST_CARD, _LONGEST_CARD = 13, 19


def personal_rules(text: str) -> Iterator[str]:
    """The name of each rule that the text matches."""
    if "@" in text and any(_is_address(*found) for found in _EMAIL.findall(text)):
        yield EMAIL
    if any(_is_card(found[0]) for found in _CARD.finditer(text)):
        yield CARD


def _is_address(name: str, domain: str, top: str) -> bool:
    """Of somebody: names of accounts of machines, and domains that nobody can have, are not."""
    domain = domain.lower()
    return name.lower() not in _NOBODY and top.lower() not in _RESERVED and not domain.endswith(_EXAMPLES)


def _is_card(text: str) -> bool:
    """A number of a payment card: its first digit is one that cards have, and its check digit is right (Luhn)."""
    digits = [int(each) for each in text if each.isdigit()]
    if not _SHORTEST_CARD <= len(digits) <= _LONGEST_CARD or digits[0] not in (3, 4, 5, 6) or len(set(digits)) < 2:
        return False
    doubled = [sum(divmod(2 * each, 10)) for each in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
