"""What does the daemon export about itself: how much it watches, in which role, and what impairs it?"""

import logging
from collections.abc import Callable

from watcher.engine.engine import Engine
from watcher.metrics.families import ACTIVE, STALL, TARGETS
from watcher.metrics.own import Impairment
from watcher.state.writer import StateWriter
from watcher.targets import TargetSet

log = logging.getLogger(__name__)


class Health:
    """Brought up to now before each scrape; a change of an impairment is a line in the log."""

    def __init__(
        self,
        engine: Engine,
        state_writer: StateWriter,
        target_set: TargetSet,
        costliest: Callable[[], str] = str,
    ) -> None:
        """`costliest`: a sentence about the target that takes most CPU, empty where none stands out."""
        self._engine, self._state_writer, self._target_set = engine, state_writer, target_set
        self._costliest, self._overloaded = costliest, ""
        self._logged: dict[Impairment, str] = {}
        engine.own_metrics.impair(Impairment.CONFIG_REJECTED, hold=False)
        engine.own_metrics.impair(Impairment.DISCOVERY_STALE, hold=False)

    def refresh(self) -> None:
        """Export all of it as of now."""
        engine = self._engine
        engine.own_metrics.set_ahead(engine.clock.ahead)
        engine.own_metrics.set(TARGETS, len(engine.board.states))
        engine.own_metrics.set(ACTIVE, engine.role.active, str(engine.settings.shard.index))
        engine.own_metrics.set(STALL, engine.fleet.lag.worst)
        engine.own_metrics.bundles(engine.identity.newest_authorities())
        if engine.settings.identity is not None:
            self.impair(Impairment.NO_IDENTITY, engine.identity.trouble)
        self.impair(Impairment.ISOLATED, "most targets fell silent at once" if engine.fleet.isolation.isolated else "")
        self._hear_api_server()
        self.impair(Impairment.CLOCK_JUMPED, engine.clock_watch.trouble)
        self.impair(Impairment.OVERLOADED, self._overload())
        self.impair(Impairment.STATE_UNWRITABLE, self._state_writer.trouble or self._target_set.unwritable)
        self.impair(Impairment.DISCOVERY_STALE, self._target_set.trouble)
        self._target_set.show()

    def _overload(self) -> str:
        """What is wrong, with who costs most as of when it began: a line in the log for each change of the sources."""
        self._engine.overload.check()
        trouble = self._engine.overload.trouble
        if not trouble:
            self._overloaded = ""
        elif not self._overloaded.startswith(trouble):
            self._overloaded = f"{trouble} {self._costliest()}".rstrip()
        return self._overloaded

    def _hear_api_server(self) -> None:
        access = self._target_set.access
        if access is not None and access.heard is not None:
            date, seconds_ago = access.heard
            self._engine.fleet.peer_clocks.hear_api_server(date, self._engine.clock.steady() - seconds_ago)

    def impair(self, reason: Impairment, why: str) -> None:
        """The daemon has this trouble now; where `why` is empty, it has not."""
        self._engine.own_metrics.impair(reason, hold=bool(why))
        if self._logged.get(reason, "") != why:
            self._logged[reason] = why
            if why:
                log.warning("impaired", extra={"reason": reason, "why": why})
            else:
                log.info("no longer impaired", extra={"reason": reason})
