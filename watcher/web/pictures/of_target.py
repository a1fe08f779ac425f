"""The pictures of one target, from what its probes remember; made when a page is asked for, and not kept."""

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from probes import AnyProbe
from probes.contract import ConditionKind
from probes.contract.picture import Picture, PictureContext
from probes.contract.reading import STALE_AFTER
from watcher.engine.board import TargetState
from watcher.engine.debounce import ProbeResult
from watcher.engine.engine import Engine
from watcher.pictures.drawing import DrawnBar, drawn, drawn_bar
from watcher.pictures.shown import SHOWN, ProbePictures
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.failures import FailuresLogger

log = logging.getLogger(__name__)


class Remembered(NamedTuple):
    """What one probe knows of a target."""

    probe: AnyProbe
    history: object
    context: PictureContext[Any]


class Pictures:
    """Makes them of whatever targets the engine looks at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._logger = FailuresLogger(log)

    async def of(
        self, state: TargetState, page: str, kind: ConditionKind | None = None, subject: str = ""
    ) -> dict[str, ProbePictures]:
        """By probe; of one condition, and of one subject, where they are named; in turns with the looks.

        `page`: what tells the target from others on the same page, of letters, digits, `.` and `-`.
        """
        made, time_slice = dict[str, ProbePictures](), TimeSlice()
        for each in remembered(self._engine, state):
            shown = self._shown(each, state, page, kind, subject)
            if shown.pictures or shown.failed:
                made[each.probe.name] = shown
            await time_slice.checkpoint()
        return made

    def bars(self, state: TargetState) -> tuple[DrawnBar, ...]:
        """Those of all probes: a line of the fleet's page has room for them."""
        found: list[DrawnBar] = []
        for each in remembered(self._engine, state):
            try:
                found += map(drawn_bar, each.probe.bars(each.history, each.context))
            except Exception:  # the boundary: a probe that raises costs its bars, never the page
                self._logger.exception("bars cannot be made", **_named(each, state))
        return tuple(found)

    def _shown(
        self, of: Remembered, state: TargetState, page: str, kind: ConditionKind | None, subject: str
    ) -> ProbePictures:
        try:
            some = list(islice(_wanted(of, kind, subject), SHOWN + 1))
            pictures = [drawn(each, f"{page}-{of.probe.name}-{place}") for place, each in enumerate(some[:SHOWN])]
        except Exception:  # the boundary: a probe that raises costs its pictures, never the page
            self._logger.exception("pictures cannot be made", **_named(of, state))
            return ProbePictures((), failed=True)
        return ProbePictures(tuple(pictures), more=len(some) > SHOWN)


def remembered(engine: Engine, state: TargetState) -> Iterator[Remembered]:
    """Of each probe whose conditions rest on looks at the target."""
    board, now, date = engine.board, engine.clock.steady(), engine.clock.wall()
    for index, result, verdicts in board.fresh(state.results, board.oldest(now)):
        if result.rests_on_looks:
            probe = board.probes[index]
            look = state.looks.get(probe.source)
            context = PictureContext(
                target=state.target,
                limits=state.target.limits[probe.name],
                now=now,
                date=date,
                interval=board.stale_after[index] / STALE_AFTER,
                looked=result.at,
                samples=result.samples,
                stale=verdicts is not result.verdicts,
                reading=look.reading if look is not None else None,
                took=look.seconds if look is not None else 0.0,
                clock_doubt=engine.fleet.peer_clocks.doubt,
            )
            yield Remembered(probe, _history(probe, result, state), context)


def _history(probe: AnyProbe, result: ProbeResult, state: TargetState) -> object:
    """Before the first look, that of an earlier process: the first look goes on from there."""
    if state.restored is None or probe.source in state.looks:
        return result.history
    return state.restored.of([probe.name]).history.get(probe.name, result.history)


def _wanted(of: Remembered, kind: ConditionKind | None, subject: str) -> Iterator[Picture]:
    for each in of.probe.pictures(of.history, of.context):
        if (kind is None or kind in each.conditions) and subject in ("", each.subject):
            yield each


def _named(of: Remembered, state: TargetState) -> dict[str, str]:
    return {"probe": of.probe.name, "target": "/".join(state.target.key)}
