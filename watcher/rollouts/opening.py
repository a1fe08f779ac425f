"""The rollouts as a daemon has them: followed, or nothing where there is nothing to follow."""

import logging
from collections.abc import Collection

from probes.controls.evidence import AgentRef
from watcher.checklist.live.kubernetes.evidence import KubernetesEvidence
from watcher.checklist.live.kubernetes.pods.pod_owners import Key
from watcher.checklist.live.on_off import OnOffChecklist
from watcher.config.settings import Settings
from watcher.engine.engine import Engine
from watcher.rollouts.evidence import RolloutEvidence
from watcher.rollouts.kept.keeper import RolloutKeeper
from watcher.rollouts.rollouts import WRITTEN_EVERY, Rollouts
from watcher.rollouts.seen.cluster import AgentPods, ClusterPods
from watcher.rollouts.seen.logs import LogWitness
from watcher.rollouts.seen.pod_events import PodEvents
from watcher.scheduling.schedule import Schedule
from watcher.targets import TargetSet

log = logging.getLogger(__name__)


class OnOffRollouts:
    """Whether there are any is as it was at the start: they need the checklist's watches of a cluster."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        target_set: TargetSet,
        checklist: OnOffChecklist,
        simulated: AgentPods | None = None,
    ) -> None:
        """`checklist`: whose watches and logs are used, and which is told; `simulated`: pods in place of these."""
        evidence, logs = checklist.kubernetes, checklist.logs
        self._is_on, self._open = settings.rollouts.enabled, None
        if self._is_on and simulated is not None:
            keeper = RolloutKeeper(settings.state_dir)
            self._open = Rollouts(simulated, engine, settings.rollouts, keeper, lambda: True, logs)
        elif self._is_on and evidence is not None:
            self._open = _opened(settings, engine, target_set, evidence, logs)
        if self._open is not None:
            checklist.ask_too(RolloutEvidence(self._open))

    @property
    def view(self) -> Rollouts | None:
        """What readers may know of them."""
        return self._open

    @property
    def unwritable(self) -> str:
        """Why they cannot be kept; empty where they are."""
        return self._open.keeper.trouble if self._open is not None else ""

    async def start(self, schedule: Schedule) -> None:
        """Follow from now on; what the last process left is taken up."""
        if self._open is not None:
            await self._open.restore()
            schedule.every(self._open.EVERY, self._open.tick, "rollouts")
            if self._open.facts.events is not None:
                schedule.every(PodEvents.EVERY, self._open.facts.events.tick, "events of pods")
            schedule.every(WRITTEN_EVERY, self._open.write, "rollouts kept", first=WRITTEN_EVERY)

    def adopt(self, settings: Settings) -> None:
        """By these settings from now on."""
        if settings.rollouts.enabled != self._is_on:
            log.warning("config section changed, restart required", extra={"section": "rollouts.enabled"})
        if self._open is not None:
            self._open.adopt(settings.rollouts)

    async def close(self) -> None:
        """Keep them, and end."""
        if self._open is not None:
            await self._open.close()


def _opened(
    settings: Settings,
    engine: Engine,
    target_set: TargetSet,
    evidence: KubernetesEvidence,
    logs: LogWitness | None,
) -> Rollouts:
    keeper = RolloutKeeper(settings.state_dir)

    def is_known() -> bool:
        return target_set.is_known and not evidence.pods.is_behind

    reads = settings.rollouts.pod_events
    events = PodEvents(evidence.access, engine.clock.steady) if reads else None
    rollouts = Rollouts(ClusterPods(evidence), engine, settings.rollouts, keeper, is_known, logs, events)

    def touch_all(agents: Collection[AgentRef]) -> None:
        for each in agents:
            rollouts.touch(each)

    def touch_workload(key: Key) -> None:
        if name := evidence.pods.owners.name_of(key):
            rollouts.touch(AgentRef(key[1], name))

    evidence.pods.on_change, evidence.on_config = rollouts.touch, touch_all
    evidence.progress.on_change = touch_workload
    return rollouts
