"""What does the daemon export about itself: how much it watches, in which role, and what impairs it?"""

import logging
import time
from collections.abc import Callable, Sequence

from probes.contract import say_duration
from watcher.engine.costs import Cost
from watcher.engine.engine import Engine
from watcher.metrics.families import ACTIVE, CONFIG_AT, CONFIG_OK, STALL, TARGETS
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
        server_files: Callable[[], str],
        unwritable: Callable[[], str],
    ) -> None:
        """`server_files`: what is wrong with the files that the section `server` names, in words; `unwritable`: why
        findings cannot be kept."""
        self._engine, self._state_writer, self._target_set = engine, state_writer, target_set
        self._unwritable, self._server_files = unwritable, server_files
        self._mistakes = ""  # of a config that was rejected
        self._overloaded = ""
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
        if engine.settings.standby is not None:  # the rules know by this series that there is a lease
            self.impair(Impairment.LEASE_UNCONFIRMED, engine.role.unconfirmed(time.monotonic()))
        self.impair(Impairment.ISOLATED, "most targets fell silent at once" if engine.fleet.isolation.isolated else "")
        self._hear_api_server()
        self.impair(Impairment.CLOCK_JUMPED, engine.clock_watch.trouble)
        self.impair(Impairment.OVERLOADED, self._overload())
        self.impair(Impairment.STATE_UNWRITABLE, self._not_written())
        self.impair(Impairment.DISCOVERY_STALE, self._target_set.trouble)
        self.impair(Impairment.CONFIG_REJECTED, "; ".join(filter(None, (self._mistakes, self._server_files()))))
        engine.descriptors.check()
        self.impair(Impairment.DESCRIPTORS_SHORT, engine.descriptors.trouble)
        self._target_set.show()

    def _not_written(self) -> str:
        return self._state_writer.trouble or self._target_set.unwritable or self._unwritable()

    def take_config(self) -> None:
        """The newest config is in force since now."""
        self._engine.own_metrics.set(CONFIG_OK, 1)
        self._engine.own_metrics.set_moment(CONFIG_AT, self._engine.clock.steady())
        self._mistakes = ""
        self.refresh()

    def reject_config(self, mistakes: Sequence[str]) -> None:
        """The newest config is not in force, for these."""
        self._engine.own_metrics.set(CONFIG_OK, 0)
        self._mistakes = "; ".join(mistakes)
        self.refresh()

    def _overload(self) -> str:
        """What is wrong, with who costs most as of when it began: a line in the log for each change of the sources."""
        self._engine.overload.check()
        trouble = self._engine.overload.trouble
        if not trouble:
            self._overloaded = ""
        elif not self._overloaded.startswith(trouble):
            self._overloaded = f"{trouble} {costliest(self._engine.costs.worst(1))}".rstrip()
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


def costliest(costs: Sequence[Cost]) -> str:
    """A sentence about the target that took most CPU, empty where none stands out."""
    return " ".join(
        f"Most CPU went to {'/'.join(cost.target)}: {say_duration(cost.seconds)} at {cost.source} in the last minutes."
        for cost in costs
    )
