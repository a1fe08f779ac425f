"""A live checklist whose time and evidence a test sets. What it judges, real judges and the real catalogue judge."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from probes.contract import Target, TargetKey
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentRef, Missing, Seen
from probes.controls.finding import Finding
from probes.controls.records import Record
from watcher.checklist.live.accounts import Account
from watcher.checklist.live.checklist import Checklist
from watcher.checklist.live.criteria import Criteria
from watcher.checklist.live.gathering import Gathering
from watcher.checklist.live.kept.keeper import FindingsKeeper
from watcher.checklist.live.provider import (
    NOTHING,
    EvidenceProvider,
    Presence,
    Provided,
    Sources,
    SourcesOfPods,
    dates_in,
)
from watcher.checklist.live.view import ChecklistView
from watcher.checklist.turned_finding import TurnedFinding
from watcher.config.checklist import ChecklistSettings
from watcher.engine.board import TargetState
from watcher.engine.restored import NOTHING_RESTORED
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock

START = 1_800_000_000.0
SEARCH = AgentRef("prod", "search")

Given = Seen[object] | Missing


class Told:
    """A place of evidence that tells what a test says."""

    def __init__(self) -> None:
        self.known: dict[AgentRef, Provided] = {}
        self.beside: set[AgentRef] = set()
        self.left: dict[AgentRef, Presence] = {}
        self.down: dict[str, str] = {}
        self.asked: list[AgentRef] = []
        self.raises = self.fails = False  # when it is asked for evidence; when it is asked for anything else
        self._changed: set[AgentRef] = set()

    def tell(self, agent: AgentRef, provided: Provided) -> None:
        """Know this of an agent from now on, and say that it changed."""
        self.known[agent] = provided
        self._changed.add(agent)

    def agents(self) -> Collection[AgentRef]:
        self._may_fail()
        return self.beside

    def presence(self, agent: AgentRef, /) -> Presence:
        self._may_fail()
        return self.left.get(agent, Presence.GONE)

    def evidence_of(self, agent: AgentRef, _: Sequence[Target], /) -> Provided:
        self.asked.append(agent)
        if self.raises:
            raise ValueError("sk-secret")
        return self.known.get(agent, NOTHING)

    def take_changed(self) -> Collection[AgentRef] | None:
        self._may_fail()
        changed, self._changed = self._changed, set()
        return changed

    def sources_up(self) -> Mapping[str, str]:
        self._may_fail()
        return self.down

    def _may_fail(self) -> None:
        if self.fails:
            raise ValueError("sk-secret")


def pod_target(pod: str = "search-0", agent: AgentRef = SEARCH, *, discovered: bool = False) -> Target:
    """A pod that is watched."""
    return Target(key=TargetKey(agent.namespace, agent.agent, pod), discovered=discovered)


def are_dated_alike(pods: Mapping[str, Sources]) -> None:
    """What tells the dates of pods alone tells those of all that is known of them."""
    assert isinstance(pods, SourcesOfPods)
    for name, sources in pods.items():
        assert pods.dates(name) == pytest.approx(dates_in(sources), abs=1)


@dataclass
class Live:
    """All of it; time goes on only when `wait` says so."""

    settings: ChecklistSettings = field(default_factory=ChecklistSettings)
    providers: Sequence[EvidenceProvider] = ()
    may_begin: bool = True
    owns: frozenset[str] | None = None  # pods of this shard; None: all
    accounts: Sequence[Account] = ()  # of agents of all shards
    uptime: float = 0.0
    state_dir: Path | None = None
    records: Callable[[AgentRef], Sequence[Record]] = lambda _: ()

    def __post_init__(self) -> None:
        self.clock = Clock(lambda: START + self.uptime, lambda: self.uptime)
        self.states: dict[TargetKey, TargetState] = {}
        self.own_metrics = OwnMetrics([], [])
        self.turned: list[TurnedFinding] = []
        self.checklist = self.open()
        self.keeper = FindingsKeeper(self.checklist, self.state_dir)
        self.view = ChecklistView(self.checklist, self.keeper)

    def open(self) -> Checklist:
        """Another process over the same fleet."""
        owns = self.owns
        gathering = Gathering(self.providers, lambda _, name: owns is None or name in owns, lambda: self.accounts)
        checklist = Checklist(
            Criteria(self.settings),
            gathering,
            lambda: self.states,
            self.own_metrics,
            self.clock,
            lambda: self.may_begin,
            self.records,
        )
        checklist.on_turn.append(self.turned.extend)
        return checklist

    def watch(self, *targets: Target) -> None:
        """Exactly these are watched from now on."""
        before = self.states
        self.states = {
            each.key: before.get(each.key) or TargetState(each, (), NOTHING_RESTORED, None) for each in targets
        }

    def wait(self, seconds: float, *, step: float = 1.0) -> None:
        """Let time go on, and the checklist run each second of it."""

        async def tick() -> None:
            for _ in range(round(seconds / step)):
                self.uptime += step
                await self.checklist.tick()

        asyncio.run(tick())

    def finding(self, control: str, agent: AgentRef = SEARCH) -> Finding:
        """What is said of one control now."""
        return self.view.findings(agent)[control]

    def evaluations(self) -> float:
        """Agents judged so far."""
        return self._counted("ok")

    def errors(self) -> float:
        """Agents that could not be judged so far."""
        return self._counted("error")

    def _counted(self, result: str) -> float:
        name = "agentweave_watcher_checklist_evaluations_total"
        return self.own_metrics.registry.get_sample_value(name, {"result": result}) or 0.0


def given(
    sources: Mapping[SourceName, Given], pods: Mapping[str, Mapping[SourceName, Given]] | None = None
) -> Provided:
    """What a provider knows."""
    return Provided(sources, pods or {})
