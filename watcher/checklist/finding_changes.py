"""Findings that turned, as changes among those of conditions."""

from collections.abc import Callable, Mapping, Sequence

from probes.controls.catalogue.control import Control
from probes.controls.catalogue.terms import Automation
from probes.controls.finding import State
from watcher.changes.change import Change, Kind
from watcher.checklist.turned_finding import Turn, TurnedFinding

MOST_LAPSED = 20_000
"""Findings that lapsed and are remembered, so that it is told too when they are known again."""

_MESSAGE_CHARS = 500


class FindingChanges:
    """Tells what is news: what newly fails, is mended or lapsed, and what lapsed and is known again.

    A control that is decided for the first time is none, nor is a roll-up of controls that are told themselves.
    """

    def __init__(self, controls: Mapping[str, Control], tell: Callable[[Sequence[Change]], None]) -> None:
        """`controls` by id; `tell` is called with what is news."""
        self._controls, self._tell = controls, tell
        self._lapsed: set[tuple[object, str]] = set()  # agent and control

    def __call__(self, turned: Sequence[TurnedFinding]) -> None:
        """Tell these."""
        if changes := [_change(each) for each in turned if self._is_news(each)]:
            self._tell(changes)

    def _is_news(self, turned: TurnedFinding) -> bool:
        if self._controls[turned.control].automation is Automation.ROLLUP:
            return False
        place, was_lapsed = (turned.agent, turned.control), False
        if place in self._lapsed:
            was_lapsed = True
            self._lapsed.discard(place)
        if turned.turn is Turn.LAPSED and turned.after is State.UNKNOWN and len(self._lapsed) < MOST_LAPSED:
            self._lapsed.add(place)
        return was_lapsed or turned.turn is not None


def _change(turned: TurnedFinding) -> Change:
    text = turned.message
    return Change(
        at=turned.at,
        namespace=turned.agent.namespace,
        agent=turned.agent.agent,
        pod="",
        kind=Kind.CONTROL,
        name=turned.control,
        subject="",
        before=turned.before.value,
        after=turned.after.value,
        reason=turned.reason,
        message=text if len(text) <= _MESSAGE_CHARS else text[: _MESSAGE_CHARS - 1] + "…",
        lasted=turned.lasted,
    )
