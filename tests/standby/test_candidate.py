"""Who of two leads, as decided from what each of them reads: a simulation of two candidates and one API server."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from watcher.standby.candidate import DURATION, RETRY, Candidate, Record, Step

ANSWER = 0.2
"""Seconds at most that a call of the simulation takes."""
SECONDS = 180.0


@dataclass
class Server:
    """One lease, and when who cannot reach it."""

    away: list[tuple[float, float, str]]  # from, until, for whom
    record: Record | None = None
    writes: int = 0

    def reachable(self, me: str, at: float) -> bool:
        return not any(begin <= at < end and who in (me, "both") for begin, end, who in self.away)

    def write(self, me: str, read: Record | None) -> bool:
        if self.record != read:  # 409
            return False
        self.writes += 1
        self.record = Record(str(self.writes), me)
        return True


@dataclass
class Process:
    """One candidate that looks at the lease every two seconds or less, by a clock of its own."""

    me: str
    server: Server
    chance: random.Random
    dead: list[tuple[float, float]] = field(default_factory=list)  # stopped, as by SIGSTOP; for ever, as by SIGKILL
    at: float = 0.0
    read: tuple[Record | None, Step] | None = None  # what it is about to write
    was_late: bool = False  # somebody else wrote first: it reads once more, at once

    def __post_init__(self) -> None:
        self.candidate, self.ahead = Candidate(self.me), self.chance.uniform(-1e6, 1e6)

    def alive(self, at: float) -> bool:
        return not any(begin <= at < end for begin, end in self.dead)

    def step(self) -> None:
        """A read, or the write that follows it; each at a moment of its own."""
        if not self.alive(self.at) or not self.server.reachable(self.me, self.at):
            self.read = None if self.alive(self.at) else self.read
            self._pause()
        elif self.read is None:
            step = self.candidate.read(self.server.record, self.at + self.ahead)
            if step is Step.WAIT or self.was_late:
                self.was_late = False
                self._pause()
            else:
                self.read = self.server.record, step
                self.at += self.chance.uniform(0, ANSWER)
        else:
            if self.server.write(self.me, self.read[0]):
                assert self.server.record is not None
                self.candidate.wrote(self.server.record.version, self.at + self.ahead)
                self._pause()
            else:
                self.was_late = True
                self.at += self.chance.uniform(0, ANSWER)
            self.read = None

    def _pause(self) -> None:
        self.at += self.chance.uniform(0.7, 1.0) * RETRY


Moment = tuple[float, bool, bool]


def play(away: list[tuple[float, float, str]], dead: dict[str, list[tuple[float, float]]], seed: int) -> list[Moment]:
    """At each step of either: when, and whether a and b believe to lead. One that is stopped or dead tells nobody."""
    server, chance = Server(away), random.Random(seed)
    a, b = (Process(me, server, chance, dead.get(me, []), chance.uniform(0, 2)) for me in "ab")
    moments = []
    while (now := min((a, b), key=lambda each: each.at)).at < SECONDS:
        at = now.at
        now.step()
        believes = [each.candidate.active and each.alive(at) for each in (a, b)]
        moments.append((at, believes[0], believes[1]))
    return moments


spans = st.tuples(st.floats(20, 120), st.floats(0.1, 50)).map(lambda pair: (pair[0], pair[0] + pair[1]))
outages = st.lists(
    st.tuples(spans, st.sampled_from(["a", "b", "both"])).map(lambda pair: (*pair[0], pair[1])), max_size=3
)
stops = st.fixed_dictionaries({}, optional={"a": st.lists(spans, max_size=2), "b": st.lists(spans, max_size=2)})
seeds = st.integers(0, 2**32)


def troubled(
    at: float, me: str, away: list[tuple[float, float, str]], dead: dict[str, list[tuple[float, float]]]
) -> bool:
    """Whether this one could not read, or did not run, up to one look ago."""
    late = RETRY + 2 * ANSWER
    cut = any(begin <= at < end + late and who in (me, "both") for begin, end, who in away)
    return cut or any(begin <= at < end + late for begin, end in dead.get(me, ()))


@given(away=outages, dead=stops, seed=seeds)
@example(away=[(25.0, 34.0, "a")], dead={}, seed=828)  # back as the other takes the lease, and late to renew
def test_never_do_two_lead_for_longer_than_one_look_after_both_can_read(
    away: list[tuple[float, float, str]], dead: dict[str, list[tuple[float, float]]], seed: int
) -> None:
    both = [at for at, a, b in play(away, dead, seed) if a and b]
    assert [at for at in both if not any(troubled(at, me, away, dead) for me in "ab")] == []


@given(away=outages, dead=stops, seed=seeds)
def test_somebody_leads_whenever_both_could_read_for_long_enough(
    away: list[tuple[float, float, str]], dead: dict[str, list[tuple[float, float]]], seed: int
) -> None:
    within = DURATION + 3 * RETRY + 4 * ANSWER
    moments = play(away, dead, seed)
    ends = [0.0, *(end for _, end, _ in away), *(end for spans in dead.values() for _, end in spans)]
    begins = [*(begin for begin, _, _ in away), *(begin for spans in dead.values() for begin, _ in spans)]
    for at, a, b in moments:
        last = max((moment for moment in (*ends, *begins) if moment <= at), default=0.0)
        quiet = not any(begin <= at < end for begin, end, _ in away) and not any(
            begin <= at < end for spans in dead.values() for begin, end in spans
        )
        if quiet and at > last + within:
            assert a or b, at


@given(span=spans, seed=seeds)
def test_a_leader_keeps_its_role_while_nobody_can_reach_the_server(span: tuple[float, float], seed: int) -> None:
    moments = play([(*span, "both")], {}, seed)
    before = next((a, b) for at, a, b in moments if at >= 15)
    assert {(a, b) for at, a, b in moments if at >= 15} == {before}


@given(seed=seeds, at=st.floats(20, 100))
def test_a_dead_leader_is_followed_within_fifteen_seconds(seed: int, at: float) -> None:
    leads_a = next(a for moment, a, _ in play([], {}, seed) if moment >= 15)
    moments = play([], {"a" if leads_a else "b": [(at, SECONDS)]}, seed)
    assert next(moment for moment, a, b in moments if moment > at and (a or b)) < at + 15


def test_a_lease_is_judged_by_how_long_it_stands_still_and_not_by_the_clock_of_its_holder() -> None:
    me = Candidate("me")
    theirs = Record("7", "they")
    assert [me.read(theirs, at) for at in range(100, 111, 2)] == [Step.WAIT] * 6
    assert me.read(Record("8", "they"), 112) is Step.WAIT
    assert [me.read(Record("8", "they"), at) for at in (114, 116, 118, 120, 122)] == [Step.WAIT] * 5
    assert me.read(Record("8", "they"), 124) is Step.TAKE


def test_a_lease_that_could_not_be_read_for_an_hour_is_not_taken_at_once() -> None:
    me = Candidate("me")
    assert [me.read(Record("7", "they"), at) for at in (0, 2, 3600)] == [Step.WAIT] * 3
    assert not me.active


@pytest.mark.parametrize("record", [None, Record("7", "")], ids=["none there", "given back"])
def test_a_lease_that_nobody_holds_is_taken_at_once(record: Record | None) -> None:
    me = Candidate("me")
    assert me.read(record, 1.0) is Step.TAKE
    assert not me.active
    me.wrote("8", 1.1)
    assert me.active
    assert me.read(Record("8", "me"), 3.0) is Step.HOLD


def test_a_leader_that_reads_of_another_leads_no_more() -> None:
    me = Candidate("me")
    me.read(None, 0.0)
    me.wrote("1", 0.1)
    assert me.read(Record("2", "they"), 2.0) is Step.WAIT
    assert not me.active


def test_who_resigns_leads_no_more_and_has_nothing_to_give_back_the_second_time() -> None:
    me = Candidate("me")
    me.wrote("1", 0.1)
    assert me.resign()
    assert not me.active
    assert not me.resign()
