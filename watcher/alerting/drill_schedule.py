"""When does the daemon make drills, and what does it export of them?"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from watcher.alerting.drill import Drilled, Memory, drill
from watcher.config.settings import Settings
from watcher.metrics.families import DRILL_FAILURES, DRILL_SUCCESS
from watcher.metrics.own import OwnMetrics
from watcher.runtime.failures import FailuresLogger
from watcher.scheduling.schedule import Schedule

log = logging.getLogger(__name__)

_JOB = "drill"


class Plan(NamedTuple):
    """Where test alerts go, and how many seconds there are from one drill to the next."""

    url: str
    every: float
    runbooks: str | None = None  # what the link to theirs begins with

    @classmethod
    def of(cls, settings: Settings) -> "Plan | None":
        """What the config says, None where it wants no drills."""
        if settings.drill is None or settings.alertmanager is None:
            return None
        return cls(settings.alertmanager.url, settings.drill.every, settings.alertmanager.runbook_url)


class Drills:
    """The drills of a daemon; one that fails is told and costs nothing else."""

    FIRST = 30.0
    """Seconds from the start, or from a change of the plan, to the first drill."""

    def __init__(
        self, schedule: Schedule, own_metrics: OwnMetrics, now: Callable[[], float], first: float = FIRST
    ) -> None:
        """`now`: steady seconds."""
        self._schedule, self._own_metrics, self._now, self._first = schedule, own_metrics, now, first
        self._plan: Plan | None = None
        self._under_way: asyncio.Task[list[Drilled]] | None = None
        self._failures = 0  # in a row
        self._logger = FailuresLogger(log)
        self._memory = Memory()

    def follow(self, plan: Plan | None) -> None:
        """Make drills by this plan from now on, none if there is none; one under way by another plan is cut off."""
        if plan == self._plan:
            return
        if self._plan is not None:
            self._schedule.stop([_JOB])
            self._cut()
        self._plan, self._memory = plan, Memory()
        if plan is None:
            self._failures = 0
            self._own_metrics.drop(DRILL_FAILURES)
            self._own_metrics.drop(DRILL_SUCCESS)
        else:
            self._own_metrics.set(DRILL_FAILURES, self._failures)
            self._schedule.every(plan.every, partial(self._make, plan), _JOB, first=self._first)

    async def close(self) -> None:
        """Cut off a drill that is under way; its alerts end by themselves."""
        self._cut()
        if self._under_way is not None:
            await asyncio.gather(self._under_way, return_exceptions=True)

    def _cut(self) -> None:
        if self._under_way is not None:
            self._under_way.cancel()

    async def _make(self, plan: Plan) -> None:
        self._under_way = asyncio.create_task(drill(plan.url, memory=self._memory, runbooks=plan.runbooks))
        drilled = list[Drilled]()
        try:
            drilled = await self._under_way
        except Exception:  # the boundary: a drill that broke off has proved nothing, and may do so each time
            self._logger.exception("drill broke off")
        for each in drilled:
            if each.trouble:
                log.warning("drill failed", extra={"severity": each.severity, "why": each.trouble})
            else:
                log.info(
                    "drill accepted by Alertmanager",
                    extra={"severity": each.severity, "receivers": ", ".join(each.receivers), "delivery": each.said},
                )
                self._own_metrics.set_moment(DRILL_SUCCESS, self._now(), each.severity)
        self._failures = self._failures + 1 if not drilled or any(each.trouble for each in drilled) else 0
        self._own_metrics.set(DRILL_FAILURES, self._failures)
