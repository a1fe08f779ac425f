"""Which conditions are told as Events on their pods? Each that turns, and every half an hour those that are true."""

import logging
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.contract import TargetKey
from probes.contract.condition import Status
from watcher.config.settings import Settings
from watcher.engine.board import Board
from watcher.engine.engine import Engine
from watcher.events.event import ConditionSubject, Transition, condition_subject, event_of, transitions, vanished
from watcher.events.queue import EventQueue
from watcher.events.rollouts import RolloutEvents
from watcher.events.writer import EventWriter
from watcher.kube.pod_ref import PodRef
from watcher.metrics.families import EVENTS
from watcher.metrics.own import OwnMetrics
from watcher.rollouts.rollouts import Rollouts
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.failures import FailuresLogger
from watcher.targets import TargetSet

log = logging.getLogger(__name__)

REFRESH = 1800.0
"""Seconds: the API server keeps an Event for an hour after it was last told."""

_SLICE = 20


@dataclass(slots=True)
class _ReportedPod:
    """What is true of one target, as far as it was told, or would have been if this process were active."""

    pod: PodRef
    began: dict[ConditionSubject, float] = field(default_factory=dict)  # steady seconds


class Events:
    """Follows a board. Healthy targets cost nothing: only those whose verdicts changed are compared."""

    EVERY = 1.0
    """Seconds from one look at what changed to the next."""

    def __init__(
        self,
        board: Board,
        pod_of: Callable[[TargetKey], PodRef | None],
        queue: EventQueue,
        writer: EventWriter,
        own_metrics: OwnMetrics,
        is_active: Callable[[], bool],
        now: Callable[[], float],
        rollouts: RolloutEvents | None = None,
    ) -> None:
        """`pod_of`: which pod a target is, None for none; `is_active`: whether it tells; `now`: steady seconds.

        `rollouts`: what is told of them in the same way; None where none are followed.
        """
        self._rollouts = rollouts
        self._logger = FailuresLogger(log)
        self._board, self._pod_of, self._queue, self._writer, self._own_metrics = (
            board,
            pod_of,
            queue,
            writer,
            own_metrics,
        )
        self._is_active, self._now = is_active, now
        self._reported: dict[TargetKey, _ReportedPod] = {}
        self._due: dict[
            tuple[TargetKey, ConditionSubject], float
        ] = {}  # when it was last told; the first is the oldest
        self._was_active = False
        self._writing = False
        self._logged_dropped = False
        board.touched = set()

    async def tick(self) -> None:
        """Look at what changed since the last time, and write what there is to write."""
        await self._follow()
        if not self._writing:
            self._writing = True
            try:
                await self._writer.write()
            finally:
                self._writing = False

    async def _follow(self) -> None:
        time_slice = TimeSlice()
        touched, self._board.touched = self._board.touched or set(), set()
        active = self._is_active()
        if not active:
            self._queue.clear()
        if self._rollouts is not None:
            self._rollouts.follow(active=active)
        # Another process told it until now, or nobody did.
        again = list(self._due) if active and not self._was_active else self._old()
        self._was_active = active
        for count, key in enumerate(touched):
            self._compare(key, active=active)
            if count % _SLICE == 0:
                await time_slice.checkpoint()
        for count, (key, place) in enumerate(again):
            self._repeat(key, place, active=active)
            if count % _SLICE == 0:
                await time_slice.checkpoint()
        self._logged_dropped = self._logged_dropped and len(self._queue) > 0

    def _old(self) -> list[tuple[TargetKey, ConditionSubject]]:
        """What was told half an hour ago."""
        limit, old = self._now() - REFRESH, []
        for at, reported_at in self._due.items():
            if reported_at > limit:
                break
            old.append(at)
        return old

    def _compare(self, key: TargetKey, *, active: bool) -> None:
        state, reported = self._board.states.get(key), self._reported.get(key)
        calm = state is None or all(result is None or result.verdicts.calm for result in state.results)
        if reported is None and calm:
            return
        pod = self._pod_of(key) if state is not None else None
        if reported is not None and reported.pod != pod:
            self._forget(key, reported)
            reported = None
        if state is None or pod is None:
            return
        reported = reported or _ReportedPod(pod)
        for turned in list(transitions(reported.began, state.results)):
            self._turn(key, reported, turned, active=active)
        for place in vanished(reported.began, state.results):
            self._drop(key, reported, place)
        if reported.began:
            self._reported[key] = reported
        else:
            self._reported.pop(key, None)

    def _turn(self, key: TargetKey, reported: _ReportedPod, turned: Transition, *, active: bool) -> None:
        place = condition_subject(turned.verdict)
        if turned.verdict.status is Status.TRUE:
            reported.began[place] = turned.began
            self._due[key, place] = self._now()
        else:
            self._drop(key, reported, place)
        if active:
            self._put(reported.pod, turned)

    def _repeat(self, key: TargetKey, place: ConditionSubject, *, active: bool) -> None:
        """Tell it again, if it is true now; where it is unknown it may be true again by the next time."""
        state, reported = self._board.states.get(key), self._reported.get(key)
        if state is None or reported is None or self._due.pop((key, place), None) is None:
            return
        self._due[key, place] = self._now()
        for condition in self._board.conditions(state) if active else ():
            if condition.verdict.status is Status.TRUE and condition_subject(condition.verdict) == place:
                began = reported.began[place]
                self._put(reported.pod, Transition(condition.verdict, began, began))

    def _put(self, pod: PodRef, turned: Transition) -> None:
        try:
            date_of = self._board.date_of
            dated = turned._replace(since=date_of(turned.since), began=date_of(turned.began))
            event = event_of(pod, dated, date_of(self._now()))
        except Exception:  # the boundary: a sentence that cannot be made costs its Event, not those of others
            self._logger.exception("cannot build Event", condition=turned.verdict.kind.name)
            return
        if not self._queue.put(event):
            self._own_metrics.add(EVENTS, 1, "dropped")
            if not self._logged_dropped:
                self._logged_dropped = True
                log.warning("dropping Events, queue full", extra={"waiting": len(self._queue)})

    def _forget(self, key: TargetKey, reported: _ReportedPod) -> None:
        for place in list(reported.began):
            self._drop(key, reported, place)
        self._reported.pop(key, None)

    def _drop(self, key: TargetKey, reported: _ReportedPod, place: ConditionSubject) -> None:
        reported.began.pop(place)
        self._due.pop((key, place), None)


def open_events(settings: Settings, engine: Engine, target_set: TargetSet, rollouts: Rollouts | None) -> Events | None:
    """The Events of a daemon, None where the config wants none. `rollouts`: None where none are followed."""
    access = target_set.access
    if access is None or settings.kubernetes is None or not settings.kubernetes.events.enabled:
        return None
    queue = EventQueue()

    def is_active() -> bool:
        return engine.role.active

    def may_write() -> bool:
        # What a leader saw while it was cut off is not written before it knows that it still leads.
        return engine.role.active and not engine.role.unconfirmed(time.monotonic())

    host = socket.gethostname()  # in Kubernetes: the name of our pod
    writer = EventWriter(access, queue, engine.own_metrics, host, may_write, time.monotonic, random.uniform)
    beside = RolloutEvents(rollouts, queue, engine.clock.wall) if rollouts is not None else None
    told = engine.own_metrics, is_active, engine.clock.steady
    return Events(engine.board, target_set.pod_of, queue, writer, *told, beside)
