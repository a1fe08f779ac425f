"""Of findings that turned, what is news is told among the changes of conditions."""

from probes.controls.catalogue.loading import load_catalogue
from probes.controls.catalogue.terms import Automation
from probes.controls.evidence import AgentRef
from probes.controls.finding import State
from watcher.changes.change import Change
from watcher.checklist.finding_changes import FindingChanges
from watcher.checklist.turned_finding import TurnedFinding

AGENT = AgentRef("prod", "search")
TLS = "security.transport.tls13-enforced"


def _told(*turns: tuple[State, State], control: str = TLS) -> list[Change]:
    told: list[Change] = []
    tell = FindingChanges(load_catalogue().by_id, told.extend)
    for at, (before, after) in enumerate(turns):
        tell([TurnedFinding(float(at), AGENT, control, before, after, "Violated", "It takes TLS 1.2.", 60.0)])
    return told


def test_a_finding_that_newly_fails_is_a_change_of_its_agent() -> None:
    [change] = _told((State.PASS, State.FAIL))
    expected = ("prod", "search", "", "control", TLS, "", "pass", "fail", "Violated", "It takes TLS 1.2.", 60.0)
    assert change == Change(0.0, *expected)


def test_what_is_decided_for_the_first_time_is_no_news() -> None:
    assert _told((State.UNKNOWN, State.PASS)) == []


def test_what_lapsed_and_is_known_again_is_told_both_times_and_then_no_more() -> None:
    turns = ((State.PASS, State.UNKNOWN), (State.UNKNOWN, State.PASS))
    told = _told(*turns, (State.NOT_APPLICABLE, State.UNKNOWN), (State.UNKNOWN, State.NOT_APPLICABLE))
    assert [(each.before, each.after) for each in told] == [("pass", "unknown"), ("unknown", "pass")]


def test_a_roll_up_is_not_told_beside_its_members() -> None:
    roll_up = next(each.id for each in load_catalogue().controls if each.automation is Automation.ROLLUP)
    assert _told((State.PASS, State.FAIL), control=roll_up) == []


def test_a_long_message_is_cut() -> None:
    told: list[Change] = []
    tell = FindingChanges(load_catalogue().by_id, told.extend)
    tell([TurnedFinding(0.0, AGENT, TLS, State.PASS, State.FAIL, "Violated", "x" * 5000, 60.0)])
    assert [len(each.message) for each in told] == [500]
