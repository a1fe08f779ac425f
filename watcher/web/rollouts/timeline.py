"""A rollout on a line of time: its three windows one beside the other, how far each is, and what fired. Pure.

Each window has a third of the width, so that the first quarter of an hour can be seen beside six hours; time runs
evenly within each.
"""

from typing import NamedTuple

from watcher.rollouts.rollout import Fired, Rollout
from watcher.rollouts.terms import LineState, Window

SPANS = {Window.IMMEDIATE: (0.0, 900.0), Window.SHORT: (900.0, 3600.0), Window.LONG: (3600.0, 21600.0)}
"""Seconds from its begin at which a window begins and ends, in the checklist's words."""

WIDTH = 300.0
"""Units of the picture; a window has a third."""


class Stretch(NamedTuple):
    """A window as it is drawn."""

    window: Window
    x: float
    width: float  # as far as it is
    colour: str  # class of a tick


class Mark(NamedTuple):
    """Something that fired."""

    x: float
    said: str


class Timeline(NamedTuple):
    """All of it, and in a sentence."""

    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]
    said: str


def timeline(rollout: Rollout, now: float) -> Timeline:
    """As of now, Unix seconds; of a rollout that is over as of its end."""
    age = max(0.0, (rollout.ended_at if rollout.ended_at is not None else now) - rollout.began_at)
    stretches = tuple(_stretch(rollout, window, age) for window in Window)
    marks = tuple(Mark(_place(each.at - rollout.began_at), _fired(each)) for each in rollout.fired)
    words = ", ".join(f"{each.window} {_WORDS[each.colour]}" for each in stretches)
    fired = f"; {len(marks)} condition{'' if len(marks) == 1 else 's'} fired" if marks else ""
    return Timeline(stretches, marks, f"Windows: {words}{fired}.")


def _stretch(rollout: Rollout, window: Window, age: float) -> Stretch:
    begin, end = SPANS[window]
    part = min(1.0, max(0.0, (age - begin) / (end - begin)))
    x = list(Window).index(window) * WIDTH / 3
    states = {each.state for each in rollout.of(window)} - {LineState.NOT_APPLICABLE}
    if LineState.FAIL in states:
        colour, part = "critical", max(part, 0.02)
    elif not states or LineState.UNDECIDED in states:
        colour = "unknown"
    else:
        colour, part = "healthy", 1.0
    return Stretch(window, x, part * WIDTH / 3, colour)


def _place(age: float) -> float:
    for number, (begin, end) in enumerate(SPANS.values()):
        if age <= end:
            return WIDTH / 3 * (number + max(0.0, age - begin) / (end - begin))
    return WIDTH


def _fired(fired: Fired) -> str:
    return " ".join(filter(None, (fired.condition, fired.subject, "on", fired.pod)))


_WORDS = {"critical": "failed", "unknown": "undecided", "healthy": "passed"}
