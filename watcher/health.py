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
        self, engine: Engine, state_writer: StateWriter, target_set: TargetSet, server_files: Callable[[], str]
    ) -> None:
        """`server_files`: what is wrong with the files that the section `server` names, in words."""
        self._engine, self._state_writer, self._target_set = engine, state_writer, target_set
        self._server_files, self.mistakes = server_files, ""  # mistakes: those of a config that was rejected
        self._logged: dict[Impairment, str] = {}
        engine.own_metrics.impair(Impairment.CONFIG_REJECTED, hold=False)
        engine.own_metrics.impair(Impairment.DISCOVERY_STALE, hold=False)

    def refresh(self) -> None:
        """Export all of it as of now."""
        engine = self._engine
        engine.own_metrics.set(TARGETS, len(engine.board.states))
        engine.own_metrics.set(ACTIVE, engine.role.active, str(engine.settings.shard.index))
        engine.own_metrics.set(STALL, engine.fleet.lag.worst)
        engine.own_metrics.bundles(engine.identity.newest_authorities())
        if engine.settings.identity is not None:
            self.impair(Impairment.NO_IDENTITY, engine.identity.trouble)
        self.impair(Impairment.ISOLATED, "most targets fell silent at once" if engine.fleet.isolation.isolated else "")
        self.impair(Impairment.OVERLOADED, "the event loop lags" if engine.fleet.lag.overloaded else "")
        self.impair(Impairment.STATE_UNWRITABLE, self._state_writer.trouble or self._target_set.unwritable)
        self.impair(Impairment.DISCOVERY_STALE, self._target_set.trouble)
        self.impair(Impairment.CONFIG_REJECTED, "; ".join(filter(None, (self.mistakes, self._server_files()))))
        engine.descriptors.check()
        self.impair(Impairment.DESCRIPTORS_SHORT, engine.descriptors.trouble)
        self._target_set.show()

    def impair(self, reason: Impairment, why: str) -> None:
        """The daemon has this trouble now; where `why` is empty, it has not."""
        self._engine.own_metrics.impair(reason, hold=bool(why))
        if self._logged.get(reason, "") != why:
            self._logged[reason] = why
            if why:
                log.warning("impaired", extra={"reason": reason, "why": why})
            else:
                log.info("no longer impaired", extra={"reason": reason})
