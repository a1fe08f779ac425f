"""What a server from outside tells of agents: kept while it is away, down where it does not answer, gone with them."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from probes.contract import Target, TargetKey
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, LogSample, Missing, Seen
from tests.checklist.live.outside.test_rounds import Steady
from watcher.checklist.live.outside.asked_evidence import AskedEvidence
from watcher.checklist.live.outside.rounds import AGAIN, SOON, Rounds
from watcher.checklist.live.provider import Presence
from watcher.engine.board import TargetState
from watcher.engine.restored import NOTHING_RESTORED
from watcher.runtime.clock import Clock

SEARCH, OTHER = AgentRef("prod", "search"), AgentRef("prod", "other")
AWAY = Missing(UnknownReason.UNREACHABLE, "It is away.")
DENIED = Missing(UnknownReason.FORBIDDEN, "No.")
OFF = Missing(UnknownReason.NOT_ENABLED, "Off.")


class Place:
    """What is asked, with what it answers next."""

    def __init__(self) -> None:
        self.asked: list[tuple[AgentRef, tuple[str, ...]]] = []
        self.answer: tuple[object, str] | Missing | Exception = (LogSample(1, 1), "there")

    async def __call__(self, agent: AgentRef, pods: Collection[str]) -> tuple[object, str] | Missing:
        self.asked.append((agent, tuple(pods)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Watched:
    """The evidence, its clock and its targets."""

    def __init__(self) -> None:
        self.steady, self.place = Steady(), Place()
        self.targets: dict[TargetKey, TargetState] = {}
        self.put(SEARCH, "a")
        self.put(SEARCH, "b")
        clock = Clock(lambda: 1_800_000_000.0 + self.steady.now, self.steady)
        rounds = Rounds(3600.0, 0.5, self.steady)
        self.evidence = AskedEvidence(SourceName.LOGS, self.place, rounds, lambda: self.targets, clock)

    def put(self, agent: AgentRef, pod: str) -> None:
        key = TargetKey(agent.namespace, agent.agent, pod)
        self.targets[key] = TargetState(Target(key=key), (), NOTHING_RESTORED, None)

    def tick(self, after: float = 0.0) -> None:
        self.steady.now += after
        asyncio.run(self.evidence.tick())

    def found(self, agent: AgentRef = SEARCH) -> Any:
        return self.evidence.evidence_of(agent, ()).sources[SourceName.LOGS]


def test_an_agent_is_asked_about_with_all_its_pods_and_again_when_its_turn_comes() -> None:
    watched = Watched()
    assert watched.found().reason is UnknownReason.OBSERVING
    assert watched.evidence.sources_up() == {}
    watched.tick()
    found = watched.found()
    assert isinstance(found, Seen)
    assert (found.ref, found.next_at) == ("there", found.observed_at + 3600)
    assert watched.place.asked == [(SEARCH, ("a", "b"))]
    assert (watched.evidence.sources_up(), watched.evidence.take_changed()) == ({"logs": ""}, {SEARCH})
    watched.tick(3599)
    assert len(watched.place.asked) == 1
    watched.tick(1)
    assert len(watched.place.asked) == 2
    assert watched.evidence.take_changed() == set()  # it is as it was


def test_what_was_seen_stays_while_nobody_answers_and_its_source_is_down() -> None:
    watched = Watched()
    watched.tick()
    seen, watched.place.answer = watched.found(), AWAY
    watched.tick(3600)
    assert watched.found() is seen
    assert watched.evidence.sources_up() == {"logs": "Unreachable"}
    watched.place.answer = (LogSample(2, 0), "there")
    watched.tick(AGAIN)
    assert watched.found().value.lines == 2
    assert watched.evidence.sources_up() == {"logs": ""}


def test_what_may_not_be_read_any_more_is_forbidden_at_once() -> None:
    watched = Watched()
    watched.tick()
    watched.evidence.take_changed()
    watched.place.answer = DENIED
    watched.tick(3600)
    assert (watched.found(), watched.evidence.sources_up()) == (DENIED, {"logs": "Forbidden"})
    assert watched.evidence.take_changed() == {SEARCH}


def test_an_agent_of_which_nothing_could_be_had_is_asked_about_again_soon() -> None:
    watched = Watched()
    watched.place.answer = DENIED
    watched.tick()
    watched.place.answer = (LogSample(1, 1), "there")
    watched.tick(SOON - 1)
    assert watched.found() is DENIED
    watched.tick(1)
    assert isinstance(watched.found(), Seen)


def test_what_goes_wrong_with_one_agent_costs_its_own_evidence() -> None:
    watched = Watched()
    watched.put(OTHER, "c")
    watched.place.answer = ValueError("sk-secret")
    watched.tick()
    watched.place.answer = (LogSample(1, 1), "there")
    watched.tick(1)
    reasons = {getattr(watched.found(each), "reason", None) for each in (SEARCH, OTHER)}
    assert UnknownReason.EVALUATOR_ERROR in reasons
    assert "sk-secret" not in str([watched.found(each) for each in (SEARCH, OTHER)])


def test_an_agent_that_is_gone_leaves_nothing_behind() -> None:
    watched = Watched()
    watched.tick()
    watched.targets.clear()
    watched.tick(10)
    assert watched.found().reason is UnknownReason.NO_DATA
    assert watched.evidence.presence(SEARCH) is Presence.GONE
    assert not watched.evidence.agents()


def test_what_is_turned_off_and_on_is_judged_anew() -> None:
    watched = Watched()
    watched.tick()
    watched.evidence.take_changed()
    watched.evidence.adopt(OFF, 3600.0, 0.5)
    assert (watched.found(), watched.evidence.sources_up()) == (OFF, {})
    assert watched.evidence.take_changed() == {SEARCH}
    assert not watched.evidence.is_busy
    watched.evidence.adopt(watched.place, 3600.0, 0.5)
    assert watched.found().reason is UnknownReason.OBSERVING


@pytest.mark.parametrize("answer", [AWAY, DENIED, Missing(UnknownReason.NO_DATA, "None.")])
def test_one_who_asks_by_hand_waits_for_each_agent_once(answer: Missing) -> None:
    watched = Watched()
    watched.place.answer = answer
    assert watched.evidence.is_busy
    watched.tick()
    assert not watched.evidence.is_busy
