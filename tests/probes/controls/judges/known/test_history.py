"""What was seen over days decides: rotations, starts without an SVID, conditions that stand or flap."""

from dataclasses import replace

import pytest

from probes.contract.condition import Status
from probes.controls.evidence import ConditionPast, LivePod, PodHistory, PodTemplate, Stretch
from probes.controls.evidence.live_pod import PodRun
from probes.controls.finding import State
from tests.probes.controls.judges.known.pods import finding, no_page, only, page, port, said, true
from tests.probes.controls.judges.kubernetes_pod.pods import container
from tests.probes.controls.made import DAY, NOW

ROTATES, WORKING = "security.identity.svid-rotation-enabled", "postdeploy.long.svid-rotation-working"
STARTUP, TUNED = "security.identity.verified-at-startup", "observability.alerts.thresholds-tuned"
HOUR = 3600.0

ROTATED = PodHistory(
    since=NOW - DAY,
    served_since=NOW - DAY,
    serial="3f",
    not_before=NOW - 600,
    not_after=NOW + 3000,
    rotated_at=NOW - 600,
    left=0.5,
    process_started=NOW - DAY,
)


def live(running_since: float | None) -> LivePod:
    """A pod whose agent's container runs since then (Unix seconds)."""
    run = PodRun("r1", "node-1", "Running", NOW - DAY, NOW - DAY, None, (container(running_since=running_since),))
    return LivePod(PodTemplate({}, {"containers": [{"name": "agent"}]}, "agent"), run)


@pytest.mark.parametrize("control", [ROTATES, WORKING])
def test_a_newer_svid_seen_long_before_the_end_of_the_old_one_is_a_rotation(control: str) -> None:
    told = "A newer SVID was seen 10m0s ago, with 50% of the old lifetime left."
    assert only(control, ROTATED, page()) == ("good", "", told)
    assert only(control, replace(ROTATED, left=0.2), page())[0] == "good"
    assert only(control, replace(ROTATED, process_started=None), live(NOW - DAY)) == ("good", "", told)


@pytest.mark.parametrize(
    ("seen", "next_at"),
    [
        (PodHistory(since=NOW), None),
        (replace(ROTATED, served_since=NOW - 600, rotated_at=None, left=None), NOW + 1560),
        (replace(ROTATED, rotated_at=NOW - 7201), NOW + 1560),
        (replace(ROTATED, process_started=NOW - 700), NOW + 1560),
        (replace(ROTATED, left=0.19), NOW + 1200),
        (replace(ROTATED, left=None), NOW + 1200),
        (replace(ROTATED, not_after=NOW - 600), None),
    ],
)
def test_without_a_rotation_that_was_seen_in_time_it_is_observed_on(seen: PodHistory, next_at: float | None) -> None:
    [one] = said(ROTATES, seen, page())
    assert (one.says.value, one.reason, one.next_at) == ("unclear", "Observing", next_at)


def test_the_first_svid_of_a_new_process_replaces_none() -> None:
    assert only(ROTATES, replace(ROTATED, process_started=NOW - 900), page())[0] == "good"
    assert only(ROTATES, replace(ROTATED, process_started=NOW - 899), page())[0] == "unclear"
    without = replace(ROTATED, process_started=None)
    assert only(ROTATES, without, live(NOW - 900))[0] == "good"
    assert only(ROTATES, replace(without, rotated_at=NOW + 120), live(NOW - 900))[0] == "good"
    assert only(ROTATES, without, live(NOW - 899))[:2] == ("unclear", "Observing")
    assert only(ROTATES, ROTATED, page(), live(NOW - 899))[:2] == ("unclear", "Observing")


@pytest.mark.parametrize(
    "seen",
    [
        (replace(ROTATED, process_started=None),),
        (replace(ROTATED, process_started=None), page()),
        (ROTATED,),
        (ROTATED, no_page("Lost")),
        (replace(ROTATED, process_started=None), live(None)),
        (replace(ROTATED, rotated_at=NOW + 1), page()),
        (replace(ROTATED, rotated_at=NOW + 121), page(), live(NOW - DAY)),
    ],
)
def test_a_newer_svid_is_no_rotation_where_nothing_since_tells_when_the_process_began(seen: tuple[PodHistory]) -> None:
    told = "A newer SVID was seen, but since then nothing tells when the process began: it may have restarted."
    assert only(ROTATES, *seen) == ("unclear", "NoData", told)


