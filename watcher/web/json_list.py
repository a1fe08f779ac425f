"""A list as JSON, written a piece at a time: however long it is, the process has turns between."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from watcher.runtime.cooperative import TimeSlice

_CHUNK = 1 << 14
"""Characters that are worth a write of their own."""

T = TypeVar("T")


async def in_chunks(pieces: Iterable[str]) -> AsyncIterator[str]:
    """The same text in parts that are worth a write, each piece of it made in turns with the looks."""
    made, size, time_slice = list[str](), 0, TimeSlice()
    for piece in pieces:
        made.append(piece)
        size += len(piece)
        if size >= _CHUNK:
            yield "".join(made)
            made, size = [], 0
        await time_slice.checkpoint()
    if made:
        yield "".join(made)


def items(texts: Iterable[Iterable[str]]) -> Iterator[str]:
    """The pieces of the items of a list, which each have some or none, and what stands between two items."""
    between = ""
    for pieces in texts:
        for number, piece in enumerate(pieces):
            yield piece if number else between + piece
            between = ",\n"


async def json_list(
    head: Mapping[str, object], name: str, found: Iterable[T], as_json: Callable[[T], Mapping[str, object]]
) -> AsyncIterator[str]:
    """One object: what is in `head`, and then what was found under this name, each as `as_json` makes it."""
    yield f'{json.dumps(head)[:-1]}, "{name}": ['
    async for piece in in_chunks(items([json.dumps(as_json(each))] for each in found)):
        yield piece
    yield "]}\n"
