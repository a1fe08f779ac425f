"""What does the daemon export about itself: how much it watches, in which role, and what impairs it?"""

import logging

from watcher.engine.engine import Watch
from watcher.metrics.own import ACTIVE, STALL, TARGETS, Impairment
from watcher.state.writer import Keeper
from watcher.targets import Roster

log = logging.getLogger(__name__)


class Health:
    """Brought up to now before each scrape; a change of an impairment is a line in the log."""

    def __init__(self, watch: Watch, keeper: Keeper, roster: Roster) -> None:
        self._watch, self._keeper, self._roster = watch, keeper, roster
        self._said: dict[Impairment, str] = {}
        watch.vitals.impair(Impairment.CONFIG_REJECTED, hold=False)
        watch.vitals.impair(Impairment.DISCOVERY_STALE, hold=False)

    def refresh(self) -> None:
        """Export all of it as of now."""
        watch = self._watch
        watch.vitals.set(TARGETS, len(watch.board.rows))
        watch.vitals.set(ACTIVE, watch.role.active, str(watch.settings.shard.index))
        watch.vitals.set(STALL, watch.fleet.lag.worst)
        watch.vitals.bundles(watch.identity.newest_authorities())
        if watch.settings.identity is not None:
            self.impair(Impairment.NO_IDENTITY, watch.identity.trouble)
        self.impair(Impairment.ISOLATED, "most targets fell silent at once" if watch.fleet.isolation.isolated else "")
        self.impair(Impairment.OVERLOADED, "the event loop lags" if watch.fleet.lag.overloaded else "")
        self.impair(Impairment.STATE_UNWRITABLE, self._keeper.trouble or self._roster.unwritable)
        self.impair(Impairment.DISCOVERY_STALE, self._roster.trouble)
        self._roster.show()

    def impair(self, reason: Impairment, why: str) -> None:
        """The daemon has this trouble now; where `why` is empty, it has not."""
        self._watch.vitals.impair(reason, hold=bool(why))
        if self._said.get(reason, "") != why:
            self._said[reason] = why
            if why:
                log.warning("impaired", extra={"reason": reason, "why": why})
            else:
                log.info("no longer impaired", extra={"reason": reason})
