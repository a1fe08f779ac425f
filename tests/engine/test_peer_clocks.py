"""Whose clock is wrong? Ours only where others say so."""

from dataclasses import dataclass

import pytest

from probes.contract import Reading, TargetKey
from tests.engine.toy import Rooms
from tests.runtime.test_clock import DATE, HOUR, Machine
from watcher.engine.clocks.peer_clocks import PeerClocks
from watcher.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Served(Rooms):
    """A certificate that is valid from then on."""

    starts: float

    @property
    def valid_from(self) -> float | None:
        return DATE + self.starts


def serves(starts: float) -> Reading:
    """A certificate that begins so long after the true date."""
    return Served(starts=starts)


def says(ahead: float) -> Reading:
    """By a clock that is so far ahead of the true one."""
    return Rooms(their_date=DATE + ahead)


def pod(number: int) -> TargetKey:
    """The only one of an agent."""
    return TargetKey("prod", f"agent-{number}", "0")


class Peers:
    """What is known after some looks, where our own clock is set by so much."""

    def __init__(self, set_by: float) -> None:
        self.machine = Machine(set_by=set_by)
        self.clock: Clock = self.machine.clock()
        self.peers = PeerClocks(self.clock)
        self.watched: set[TargetKey] = set()

    def keep(self, *targets: TargetKey) -> str:
        """These are watched, and no others."""
        self.watched = set(targets)
        self.peers.keep(self.watched)
        return self.peers.doubt

    def look(self, *readings: Reading) -> str:
        self.keep(*self.watched, *map(pod, range(len(readings))))
        for number, reading in enumerate(readings):
            self.peers.record(pod(number), reading, self.clock.steady())
        return self.peers.doubt


@pytest.mark.parametrize(
    ("set_by", "doubt"),
    [
        (0.0, ""),
        (290.0, ""),
        (-290.0, ""),
        (310.0, "The watcher's clock is 5m10s ahead of most agents'."),
        (3 * HOUR, "The watcher's clock is 3h0m ahead of most agents'."),
        (-26 * HOUR, "The watcher's clock is 1d2h behind most agents'."),
    ],
)
def test_what_most_agents_say_is_evidence(set_by: float, doubt: str) -> None:
    assert Peers(set_by).look(*[says(0)] * 5) == doubt


@pytest.mark.parametrize(
    ("others", "doubted"),
    [
        ([-HOUR], False),  # one against one proves nothing
        ([-HOUR, -HOUR], True),
        ([-HOUR, -HOUR, 0, 0], False),
        ([-HOUR, -HOUR, -HOUR, 0, 0], True),
        ([-HOUR, -HOUR, HOUR, HOUR], False),  # they do not agree with one another either
    ],
)
def test_most_of_them_must_say_the_same(others: list[float], *, doubted: bool) -> None:
    assert bool(Peers(0).look(*map(says, others))) is doubted


def test_what_says_no_date_says_nothing() -> None:
    assert Peers(3 * HOUR).look(*[Rooms()] * 9) == ""


def test_a_jump_turns_what_was_said_before_into_evidence_at_the_next_look() -> None:
    of = Peers(0)
    assert of.look(*[says(0)] * 5) == ""
    of.machine.set_by = -HOUR
    of.clock.notice()
    assert of.look(says(0)) == "The watcher's clock is 1h0m behind most agents'."
    of.machine.set_by = 0
    of.clock.notice()
    assert of.look(says(0)) == ""


def test_certificates_that_are_all_expired_are_no_evidence_and_all_not_yet_valid_are() -> None:
    assert Peers(0).look(*[serves(-HOUR)] * 5) == ""
    said = "No agent's SVID is valid yet, so the watcher's own clock may be behind."
    assert Peers(0).look(*[serves(HOUR)] * 5) == said
    assert Peers(0).look(*[serves(HOUR)] * 4, serves(-HOUR)) == ""
    assert Peers(0).look(serves(HOUR)) == ""


def test_who_says_that_our_clock_is_right_outweighs_the_rest() -> None:
    right = Peers(0)
    right.look(*[says(0)] * 5)
    assert right.look(*[serves(HOUR)] * 5) == "", "a SPIRE server that is ahead is the fleet's own trouble"
    wrong_agents = Peers(0)
    wrong_agents.peers.hear_api_server(DATE, DATE)
    assert wrong_agents.look(*[says(HOUR)] * 5) == ""
    wrong_server = Peers(0)
    wrong_server.look(*[says(0)] * 5)
    wrong_server.peers.hear_api_server(DATE + HOUR, DATE)
    assert wrong_server.peers.doubt == ""


def test_the_api_server_alone_is_evidence_until_it_was_not_heard_for_long() -> None:
    of = Peers(-HOUR)
    now = of.clock.steady()
    of.peers.hear_api_server(DATE, now)
    assert of.peers.doubt == "The watcher's clock is 1h0m behind the API server's."
    of.machine.uptime += 901
    assert of.look(says(901), says(901)) == "The watcher's clock is 1h0m behind most agents'."
    silent = Peers(-HOUR)
    silent.peers.hear_api_server(DATE, silent.clock.steady() - 901)
    assert silent.peers.doubt == ""


def test_agents_that_are_gone_have_no_vote() -> None:
    of = Peers(0)
    assert of.look(*[says(-HOUR)] * 3, says(0), says(0))
    of.keep(*map(pod, range(2, 5)))
    assert of.peers.doubt == ""


def test_what_agents_said_is_forgotten_when_they_say_nothing_for_long() -> None:
    of = Peers(-HOUR)
    assert of.look(*[says(0)] * 3)
    of.machine.uptime += 899
    assert of.look(Rooms())
    of.machine.uptime += 2
    assert of.look(Rooms()) == ""
    young = Peers(0)
    assert young.look(*[serves(HOUR)] * 3)
    young.machine.uptime += 901
    assert young.look(Rooms()) == ""


def test_a_clock_that_was_put_right_is_believed_though_no_agent_answers_any_more() -> None:
    of = Peers(-HOUR)
    assert of.look(*[says(0)] * 3)
    of.machine.set_by = 0
    of.clock.notice()
    assert of.look(Rooms()) == ""


def test_who_goes_takes_the_doubt_along() -> None:
    of = Peers(-HOUR)
    assert of.look(*[says(0)] * 2)
    assert of.keep(pod(1)) == ""


def test_two_that_say_a_date_are_not_most_of_a_fleet_that_says_none() -> None:
    of = Peers(0)
    assert of.look(*[Rooms()] * 8, says(-HOUR), says(-HOUR)) == ""
    assert of.look(*[says(-HOUR)] * 5) != "", "seven of ten"


def test_all_pods_of_an_agent_are_one_witness() -> None:
    of = Peers(0)
    of.look(says(0), Rooms())
    pods = [TargetKey("evil", "agent", str(number)) for number in range(50)]
    of.keep(pod(0), pod(1), *pods)
    for each in pods:
        of.peers.record(each, says(-HOUR), of.clock.steady())
    assert of.peers.doubt == ""
    assert of.look(says(-HOUR), says(-HOUR)) != "", "three of three"
