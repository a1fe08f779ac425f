"""An answer in JSON whose length lies in one list: read item by item, so that never all of it is held at once.

1. What comes before the list is kept until the list begins; an answer without the list is kept whole, up to a cap.
2. Each item of the list is given as soon as it is whole.
3. What comes after it is kept, and with what came before it is the envelope: the same answer with an empty list.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_MOST_AROUND = 1 << 16
"""Characters before the list, and after it."""

_DECODER = json.JSONDecoder()
_BETWEEN = " \t\r\n,"


class ItemsError(ValueError):
    """It is not JSON of this shape, or has too much of it; a part of a sentence."""


class ItemReader:
    """Fed with pieces of text; each costs a try to read the item that it is in, so they should not be tiny."""

    def __init__(self, key: str, most: int, longest: int) -> None:
        """`key`: of the list; it may have so many items, of so many characters each."""
        self._opening, self._most, self._longest = re.compile(rf'"{key}"\s*:\s*\['), most, longest
        self._head, self._buffer, self._tail = "", "", ""
        self._in_list = self._over = False
        self._count = 0

    def feed(self, text: str) -> Iterator[Any]:
        """The items that are whole by this piece; ItemsError."""
        if self._over:
            self._keep(text)
        elif self._in_list:
            self._buffer += text
            yield from self._items()
        else:
            self._head += text
            if (opening := self._opening.search(self._head)) is not None:
                at = opening.end()
                self._buffer, self._head, self._in_list = self._head[at:], self._head[:at], True
                yield from self._items()
            elif len(self._head) > _MOST_AROUND:
                raise ItemsError("it is not what Prometheus answers")

    @property
    def has_list(self) -> bool:
        """Whether there was the list, and all of it."""
        return self._over

    def envelope(self) -> dict[str, Any]:
        """The answer without its items, once all of it was fed; ItemsError where it is cut off or no object."""
        try:
            found = json.loads(self._head + ("]" + self._tail if self._in_list else ""))
        except (ValueError, RecursionError) as error:
            raise ItemsError("it is not JSON, or is cut off") from error
        if (self._in_list and not self._over) or not isinstance(found, dict):
            raise ItemsError("it is not JSON, or is cut off")
        return found

    def _items(self) -> Iterator[Any]:
        start = 0
        while True:
            while start < len(self._buffer) and self._buffer[start] in _BETWEEN:
                start += 1
            if self._buffer[start : start + 1] == "]":
                self._over = True
                self._keep(self._buffer[start + 1 :])
                self._buffer = ""
                return
            item, end = self._item(start)
            if end < 0:
                self._buffer = self._buffer[start:]
                return
            self._count += 1
            if self._count > self._most:
                raise ItemsError(f"it has more than {self._most:,} parts")
            yield item
            start = end

    def _item(self, start: int) -> tuple[Any, int]:
        """The item that begins there and where it ends, -1 where it is not whole yet."""
        left = len(self._buffer) - start
        if left > self._longest:
            raise ItemsError(f"one part of it is longer than {self._longest:,} characters")
        if not self._buffer.startswith("{", start):
            if left:
                raise ItemsError("a part of it is no object")
            return None, -1
        try:
            return _DECODER.raw_decode(self._buffer, start)
        except RecursionError as error:
            raise ItemsError("it is nested too deep") from error
        except ValueError:
            return None, -1

    def _keep(self, text: str) -> None:
        self._tail += text
        if len(self._tail) > _MOST_AROUND:
            raise ItemsError("what follows its list is too long")
