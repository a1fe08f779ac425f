"""Work in steps, for who has other things to do in between: of an agent with thousands of pods each step is short."""

from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

STEP = 200
"""Pods, or what was said of so many, in one step."""

T = TypeVar("T")
Steps = Generator[None, None, T]


def finished(steps: Steps[T]) -> T:
    """What all steps together come to, made at once."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            made: T = done.value
            return made


def in_steps(each: Iterable[T]) -> Steps[list[T]]:
    """All of these, STEP in each step."""
    every: Iterator[T] = iter(each)
    made: list[T] = []
    for one in every:
        made.append(one)
        if len(made) % STEP == 0:
            yield
    return made
