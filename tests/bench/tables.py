"""Figures as tables, and those that have a limit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """A figure that has a limit and an aim, all in the same unit."""

    figure: str
    must: float
    aim: float
    measured: float
    unit: str
    note: str

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        held = "aim" if self.measured <= self.aim else "must" if self.measured <= self.must else "**missed**"
        shown = [f"{number:.3g}{self.unit}" for number in (self.must, self.aim, self.measured)]
        return (self.figure, *shown, held, self.note)


PROMISED = ("figure", "must", "aim", "measured", "reached", "how")
"""The head of a table of promises."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