def test_the_verdicts_of_a_pod_that_rotates_one_that_does_not_and_a_new_one() -> None:
    assert finding(ROTATES, ROTATED, port(), page()).state is State.PASS
    assert finding(ROTATES, ROTATED, port(true("SVIDRotationOverdue"))).state is State.FAIL
    assert finding(ROTATES, PodHistory(since=NOW), port()).reason == "Observing"


@pytest.mark.parametrize(
    ("without", "told"),
    [
        ((NOW - 100, NOW - 90), ["The pod was Ready for at least 10s while its port answered without an SVID."]),
        ((NOW - 100, NOW - 91), []),
        ((NOW - 7 * HOUR - 1, NOW), []),
        (None, []),
    ],
)
def test_a_pod_that_was_ready_while_it_served_no_svid_did_not_verify_it_first(
    without: tuple[float, float] | None, told: list[str]
) -> None:
    found = said(STARTUP, replace(ROTATED, without_svid=without))
    assert [(each.says.value, each.message) for each in found] == [("bad", each) for each in told]


def _flapping(days: int, turns: int) -> ConditionPast:
    found = []
    for day in range(days):
        for turn in range(turns):
            start = NOW - (day + 1) * DAY + 60 + turn * 60
            found += [Stretch(Status.FALSE, start - 30, start), Stretch(Status.TRUE, start, start + 30)]
    return ConditionPast(tuple(sorted(found, key=lambda each: each.start)))


@pytest.mark.parametrize(
    ("past", "told"),
    [
        (
            ConditionPast((Stretch(Status.TRUE, NOW - 1.5 * DAY, NOW),)),
            ["MemoryHigh was true for 21% of the last 7 days."],
        ),
        (ConditionPast((Stretch(Status.TRUE, NOW - 1.4 * DAY, NOW),)), []),
        (ConditionPast((Stretch(Status.TRUE, NOW - 20 * DAY, NOW - 6 * DAY),)), []),
        (_flapping(3, 11), ["MemoryHigh turned more than 10 times a day on 3 of the last 7 days."]),
        (_flapping(3, 10), []),
        (_flapping(2, 11), []),
    ],
)
def test_conditions_that_stand_for_a_fifth_of_a_week_or_flap_refute_their_thresholds(
    past: ConditionPast, told: list[str]
) -> None:
    found = said(TUNED, replace(ROTATED, past={"MemoryHigh": past}))
    assert [(each.says.value, each.message) for each in found] == [("bad", each) for each in told]


TUNED_BREAKER = "reliability.circuit-breaker.threshold-tuned"


@pytest.mark.parametrize(
    ("openings", "refuted"),
    [
        ([(1, "ranker"), (2, "ranker"), (6.9, "ranker")], True),
        ([(1, "ranker"), (2, "ranker"), (7.1, "ranker")], False),
        ([(1, "ranker"), (2, "ranker"), (3, "index")], False),
        ([], False),
    ],
)
def test_a_breaker_that_opens_again_and_again_for_no_good_reason_is_not_tuned(
    openings: list[tuple[float, str]], refuted: bool
) -> None:
    past = tuple((NOW - days * DAY, callee) for days, callee in openings)
    found = finding(TUNED_BREAKER, PodHistory(since=NOW - 9 * DAY, needless_openings=past))
    if refuted:
        told = (
            "search-0: The circuit breaker for ranker opened 3 times in 7 days while less than 1 % of calls had failed."
        )
        assert (found.state, found.reason, found.message) == (State.FAIL, "Refuted", told)
    else:
        assert (found.state, found.reason) == (State.UNKNOWN, "AttestationMissing")


def test_a_breaker_that_has_no_name_is_told_of_without_one() -> None:
    past = tuple((NOW - days * DAY, "") for days in (1, 2, 3))
    [one] = said(TUNED_BREAKER, PodHistory(since=NOW - 9 * DAY, needless_openings=past))
    assert one.message == "The circuit breaker opened 3 times in 7 days while less than 1 % of calls had failed."
