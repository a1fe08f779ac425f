"""A jump of the date is told until every target was looked at again, and at least a minute."""

import asyncio

from tests.engine.toy import PAGES, TOY, Rooms, target
from tests.runtime.test_clock import HOUR, Machine
from watcher.engine.board import Board, Look
from watcher.engine.clocks.clock_watch import ClockWatch
from watcher.engine.clocks.peer_clocks import PeerClocks
from watcher.engine.look_round import LookRound

BACK = "The wall clock jumped 1h0m back."


class Watched:
    """A clock watch, and two targets that are looked at when a test says."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.clock = self.machine.clock()
        self.board = Board([TOY], [PAGES], self.clock.steady, self.clock.date_of)
        asyncio.run(self.board.replace([target("pod-0"), target("pod-1")], {}))
        self.watch = ClockWatch(self.clock, PeerClocks(self.clock), self._round)

    def _round(self, since: float) -> LookRound:
        return LookRound(self.board.states.values(), lambda _: ["agent_metrics"], since)

    def look(self, *pods: str) -> None:
        for key, state in self.board.states.items():
            if key.pod in pods:
                state.looks = {"agent_metrics": Look("agent_metrics", self.clock.steady(), 0.01, Rooms())}

    def after(self, seconds: float) -> str:
        self.machine.uptime += seconds
        self.watch.beat()
        return self.watch.trouble


def test_it_is_told_at_least_a_minute_although_all_was_looked_at() -> None:
    watched = Watched()
    watched.look("pod-0", "pod-1")
    assert watched.after(1) == ""
    watched.machine.set_by = -HOUR
    assert watched.after(0.05) == BACK
    watched.look("pod-0", "pod-1")
    assert [watched.after(1), watched.after(58)] == [BACK, BACK]
    assert watched.after(2) == ""


def test_it_is_told_until_the_last_target_was_looked_at_since() -> None:
    watched = Watched()
    watched.look("pod-0", "pod-1")
    watched.machine.set_by = -HOUR
    watched.after(1)
    watched.look("pod-0")
    assert watched.after(3600) == BACK
    watched.look("pod-1")
    assert watched.after(1) == ""


def test_forward_and_back_are_two_jumps_and_each_begins_anew() -> None:
    watched = Watched()
    watched.machine.set_by = HOUR
    assert watched.after(1) == "The wall clock jumped 1h0m forward."
    watched.look("pod-0", "pod-1")
    watched.machine.set_by = 0
    assert watched.after(50) == BACK
    watched.look("pod-0", "pod-1")
    assert [watched.after(50), watched.after(11)] == [BACK, ""]


def test_a_target_that_is_gone_is_not_waited_for() -> None:
    watched = Watched()
    watched.machine.set_by = -HOUR
    watched.after(1)
    watched.look("pod-1")
    asyncio.run(watched.board.replace([target("pod-1")], {}))
    watched.look("pod-1")
    assert watched.after(61) == ""
