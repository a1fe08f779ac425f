"""The checklist as a daemon has it: open, or nothing where the config wants none."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from watcher.changes.change import Change
from watcher.checklist.live.view import ChecklistView
from watcher.config.settings import Settings
from watcher.engine.engine import Engine
from watcher.scheduling.schedule import Schedule
from watcher.targets import TargetSet

if TYPE_CHECKING:
    from watcher.checklist.live.kubernetes.evidence import KubernetesEvidence
    from watcher.checklist.live.opening import LiveChecklist
    from watcher.checklist.live.outside.asked_evidence import AskedEvidence
    from watcher.checklist.live.provider import EvidenceProvider

log = logging.getLogger(__name__)


class OnOffChecklist:
    """Whether there is one, and which objects of the cluster it follows, is as it was at the start."""

    def __init__(
        self, settings: Settings, engine: Engine, target_set: TargetSet, may_begin: Callable[[], bool]
    ) -> None:
        """`may_begin`: whether the first round of looks was made."""
        is_on, self._kubernetes = settings.checklist.enabled, settings.checklist.kubernetes
        self._reports = settings.checklist.reports
        self._open = _opened(settings, engine, target_set, may_begin) if is_on else None

    @property
    def view(self) -> ChecklistView | None:
        """What readers may know of it."""
        return self._open.view if self._open is not None else None

    @property
    def kubernetes(self) -> "KubernetesEvidence | None":
        """What the watches of a cluster tell; None where there are none."""
        return self._open.kubernetes if self._open is not None else None

    @property
    def logs(self) -> "AskedEvidence | None":
        """Who reads the logs of agents; None where there is no checklist."""
        return self._open.logs if self._open is not None else None

    @property
    def unwritable(self) -> str:
        """Why what was found cannot be kept; empty where it is."""
        return self._open.unwritable if self._open is not None else ""

    def tell_changes(self, tell: Callable[[Sequence[Change]], None]) -> None:
        """Have findings that turn told as changes."""
        if self._open is not None:
            self._open.tell_changes(tell)

    def ask_too(self, provider: "EvidenceProvider") -> None:
        """Take evidence from this place too; before it starts."""
        if self._open is not None:
            self._open.ask_too(provider)

    async def start(self, schedule: Schedule) -> None:
        """Judge from now on."""
        if self._open is not None:
            await self._open.start(schedule)

    def adopt(self, settings: Settings) -> None:
        """Judge by these settings from now on."""
        if settings.checklist.enabled != (self._open is not None):
            log.warning("config section changed, restart required", extra={"section": "checklist.enabled"})
        if settings.checklist.reports != self._reports and self._open is not None:
            log.warning("config section changed, restart required", extra={"section": "checklist.reports"})
        if settings.checklist.kubernetes != self._kubernetes and self._open is not None:
            log.warning("config section changed, restart required", extra={"section": "checklist.kubernetes"})
        if self._open is not None:
            self._open.adopt(settings)

    async def close(self) -> None:
        """Keep what was found, and end."""
        if self._open is not None:
            await self._open.close()


def _opened(
    settings: Settings, engine: Engine, target_set: TargetSet, may_begin: Callable[[], bool]
) -> "LiveChecklist":
    from watcher.checklist.live.opening import LiveChecklist  # noqa: PLC0415  80 modules and 3 MB, not where it is off

    return LiveChecklist(settings, engine, target_set, may_begin)
