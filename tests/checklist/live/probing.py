"""A prober in virtual time: its source notes each attempt, takes as long as a test says, and says what it is told."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from probes import load_probes
from probes.contract import Reading, SourceContext, SourceKind, SourceSettings, Target, TargetKey
from probes.controls.evidence import AgentRef
from tests.checklist.live.judged import are_dated_alike
from watcher.checklist.live.probing.prober import ProbedEvidence
from watcher.checklist.live.probing.source_settings import source_settings
from watcher.config.settings import load_settings
from watcher.engine.engine import Engine
from watcher.runtime.clock import Clock

EPOCH = 1_800_000_000.0
SEARCH = AgentRef("prod", "search")


class Attempt(NamedTuple):
    """One that was made; loop's seconds."""

    kind: str
    key: TargetKey
    began: float
    ended: float


class Seen(Reading):
    """Something was seen."""


class ToySource:
    """Answers as the test says."""

    def __init__(self, kind: str, prober: "Probing") -> None:
        self._kind, self._probing = kind, prober
        self.closed = False

    async def look(self, target: Target, _wants: Sequence[object]) -> Reading:
        """One attempt."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._probing.under_way[self._kind] = self._probing.under_way.get(self._kind, 0) + 1
        self._probing.most[self._kind] = max(self._probing.most.get(self._kind, 0), self._probing.under_way[self._kind])
        try:
            await asyncio.sleep(self._probing.seconds)
            return self._probing.says(self._kind, target)
        finally:
            self._probing.under_way[self._kind] -= 1
            self._probing.attempts.append(Attempt(self._kind, target.key, began, loop.time()))

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Noted."""
        self.closed = True


class Probing:
    """An engine that looks at nothing, and a prober of its board."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        home: Path,
        *,
        kinds: Sequence[str] = ("health",),
        concurrency: int = 32,
        interval: float = 900.0,
        says: Callable[[str, Target], Reading] = lambda _, __: Reading(),
        seconds: float = 0.01,
        standby: bool = False,
        state_dir: Path | None = None,
    ) -> None:
        self.loop, self.says, self.seconds = loop, says, seconds
        self.attempts: list[Attempt] = []
        self.under_way: dict[str, int] = {}
        self.most: dict[str, int] = {}
        config = home / "config.yaml"
        config.write_text(json.dumps({"discovery": {"static": []}}))
        clock = Clock(lambda: EPOCH + loop.time(), loop.time)
        self.engine = Engine(load_settings(config, {}), load_probes(), clock)
        self.engine.role.active = not standby
        self.opened: list[ToySource] = []
        self._kinds = [self._kind(name, concurrency) for name in kinds]
        self.prober = ProbedEvidence(self.engine, self._settings(interval), state_dir, self._kinds)

    def _kind(self, name: str, concurrency: int) -> "SourceKind[SourceSettings]":
        def opened(_: SourceSettings, __: SourceContext) -> ToySource:
            self.opened.append(ToySource(name, self))
            return self.opened[-1]

        return SourceKind(name=name, endpoint="address", settings=SourceSettings, concurrency=concurrency, open=opened)

    def _settings(self, interval: float) -> Mapping[str, SourceSettings]:
        return source_settings({kind.name: interval for kind in self._kinds}, self._kinds)

    def adopt(self, interval: float) -> None:
        """Another interval from now on."""
        self.prober.adopt(self._settings(interval))

    async def watch(self, *targets: Target) -> None:
        """Exactly these from now on."""
        await self.engine.replace_targets(targets, {})

    async def run(self, seconds: float) -> None:
        """Let the prober tick each second, for so long."""
        ends = self.loop.time() + seconds
        while self.loop.time() < ends:
            began = self.loop.time()
            await self.prober.tick()
            await asyncio.sleep(max(0.0, min(ends, began + 1.0) - self.loop.time()))

    async def end(self) -> None:
        """Leave nothing behind."""
        await self.prober.close()
        await self.engine.close()

    def made(self, pod: str = "search-0", kind: str = "health") -> list[Attempt]:
        """The attempts at a pod."""
        return [each for each in self.attempts if each.key.pod == pod and each.kind == kind]

    def found(self, pod: str = "search-0", kind: str = "health") -> object:
        """The evidence of a pod."""
        target = self.engine.board.states[next(key for key in self.engine.board.states if key.pod == pod)].target
        agent = AgentRef(target.key.namespace, target.key.agent)
        pods = self.prober.evidence_of(agent, [target]).pods
        are_dated_alike(pods)
        sources = pods[pod]
        return next(value for name, value in sources.items() if name == kind)


def target(pod: str = "search-0", agent: str = "search", **parts: object) -> Target:
    """A pod of an agent, with an mTLS port and limits of all probes."""
    limits = {probe.name: probe.limits() for probe in load_probes()}
    given: dict[str, object] = {"address": "10.0.0.7:8443", "limits": limits} | parts
    return Target(key=TargetKey("prod", agent, pod), **given)  # type: ignore[arg-type]  # parts by name
