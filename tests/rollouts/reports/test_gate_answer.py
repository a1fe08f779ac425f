"""What a gate answers: never verified where the watcher does not know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rollouts.made_rollouts import (
    FAILED,
    GOING_ON,
    IMPAIRED,
    ROLLED_BACK,
    SUPERSEDED,
    line,
    rollout,
    settling,
)
from watcher.rollouts.reports.gate_answer import gate_answer, status_of
from watcher.rollouts.rollout import Rollout
from watcher.rollouts.terms import LINES, LineName, LineState, Outcome, Undecided, Window

LACKS = line(
    Window.SHORT, LineName.ERROR_RATE, LineState.UNDECIDED, reason=Undecided.NO_DATA, lacks="12 requests", message=""
)


@pytest.mark.parametrize(
    ("found", "until", "impaired", "outcome", "reason"),
    [
        (rollout(), Window.SHORT, "", Outcome.VERIFIED, ""),
        (None, Window.SHORT, "", Outcome.UNDECIDED, "NotSeenYet"),
        (GOING_ON, Window.SHORT, "", Outcome.UNDECIDED, "NotDecided"),
        (GOING_ON, Window.IMMEDIATE, "", Outcome.VERIFIED, ""),
        (FAILED, Window.SHORT, "", Outcome.FAILED, ""),
        (FAILED, Window.IMMEDIATE, "", Outcome.VERIFIED, ""),
        (ROLLED_BACK, Window.IMMEDIATE, "", Outcome.FAILED, ""),
        (SUPERSEDED, Window.SHORT, "", Outcome.UNDECIDED, "NotDecided"),
        (IMPAIRED, Window.SHORT, "", Outcome.UNABLE, "WatcherImpaired"),
        (rollout(), Window.SHORT, "It is cut off.", Outcome.UNABLE, "WatcherImpaired"),
        (None, Window.SHORT, "It is cut off.", Outcome.UNABLE, "WatcherImpaired"),
        (FAILED, Window.SHORT, "It is cut off.", Outcome.FAILED, ""),
        (rollout(lines=()), Window.SHORT, "", Outcome.UNDECIDED, "NotDecided"),
    ],
)
def test_a_gate_answers_by_what_is_known(
    found: Rollout | None, until: Window, impaired: str, outcome: Outcome, reason: str
) -> None:
    answer = gate_answer(found, until, impaired)
    assert (answer.outcome, answer.reason, bool(answer.why)) == (outcome, reason, True)
    assert answer.revision == (found.revision.id if found is not None else "")


def test_what_it_was_verified_without_is_said() -> None:
    without = tuple(LACKS if each.name is LineName.ERROR_RATE else each for each in rollout().lines)
    answer = gate_answer(rollout(lines=without), Window.SHORT, "")
    assert (answer.outcome, answer.verified_without) == (Outcome.VERIFIED, ("error rate: 12 requests",))


def test_each_outcome_has_its_status_and_a_hook_that_rolls_back_reads_200_only_when_it_failed() -> None:
    assert {each: status_of(each, wants_rollback=False) for each in Outcome} == {
        Outcome.VERIFIED: 200,
        Outcome.FAILED: 409,
        Outcome.UNDECIDED: 425,
        Outcome.UNABLE: 503,
    }
    assert {each for each in Outcome if status_of(each, wants_rollback=True) < 400} == {Outcome.FAILED}
    assert status_of(Outcome.FAILED, wants_rollback=True) == 200


_LINES = [(window, name) for window in Window for name in LINES[window]]


@given(
    states=st.lists(st.sampled_from(LineState), min_size=len(_LINES), max_size=len(_LINES)),
    until=st.sampled_from(Window),
    impaired=st.sampled_from(["", "It is cut off."]),
    end=st.sampled_from(["", "rolled_back", "superseded"]),
)
def test_verified_is_only_what_no_line_and_no_trouble_speaks_against(
    states: list[LineState], until: Window, impaired: str, end: str
) -> None:
    made = tuple(
        settling(*place) if state is LineState.UNDECIDED else line(*place, state)
        for place, state in zip(_LINES, states, strict=True)
    )
    found = rollout(lines=made, end=end)
    answer = gate_answer(found, until, impaired)
    if answer.outcome is Outcome.VERIFIED:
        assert not impaired
        assert end != "rolled_back"
        assert {each.state for each in found.until(until)} <= {LineState.PASS, LineState.NOT_APPLICABLE}
