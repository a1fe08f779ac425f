"""How is it told how a rollout goes on? On a terminal a line that moves, in a log a line for each thing that is new."""

from typing import TextIO

from probes.contract import say_duration
from watcher.rollouts.reports.words import MARKS, STATES
from watcher.rollouts.terms import LineState
from watcher.text.printable import printable

STILL = 60.0
"""Seconds after which a log is told that it still goes on."""

_CLEAR = "\r\x1b[K"


class Teller:
    """Writes to one stream."""

    def __init__(self, stream: TextIO, *, moves: bool, width: int = 80) -> None:
        """`moves`: it is a terminal of this width, on which the last line can be written anew."""
        self._stream, self._moves, self._width = stream, moves, max(20, width)
        self._said, self._at = "", 0.0

    def line(self, name: str, window: str, state: str, said: str) -> None:
        """A line was decided."""
        found = LineState(state)
        why = f": {said}" if said else ""
        self._write(f"{MARKS[found]} {name} ({window}) {STATES[found]}{why}")

    def waiting(self, seconds: float, said: str) -> None:
        """It goes on; in a log that is told where it is new, and once a minute."""
        text = printable(f"{say_duration(seconds)}  {said}")
        if self._moves:
            short = text if len(text) < self._width else f"{text[: self._width - 2]}…"
            print(f"{_CLEAR}{short}", end="", file=self._stream, flush=True)
        elif said != self._said or seconds - self._at >= STILL:
            self._said, self._at = said, seconds
            self._write(text)

    def end(self) -> None:
        """Nothing moves any more."""
        if self._moves:
            print(end=_CLEAR, file=self._stream, flush=True)

    def _write(self, text: str) -> None:
        print(f"{_CLEAR if self._moves else ''}{printable(text)}", file=self._stream, flush=True)
