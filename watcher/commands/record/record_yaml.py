"""A record as YAML, its keys in the order in which they were given; texts stand quoted, so that each reader agrees."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./_-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def as_yaml(document: Mapping[str, object]) -> str:
    """One document that begins with a line `---`."""
    return "".join(f"{line}\n" for line in ("---", *_lines(document)))


def _lines(mapping: Mapping[str, object]) -> Iterator[str]:
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield f"{key}:"
            yield from (f"  {line}" for line in _lines(value))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield f"{key}: [{', '.join(map(_scalar, value))}]"
        else:
            yield f"{key}: {_scalar(value)}"


def _scalar(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return "".join(each if each.isprintable() else _escaped(each) for each in json.dumps(value, ensure_ascii=False))


def _escaped(character: str) -> str:
    return f"\\U{ord(character):08x}"
