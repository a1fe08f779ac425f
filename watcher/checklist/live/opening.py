"""The checklist of a daemon, with all places where its evidence comes from: opened, driven, and closed."""

import logging
from collections.abc import Callable, Sequence

from watcher.checklist.live.checklist import Checklist
from watcher.checklist.live.criteria import Criteria
from watcher.checklist.live.gathering import Gathering
from watcher.checklist.live.keeping import FindingsKeeper
from watcher.checklist.live.provider import EvidenceProvider
from watcher.checklist.live.view import ChecklistView
from watcher.config.settings import Settings
from watcher.engine.engine import Engine
from watcher.scheduling.schedule import Schedule
from watcher.targets import TargetSet

log = logging.getLogger(__name__)


class LiveChecklist:
    """All of it that a daemon has; nothing where the config wants none."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        target_set: TargetSet,
        may_begin: Callable[[], bool],
        *,
        once: bool = False,
    ) -> None:
        """`may_begin`: whether the first round of looks was made; `once`: somebody asks by hand, enabled or not."""
        self._enabled = settings.checklist.enabled
        self._checklist: Checklist | None = None
        self._keeper: FindingsKeeper | None = None
        self.view: ChecklistView | None = None
        if self._enabled or once:
            gathering = Gathering(_providers(settings, engine, target_set), settings.shard.owns, at_once=once)
            self._checklist = Checklist(
                Criteria(settings.checklist),
                gathering,
                lambda: engine.board.states,
                engine.own_metrics,
                engine.clock,
                may_begin,
            )
            self._keeper = FindingsKeeper(self._checklist, None if once else settings.state_dir)
            self.view = ChecklistView(self._checklist, self._keeper)

    @property
    def unwritable(self) -> str:
        """Why what was found cannot be kept; empty where it is."""
        return self._keeper.trouble if self._keeper is not None else ""

    async def start(self, schedule: Schedule) -> None:
        """Judge from now on; what the last process left is taken up."""
        if self._checklist is not None and self._keeper is not None:
            await self._keeper.restore()
            schedule.every(FindingsKeeper.EVERY, self._keeper.write, "findings", first=FindingsKeeper.EVERY)
            schedule.every(Checklist.EVERY, self._checklist.tick, "checklist")

    async def judge_once(self) -> ChecklistView:
        """Judge all agents by what is known now; LookupError where the config wants none."""
        if self._checklist is None or self.view is None:
            raise LookupError("there is no checklist")
        await self._checklist.tick()
        while self._checklist.is_behind:
            await self._checklist.tick()
        return self.view

    def adopt(self, settings: Settings) -> None:
        """Judge by these settings from now on."""
        if settings.checklist.enabled != self._enabled:
            log.warning("config section changed, restart required", extra={"section": "checklist.enabled"})
        if self._checklist is not None:
            self._checklist.adopt(settings.checklist)

    async def close(self) -> None:
        """Keep what was found."""
        if self._keeper is not None:
            await self._keeper.write_last()


def _providers(_: Settings, __: Engine, ___: TargetSet) -> Sequence[EvidenceProvider]:
    """One for each place where evidence comes from."""
    return ()
