"""All texts, numbers and keys of a document with the places where they stand."""

from collections.abc import Iterator

from probes.controls.evidence.agent_config import KeyPath


def texts_of(value: object, place: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Each text that is a value, in the order of the file."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts_of(inner, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from texts_of(inner, (*place, number))


def numbers_of(value: object, place: KeyPath = ()) -> Iterator[tuple[KeyPath, int]]:
    """Each whole number that is a value."""
    if isinstance(value, int) and not isinstance(value, bool):
        yield place, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers_of(inner, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from numbers_of(inner, (*place, number))


def keys_of(value: object, place: KeyPath = ()) -> Iterator[KeyPath]:
    """The place of each key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*place, str(key))
            yield from keys_of(inner, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from keys_of(inner, (*place, number))
