"""Pods that end are tried once more: does one that was asked to end take a connection, and a request?"""

import asyncio
import logging
from collections import deque

from probes.contract import Fault, Reading, TargetKey
from probes.controls.evidence import AgentRef, Took
from probes.controls.evidence.endings import AFTER
from probes.readings.handshake import Handshake
from watcher.checklist.live.kubernetes.pods.endings import Ending, Endings
from watcher.engine.engine import Engine
from watcher.runtime.failures import FailuresLogger

PAUSE = 1.0
"""Seconds at an agent from the end of one try to the begin of the next."""

MOST = 32
"""Tries that are under way at a time."""

_SOURCE = "handshake"
_UNAVAILABLE = 503
_MUCH = 5.0  # seconds that the watcher itself stood still: what was silent meanwhile is not the agent's silence
_BUSY = float("inf")


class LastTries:
    """Makes them, one at a time at each agent. `tick` is to be called each second."""

    def __init__(self, engine: Engine, endings: Endings) -> None:
        self._engine, self._endings = engine, endings
        self._waiting: deque[Ending] = deque()
        self._free_at: dict[AgentRef, float] = {}  # steady seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._logger = FailuresLogger(logging.getLogger(__name__))
        endings.was_reached = lambda target: self._was_reached(target.key, target.address)

    @property
    def is_busy(self) -> bool:
        """Whether a try is under way."""
        return bool(self._tasks)

    async def tick(self) -> None:
        """Begin what is due, as far as no agent is tried more often than once a second."""
        self._waiting.extend(self._endings.take_to_try())
        now = self._engine.clock.steady()
        self._free_at = {agent: at for agent, at in self._free_at.items() if at > now}
        for _ in range(len(self._waiting)):
            ending = self._waiting.popleft()
            if self._endings.is_late(ending):
                continue
            if len(self._tasks) >= MOST or ending.agent in self._free_at:
                self._waiting.append(ending)
                continue
            self._free_at[ending.agent] = _BUSY
            task = asyncio.create_task(self._try(ending))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cut off the tries under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _try(self, ending: Ending) -> None:
        lag = self._engine.fleet.lag
        stalled = lag.stalled
        try:
            reading = await self._look(ending)
        finally:
            self._free_at[ending.agent] = self._engine.clock.steady() + PAUSE
        ours = lag.stalled - stalled > _MUCH or self._engine.fleet.isolation.isolated
        if not ours and (told := told_by(reading, ending)) is not None:
            self._endings.tried(ending, *told)

    async def _look(self, ending: Ending) -> Reading:
        """What the source of handshakes saw, as it is set now; a fault of ours where it is turned off."""
        looker, target = self._engine.lookers.get(_SOURCE), ending.target
        if looker is None or target is None:
            return Reading(fault=Fault.OURS)
        try:
            async with asyncio.timeout(AFTER):
                return await looker.source.look(target, ())
        except TimeoutError:
            return Reading(fault=Fault.OURS)
        except Exception:  # the boundary: a fault of a source costs its evidence, never the daemon
            self._logger.exception("source failed", source=_SOURCE, target="/".join(target.key))
            return Reading(fault=Fault.OURS)

    def _was_reached(self, key: TargetKey, address: str | None) -> bool:
        state = self._engine.board.states.get(key)
        return state is not None and "address" in state.reached and state.target.address == address


def told_by(reading: Reading, ending: Ending) -> tuple[Took, str] | None:
    """What this look says of a pod that ends, with a sentence where it is neither; None: nothing at all.

    Once the process or the pod is gone, whoever answers at its address may be another.
    """
    if not reading.asked:
        return None
    if reading.fault is Fault.REFUSED:
        return Took.NOTHING, ""
    if ending.ended or ending.gone:
        return (Took.ENDED, "") if ending.ended else None
    if not isinstance(reading, Handshake) or reading.fault in (Fault.OURS, Fault.UNRESOLVED):
        return None
    if reading.fault in (Fault.SILENT, Fault.STALLED) and not reading.completed:
        return Took.SILENCE, "A pod that was asked to end did not answer 5 s later, and did not refuse either."
    if ending.sleeps is None or ending.sleeps > AFTER - 1:
        return Took.NEITHER, "A pod took a connection 5 s after it was asked to end, as its preStop hook may still run."
    if reading.http_status is not None and reading.http_status != _UNAVAILABLE:
        return Took.REQUEST, ""
    answered = f"answered HTTP {reading.http_status}" if reading.http_status else "answered no request"
    return Took.NEITHER, f"A pod took a connection 5 s after it was asked to end, and {answered}."
