"""What is wrong with the form of a record: sentences without what was given, which may be anything."""

from collections.abc import Iterator

from pydantic import ValidationError

from watcher.text.key_path import key_path

_MOST = 5
_SAID = 300
"""Characters of one sentence."""

_WORDS = {
    "extra_forbidden": "no such key",
    "missing": "missing, but required",
    "model_type": "expected a mapping",
    "tuple_type": "expected a list",
    "string_type": "expected text (a number needs quotes)",
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "dict_type": "expected a mapping",
}


def mistakes_of(error: ValidationError) -> Iterator[str]:
    """A few of them, each with its key."""
    for each in error.errors(include_url=False, include_input=False)[:_MOST]:
        where = key_path(tuple(part for part in each["loc"] if not str(part).startswith("function-")))
        told = str(each["ctx"]["error"]) if "error" in each.get("ctx", {}) else _sentence(each["type"], each["msg"])
        yield (f"{where}: {told}" if where else told)[:_SAID]


def _sentence(kind: str, message: str) -> str:
    return _WORDS.get(kind) or message.replace("Input should be", "expected").replace("String should", "expected to")
