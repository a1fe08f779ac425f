"""All rollouts of a fleet in one process: hundreds at once, an API server that is away, a restart, what a gate asks."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from probes import load_probes
from probes.controls.evidence import AgentRef
from tests.rollouts.test_course import digest, pod
from watcher.config.settings import load_settings
from watcher.engine.engine import Engine
from watcher.rollouts.kept.keeper import RolloutKeeper
from watcher.rollouts.rollout import verdict
from watcher.rollouts.rollouts import Rollouts
from watcher.rollouts.seen.cluster import Workload
from watcher.rollouts.seen.groups import Wanted
from watcher.rollouts.seen.running import RunningPod
from watcher.rollouts.terms import LineState, Outcome, Phase, Undecided, Window
from watcher.runtime.clock import Clock

NOW = 1_000_000.0
AGENT = AgentRef("prod", "search")


@dataclass
class Pods:
    """What the watches of a cluster would say."""

    of: dict[AgentRef, list[RunningPod]] = field(default_factory=dict)
    trouble: str = ""

    def agents(self) -> list[AgentRef]:
        return list(self.of)

    def pods(self, agent: AgentRef) -> list[RunningPod]:
        return self.of.get(agent, [])

    def wanted(self, agent: AgentRef) -> Wanted:
        return Wanted(replicas=len(self.of.get(agent, [])), name="deployment/search", managed_by="Argo CD")

    def is_gone(self, agent: AgentRef) -> bool:
        return agent not in self.of

    def workload(self, agent: AgentRef) -> Workload | None:
        return Workload("Deployment", agent.namespace, agent.agent, "") if agent in self.of else None

    def keep_only(self) -> None:
        """Nothing is remembered here."""


@dataclass
class Fleet:
    """One process that follows rollouts; its clock is turned by hand."""

    home: Path
    pods: Pods = field(default_factory=Pods)
    now: float = NOW
    windows: dict[str, str] = field(default_factory=dict)

    def run(self, script: Callable[["Fleet", Rollouts], Awaitable[None]]) -> None:
        """From its start to its end."""
        asyncio.run(self._run(script))

    async def _run(self, script: Callable[["Fleet", Rollouts], Awaitable[None]]) -> None:
        path = self.home / "watcher.yaml"
        path.write_text(json.dumps({"discovery": {"static": []}, "rollouts": {"windows": self.windows}}))
        settings = load_settings(path, {})
        clock = Clock(lambda: self.now, lambda: self.now)
        engine = Engine(settings, load_probes(), clock)
        rollouts = Rollouts(self.pods, engine, settings.rollouts, RolloutKeeper(self.home), lambda: True)
        await rollouts.restore()
        try:
            await script(self, rollouts)
        finally:
            await rollouts.close()
            await engine.close()

    async def pass_time(self, rollouts: Rollouts, seconds: float, step: float = 5.0) -> None:
        """Turn the clock."""
        end = self.now + seconds
        while self.now < end:
            self.now += step
            await rollouts.tick()


def old(agent: AgentRef) -> list[RunningPod]:
    return [pod(f"{agent.agent}-{number}") for number in range(3)]


def new(agent: AgentRef, image: str = "b") -> list[RunningPod]:
    return [pod(f"{agent.agent}-n{number}", image, made=2) for number in range(3)]


def test_three_hundred_rollouts_at_once_are_seen_within_a_tick_and_hold_up_no_look(tmp_path: Path) -> None:
    agents = [AgentRef("prod", f"agent-{number}") for number in range(300)]

    async def script(fleet: Fleet, rollouts: Rollouts) -> None:
        await rollouts.tick()
        assert list(rollouts.figures()) == []
        fleet.pods.of = {each: [*old(each), *new(each)] for each in agents}
        for each in agents:
            rollouts.touch(each)
        turns, is_done = list[float](), asyncio.Event()

        async def others() -> None:
            while not is_done.is_set():
                before = time.thread_time()
                await asyncio.sleep(0)
                turns.append(time.thread_time() - before)

        beside = asyncio.create_task(others())
        began = time.thread_time()
        fleet.now += 1
        await rollouts.tick()
        await rollouts.write()
        spent = time.thread_time() - began
        is_done.set()
        await beside
        assert len(list(rollouts.figures())) == 300
        assert {each.phase for each in rollouts.listed()} == {Phase.PROGRESSING}
        # One may be the garbage collector's, which goes through all that other tests left.
        assert sorted(turns)[-2] < spent / 5, "all of it in a few turns of the loop"
        assert spent < 10

    Fleet(tmp_path, Pods({each: old(each) for each in agents})).run(script)


def test_while_the_api_server_is_away_no_pod_is_missed_and_nothing_is_judged(tmp_path: Path) -> None:
    async def script(fleet: Fleet, rollouts: Rollouts) -> None:
        await rollouts.tick()
        fleet.pods.of[AGENT] = [*old(AGENT)[:2], *new(AGENT)[:1]]
        rollouts.touch(AGENT)
        await rollouts.tick()
        fleet.pods.trouble = "pods are not known (Unreachable)"
        fleet.pods.of[AGENT] = old(AGENT)  # as if it were taken back, which nobody can know
        rollouts.touch(AGENT)
        await fleet.pass_time(rollouts, 1000, step=20)
        found = rollouts.newest(*AGENT)
        assert found is not None
        assert (found.end, found.stuck) == ("", "")
        assert verdict(found, Window.IMMEDIATE).outcome is Outcome.UNABLE
        assert {each.reason for each in found.of(Window.IMMEDIATE) if each.state is LineState.UNDECIDED} == {
            Undecided.WATCHER_IMPAIRED
        }
        fleet.pods.trouble = ""
        fleet.pods.of[AGENT] = new(AGENT)
        await fleet.pass_time(rollouts, 20)
        found = rollouts.newest(*AGENT)
        assert found is not None
        assert found.ready_at is not None
        assert verdict(found, Window.IMMEDIATE).outcome is Outcome.UNABLE, "it saw too little of that window"

    Fleet(tmp_path, Pods({AGENT: old(AGENT)})).run(script)


def test_a_restart_goes_on_and_says_when_nobody_looked(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, Pods({AGENT: old(AGENT)}))

    async def begin(fleet: Fleet, rollouts: Rollouts) -> None:
        await rollouts.tick()
        fleet.pods.of[AGENT] = new(AGENT)
        rollouts.touch(AGENT)
        await fleet.pass_time(rollouts, 400)
        found = rollouts.newest(*AGENT)
        assert found is not None
        assert (found.workload, found.managed_by) == ("deployment/search", "Argo CD")
        assert found.ready_at is not None

    async def go_on(fleet: Fleet, rollouts: Rollouts) -> None:
        await rollouts.tick()
        found = rollouts.newest(*AGENT)
        assert found is not None
        assert (found.revision.image, found.phase) == (digest("b"), Phase.LONG_TERM), "of the hour too little was seen"
        [away] = found.unseen
        assert away.ended - away.began == 3000
        await fleet.pass_time(rollouts, 800, step=20)
        assert rollouts.newest(*AGENT) is not None
        assert verdict(rollouts.listed()[0], Window.SHORT).outcome is Outcome.UNABLE, "most of the hour was not seen"
        fleet.pods.of[AGENT] = old(AGENT)
        rollouts.touch(AGENT)
        await rollouts.tick()
        [kept] = await rollouts.of(*AGENT)
        assert kept.phase is Phase.ROLLED_BACK

    fleet.run(begin)
    fleet.now += 3000
    fleet.run(go_on)


def test_a_gate_finds_the_revision_that_it_asks_for_also_when_it_is_not_the_newest(tmp_path: Path) -> None:
    async def script(fleet: Fleet, rollouts: Rollouts) -> None:
        await rollouts.tick()
        for image in "bc":
            fleet.pods.of[AGENT] = new(AGENT, image)
            rollouts.touch(AGENT)
            await fleet.pass_time(rollouts, 20)
        await rollouts.write()
        newest = rollouts.newest(*AGENT)
        assert newest is not None
        for image in (digest("c"), f"registry/agent@{digest('c')}"):
            assert await rollouts.asked(*AGENT, image=image) == newest
        assert await rollouts.asked(*AGENT, revision="tcc1") == newest, "as the cluster calls its template"
        before = await rollouts.asked(*AGENT, image=digest("b"))
        assert before is not None
        assert (before.end, before.ended_by) == ("superseded", newest.revision.id)
        assert await rollouts.revision(*AGENT, before.revision.id) == before
        assert await rollouts.asked(*AGENT, since=newest.began_at) == newest
        assert await rollouts.asked(*AGENT, since=newest.began_at + 1) is None
        assert await rollouts.asked(*AGENT, image=digest("z")) is None
        assert [each.revision.id for each in await rollouts.of(*AGENT)] == [newest.revision.id, before.revision.id]

    Fleet(tmp_path, Pods({AGENT: old(AGENT)})).run(script)


def test_an_agent_that_is_gone_is_forgotten_and_its_past_is_kept(tmp_path: Path) -> None:
    async def script(fleet: Fleet, rollouts: Rollouts) -> None:
        await rollouts.tick()
        fleet.pods.of[AGENT] = new(AGENT)
        rollouts.touch(AGENT)
        await rollouts.tick()
        await rollouts.write()
        del fleet.pods.of[AGENT]
        fleet.now += 3601
        await rollouts.write()
        assert rollouts.newest(*AGENT) is None
        assert len(await rollouts.of(*AGENT)) == 1

    Fleet(tmp_path, Pods({AGENT: old(AGENT)})).run(script)


def test_the_clock_of_the_machine_may_go_back_an_hour(tmp_path: Path) -> None:
    async def script(fleet: Fleet, rollouts: Rollouts) -> None:
        await rollouts.tick()
        fleet.pods.of[AGENT] = new(AGENT)
        rollouts.touch(AGENT)
        await fleet.pass_time(rollouts, 60)
        before = rollouts.newest(*AGENT)
        rollouts._clock.ahead -= 3600
        await fleet.pass_time(rollouts, 900)
        found = rollouts.newest(*AGENT)
        assert before is not None
        assert found is not None
        assert found.began_at == before.began_at
        assert found.phase is Phase.SHORT_TERM

    Fleet(tmp_path, Pods({AGENT: old(AGENT)})).run(script)
