"""Which values of a document may be secrets, though they match no rule? By their keys, or as they look random."""

from collections.abc import Iterator, Mapping

from probes.controls.evidence.agent_config import KeyPath
from probes.controls.judges.once import once
from probes.controls.judges.secret_texts.rules import BY_NAME, may_be_secret, secret_rule
from probes.controls.judges.texts import numbers_of, texts_of

_SHORTEST = 1000
"""The least number that is a password: fewer digits are a count or a switch."""


@once
def doubts_of(document: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
    """Their places, and why, a part of a sentence."""
    for place, text in texts_of(document):
        if not secret_rule(text) and (why := may_be_secret(_key(place), text)):
            yield place, why
    for place, number in numbers_of(document):
        key = _key(place)
        if number >= _SHORTEST and not key.lower().endswith("token") and may_be_secret(key, str(number)) == BY_NAME:
            yield place, BY_NAME


def _key(place: KeyPath) -> str:
    """What names a value; of `secret: {value: x}` the key above does."""
    keys = [each for each in place if isinstance(each, str)]
    named = [each for each in keys if each != "value"] or keys
    return named[-1] if named else ""
