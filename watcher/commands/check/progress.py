"""How far is a call that takes long? A bar on a terminal, else a line on standard error each ten seconds.

1. Each step of the call says its name (`step`), and how many pieces it has where that is known.
2. Each piece that is done says so (`done`).
3. On a terminal a bar shows both from the first half second on; elsewhere a line is written when EVERY seconds passed.
4. What is printed at the end is a step as well: the call is silent nowhere.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import get_terminal_size
from types import TracebackType
from typing import Self

EVERY = 10.0
"""Seconds between two lines where nobody looks at a terminal."""

_CELLS = 24  # of the bar
_FIRST, _SHOWN = 0.5, 0.1  # seconds: a call that is shorter shows nothing; between two pictures of the bar


class Progress:
    """What a call is doing; one that is never entered shows nothing."""

    def __init__(self, name: str = "", every: float = EVERY) -> None:
        """`name`: of the command, before its lines; `every`: seconds between these."""
        self._name, self._every = name, every
        self._step, self._done, self._total = "", 0, 0
        self._began = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._hidden = False

    def step(self, name: str, total: int = 0) -> None:
        """What is done from now on, of so many pieces; 0: nobody knows."""
        self._step, self._done, self._total = name, 0, total

    def done(self) -> None:
        """One piece more is done."""
        self._done += 1

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Meanwhile standard output has the terminal for itself."""
        bar, self._hidden = sys.stderr.isatty() and self._task is not None, True
        if bar:
            _draw("")
        try:
            yield
        finally:
            self._hidden = False

    async def __aenter__(self) -> Self:
        shown = self._bar() if sys.stderr.isatty() else self._lines()
        self._task = asyncio.create_task(shown)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def said(self) -> str:
        """`looking: 1,200 of 4,000`."""
        return f"{self._step}: {self._done:,} of {self._total:,}" if self._total else self._step

    async def _lines(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            print(f"{self._name}: {self.said()} after {time.monotonic() - self._began:.0f} s", file=sys.stderr)

    async def _bar(self) -> None:
        await asyncio.sleep(_FIRST)
        try:
            while True:
                if not self._hidden:
                    _draw(f"{self._picture()}{self.said()}, {time.monotonic() - self._began:.0f} s")
                await asyncio.sleep(_SHOWN)
        finally:
            if not self._hidden:
                _draw("")

    def _picture(self) -> str:
        if not self._total:
            return ""
        full = min(_CELLS, _CELLS * self._done // self._total)
        return f"[{'#' * full}{' ' * (_CELLS - full)}] "


def _draw(text: str) -> None:
    """In the place of what was drawn before."""
    print(f"\r{text[: get_terminal_size().columns - 1]}\x1b[K", end="", file=sys.stderr, flush=True)
