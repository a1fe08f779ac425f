"""Which conditions are told as Events on their pods? Each that turns, and every half an hour those that are true."""

import logging
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.contract import Status, TargetKey
from watcher.config.settings import Settings
from watcher.engine.board import Board
from watcher.engine.engine import Watch
from watcher.events.event import Place, Transition, event_of, place_of, transitions, vanished
from watcher.events.queue import EventQueue
from watcher.events.writer import EventWriter
from watcher.kube.pod_ref import PodRef
from watcher.metrics.own import EVENTS, Vitals
from watcher.runtime.cooperative import Turns
from watcher.targets import Roster

log = logging.getLogger(__name__)

REFRESH = 1800.0
"""Seconds: the API server keeps an Event for an hour after it was last told."""

_SLICE = 20


@dataclass(slots=True)
class _Told:
    """What is true of one target, as far as it was told, or would have been if this process were active."""

    pod: PodRef
    began: dict[Place, float] = field(default_factory=dict)  # Unix seconds


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
        vitals: Vitals,
        is_active: Callable[[], bool],
        now: Callable[[], float],
    ) -> None:
        """`pod_of`: which pod a target is, None for none; `is_active`: whether this process tells; `now`: Unix time."""
        self._board, self._pod_of, self._queue, self._writer, self._vitals = board, pod_of, queue, writer, vitals
        self._is_active, self._now = is_active, now
        self._told: dict[TargetKey, _Told] = {}
        self._due: dict[tuple[TargetKey, Place], float] = {}  # when it was last told; the first is the oldest
        self._was_active = False
        self._writing = False
        self._said_dropped = False
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
        turns = Turns()
        touched, self._board.touched = self._board.touched or set(), set()
        active = self._is_active()
        if not active:
            self._queue.clear()
        # Another process told it until now, or nobody did.
        again = list(self._due) if active and not self._was_active else self._old()
        self._was_active = active
        for count, key in enumerate(touched):
            self._compare(key, active=active)
            if count % _SLICE == 0:
                await turns.pause()
        for count, (key, place) in enumerate(again):
            self._repeat(key, place, active=active)
            if count % _SLICE == 0:
                await turns.pause()
        self._said_dropped = self._said_dropped and len(self._queue) > 0

    def _old(self) -> list[tuple[TargetKey, Place]]:
        """What was told half an hour ago."""
        limit, old = self._now() - REFRESH, []
        for at, told in self._due.items():
            if told > limit:
                break
            old.append(at)
        return old

    def _compare(self, key: TargetKey, *, active: bool) -> None:
        row, told = self._board.rows.get(key), self._told.get(key)
        calm = row is None or all(sheet is None or sheet.verdicts.calm for sheet in row.sheets)
        if told is None and calm:
            return
        pod = self._pod_of(key) if row is not None else None
        if told is not None and told.pod != pod:
            self._forget(key, told)
            told = None
        if row is None or pod is None:
            return
        told = told or _Told(pod)
        for turned in list(transitions(told.began, row.sheets)):
            self._turn(key, told, turned, active=active)
        for place in vanished(told.began, row.sheets):
            self._drop(key, told, place)
        if told.began:
            self._told[key] = told
        else:
            self._told.pop(key, None)

    def _turn(self, key: TargetKey, told: _Told, turned: Transition, *, active: bool) -> None:
        place = place_of(turned.verdict)
        if turned.verdict.status is Status.TRUE:
            told.began[place] = turned.began
            self._due[key, place] = self._now()
        else:
            self._drop(key, told, place)
        if active:
            self._put(told.pod, turned)

    def _repeat(self, key: TargetKey, place: Place, *, active: bool) -> None:
        """Tell it again, if it is true now; where it is unknown it may be true again by the next time."""
        row, told = self._board.rows.get(key), self._told.get(key)
        if row is None or told is None or self._due.pop((key, place), None) is None:
            return
        self._due[key, place] = self._now()
        for standing in self._board.conditions(row) if active else ():
            if standing.verdict.status is Status.TRUE and place_of(standing.verdict) == place:
                began = told.began[place]
                self._put(told.pod, Transition(standing.verdict, began, began))

    def _put(self, pod: PodRef, turned: Transition) -> None:
        try:
            event = event_of(pod, turned, self._now())
        except Exception:  # the boundary: a sentence that cannot be made costs its Event, not those of others
            log.exception("an Event cannot be made", extra={"condition": turned.verdict.kind.name})
            return
        if not self._queue.put(event):
            self._vitals.add(EVENTS, 1, "dropped")
            if not self._said_dropped:
                self._said_dropped = True
                log.warning("Events are dropped: too many wait", extra={"waiting": len(self._queue)})

    def _forget(self, key: TargetKey, told: _Told) -> None:
        for place in list(told.began):
            self._drop(key, told, place)
        self._told.pop(key, None)

    def _drop(self, key: TargetKey, told: _Told, place: Place) -> None:
        told.began.pop(place)
        self._due.pop((key, place), None)


def open_events(settings: Settings, watch: Watch, roster: Roster) -> Events | None:
    """The Events of a daemon, None where the config wants none."""
    access = roster.access
    if access is None or settings.kubernetes is None or not settings.kubernetes.events.enabled:
        return None
    queue = EventQueue()

    def is_active() -> bool:
        return watch.role.active

    host = socket.gethostname()  # in Kubernetes: the name of our pod
    writer = EventWriter(access, queue, watch.vitals, host, is_active, time.monotonic, random.uniform)
    return Events(watch.board, roster.pod_of, queue, writer, watch.vitals, is_active, watch.now)
