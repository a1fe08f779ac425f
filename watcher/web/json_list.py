"""A list as JSON, written a piece at a time: however long it is, the process has turns between."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TypeVar

from watcher.runtime.cooperative import TimeSlice

_TOGETHER = 50  # items that are worth a write of their own

T = TypeVar("T")


async def json_list(
    head: Mapping[str, object], name: str, items: Iterable[T], as_json: Callable[[T], Mapping[str, object]]
) -> AsyncIterator[str]:
    """One object: what is in `head`, and then the items under this name, each as `as_json` makes it."""
    yield f'{json.dumps(head)[:-1]}, "{name}": ['
    made, between, time_slice = list[str](), "", TimeSlice()
    for each in items:
        made.append(between + json.dumps(as_json(each)))
        between = ",\n"
        if len(made) == _TOGETHER:
            yield "".join(made)
            made = []
        await time_slice.checkpoint()
    yield f"{''.join(made)}]}}\n"
