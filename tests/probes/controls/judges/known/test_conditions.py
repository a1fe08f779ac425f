"""The watcher's own conditions decide: pass, fail and unknown of each control, with its sentence."""

from collections.abc import Sequence

import pytest

from probes.contract import Unknown, Verdict
from probes.contract.condition import Status
from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import ConditionPast, PodConditions, PrometheusLook, Seen, Stretch
from probes.controls.evidence.prometheus import Health, ObjectiveRule, RuleBook, Untold
from probes.controls.finding import State
from tests.probes.controls.judges.known.pods import KINDS, finding, only, said, true, unknown, verdicts
from tests.probes.controls.made import NOW

DEFINED, MET = "observability.metrics.slo-defined", "testing.load.slos-met"
EXPOSED = "reliability.circuit-breaker.metrics-exposed"
BREAKERS, MEMORY, CPU, POOL = (
    "postdeploy.short.no-breakers-open",
    "postdeploy.long.memory-stable",
    "postdeploy.long.cpu-stable",
    "postdeploy.long.pool-healthy",
)
OPA, RESOURCES, ALERTS, HEALTHY = (
    "postdeploy.long.no-opa-errors",
    "release.post.resources-stable",
    "release.post.no-alerts-fired",
    "release.rollback.previous-healthy",
)
HOUR = 3600.0


def conditions(*found: Verdict, without: Sequence[str] = (), **more: object) -> PodConditions:
    """Of a pod of which all is well but what is named, and that was followed for a week."""
    given: dict[str, object] = {
        "verdicts": verdicts(*found, well=[name for name in KINDS if name not in without]),
        "since": NOW - 7 * 86400,
        "told": 2 * HOUR,
        "busy": 2 * HOUR,
        "requests": 100.0,
        "alert_waits": dict.fromkeys(KINDS, 120.0),
    }
    return PodConditions(**(given | more))  # type: ignore[arg-type]


def past(*stretches: tuple[Status, float, float]) -> ConditionPast:
    """From and to so many seconds ago."""
    return ConditionPast(tuple(Stretch(status, NOW - start, NOW - end) for status, start, end in stretches))


def true_for(start: float, end: float, watched: float = 7 * HOUR) -> ConditionPast:
    """False but for this while."""
    before, after = (Status.FALSE, watched, start), (Status.FALSE, end, 0)
    return past(*[before], (Status.TRUE, start, end), *([after] if end else []))


WELL = conditions()


@pytest.mark.parametrize(
    ("control", "told"),
    [
        (DEFINED, "Errors and latency were judged for at least an hour of the last day."),
        (MET, "LatencyHigh was false for 100.0% of the time judged in the last day."),
        (EXPOSED, "CircuitBreakerOpen of this pod is judged."),
        (BREAKERS, "No circuit breaker is open, or was in the last 15 min."),
        (MEMORY, "Memory neither is high nor rises."),
        (CPU, "The CPU limit was not nearly used up."),
        (POOL, "The pool had room."),
        (RESOURCES, "Memory and CPU were well in the first hour."),
        (ALERTS, "No condition was true for as long as its alert waits."),
    ],
)
def test_a_pod_of_which_all_is_well_is_good(control: str, told: str) -> None:
    assert only(control, WELL) == ("good", "", told)


@pytest.mark.parametrize(
    ("control", "seen", "told"),
    [
        (
            DEFINED,
            conditions(unknown("LatencyHigh", Unknown.SIGNAL_ABSENT), told=0.0, requests=20.0),
            "After 20 requests in an hour: LatencyHigh is unknown.",
        ),
        (MET, conditions(true("LatencyHigh")), "LatencyHigh is true."),
        (
            MET,
            conditions(busy=10_000.0, slow=101.0),
            "LatencyHigh was true for 1.0% of the time that could be judged in the last day.",
        ),
        (BREAKERS, conditions(true("CircuitBreakerOpen", "Open", "index")), "CircuitBreakerOpen is true."),
        (
            BREAKERS,
            conditions(past={"CircuitBreakerOpen": true_for(910, 890)}),
            "A circuit breaker was open for 10s of the last 15 min.",
        ),
        (MEMORY, conditions(true("MemoryHigh")), "MemoryHigh is true."),
        (MEMORY, conditions(true("MemoryDrift")), "MemoryDrift is true."),
        (MEMORY, conditions(true("MemoryExhaustionPredicted")), "MemoryExhaustionPredicted is true."),
        (CPU, conditions(true("CPUHigh")), "CPUHigh is true."),
        (
            CPU,
            conditions(past={"CPUHigh": true_for(3600, 1800)}),
            "CPUHigh was true for 7% of the time that could be judged.",
        ),
        (POOL, conditions(true("PoolExhausted")), "PoolExhausted is true."),
        (POOL, conditions(true("PoolExhaustionPredicted")), "PoolExhaustionPredicted is true."),
        (
            POOL,
            conditions(true("PoolSaturated"), past={"PoolSaturated": true_for(300, 0)}),
            "For 5 min: PoolSaturated is true.",
        ),
        (
            POOL,
            conditions(past={"PoolSaturated": true_for(3600, 1800)}),
            "PoolSaturated was true for 7% of the time that could be judged.",
        ),
        (OPA, conditions(true("OPAUnreachable")), "OPAUnreachable is true."),
        (OPA, conditions(true("OPADecisionError")), "OPADecisionError is true."),
        (OPA, conditions(true("OPAPolicyMissing")), "OPAPolicyMissing is true."),
        (OPA, conditions(true("OPABundleStale")), "OPABundleStale is true."),
        (RESOURCES, conditions(true("MemoryHigh")), "MemoryHigh is true."),
        (
            RESOURCES,
            conditions(past={"CPUHigh": true_for(2 * HOUR, HOUR)}),
            "CPUHigh was true for 15% of the time that could be judged.",
        ),
        (
            ALERTS,
            conditions(past={"MemoryHigh": true_for(7 * HOUR - 100, 7 * HOUR - 221)}),
            "MemoryHigh was true for longer than 2m0s, so its alert fired.",
        ),
        (HEALTHY, conditions(true("AgentUnreachable")), "AgentUnreachable is true."),
    ],
)
def test_a_pod_that_is_not_well_is_bad(control: str, seen: PodConditions, told: str) -> None:
    assert only(control, seen) == ("bad", "", told)


IMPAIRED, ABSENT, WARMING = Unknown.WATCHER_IMPAIRED, Unknown.SIGNAL_ABSENT, Unknown.WARMING_UP


@pytest.mark.parametrize(
    ("control", "seen", "reason"),
    [
        (DEFINED, conditions(told=HOUR - 1), "Observing"),
        (DEFINED, conditions(without=["LatencyHigh"]), "SourceMissing"),
        (DEFINED, conditions(unknown("LatencyHigh", ABSENT), told=0.0, requests=19.0), "NoData"),
        (DEFINED, conditions(unknown("LatencyHigh", ABSENT), told=0.0, requests=None), "NoData"),
        (MET, conditions(busy=HOUR - 1), "NoData"),
        (MET, conditions(unknown("LatencyHigh", IMPAIRED)), "Unreachable"),
        (MET, conditions(without=["LatencyHigh"]), "SourceMissing"),
        (BREAKERS, conditions(unknown("CircuitBreakerOpen", ABSENT)), "NoData"),
        (BREAKERS, conditions(unknown("CircuitBreakerOpen", Unknown.MALFORMED, "index")), "NoData"),
        (BREAKERS, conditions(without=["CircuitBreakerOpen"]), "NoData"),
        (MEMORY, conditions(unknown("MemoryDrift", WARMING)), "Observing"),
        (MEMORY, conditions(without=["MemoryHigh"]), "NoData"),
        (MEMORY, conditions(unknown("MemoryHigh", IMPAIRED)), "Unreachable"),
        (CPU, conditions(unknown("CPUHigh", ABSENT)), "NoData"),
        (CPU, conditions(without=["CPUHigh"]), "NoData"),
        (POOL, conditions(true("PoolSaturated"), past={"PoolSaturated": true_for(299, 0)}), "Observing"),
        (POOL, conditions(without=["PoolExhausted", "PoolSaturated", "PoolExhaustionPredicted"]), "NoData"),
        (RESOURCES, conditions(unknown("MemoryHigh", ABSENT)), "NoData"),
        (OPA, conditions(unknown("OPAUnreachable", Unknown.NEVER_REACHED)), "Unreachable"),
        (ALERTS, conditions(unknown("AgentUnreachable", IMPAIRED)), "Unreachable"),
        (ALERTS, conditions(since=NOW - HOUR), "NoData"),
        (HEALTHY, conditions(unknown("SVIDExpired", IMPAIRED)), "Unreachable"),
    ],
)
def test_what_the_watcher_does_not_know_it_leaves_open_and_says_why(
    control: str, seen: PodConditions, reason: str
) -> None:
    assert only(control, seen)[:2] == ("unclear", reason)


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        (BREAKERS, HOUR),
        (MEMORY, 6 * HOUR),
        (CPU, HOUR),
        (POOL, HOUR),
        (RESOURCES, HOUR),
        (ALERTS, HOUR),
        (HEALTHY, 900.0),
    ],
)
def test_a_pod_that_is_too_young_is_not_judged_before_its_time(control: str, seconds: float) -> None:
    [one] = said(control, WELL, since=NOW - seconds + 1)
    assert (one.says.value, one.next_at) == ("unclear", NOW + 1)
    assert [each.says.value for each in said(control, WELL, since=NOW - seconds)] in (["good"], [])


@pytest.mark.parametrize("control", [BREAKERS, MEMORY, CPU, POOL, OPA])
def test_a_pod_that_is_young_and_not_well_is_bad_at_once(control: str) -> None:
    name = {BREAKERS: "CircuitBreakerOpen", MEMORY: "MemoryHigh", CPU: "CPUHigh", POOL: "PoolExhausted"}
    seen = conditions(true(name.get(control, "OPAUnreachable")))
    assert [each.says.value for each in said(control, seen, since=NOW - 61)] == ["bad"]


@pytest.mark.parametrize("control", [OPA, HEALTHY])
def test_what_can_only_refute_is_silent_where_all_is_well(control: str) -> None:
    assert said(control, WELL) == []
    assert said(control, conditions(unknown("OPABundleStale", WARMING))) == []


def test_a_warning_is_no_critical_condition() -> None:
    assert said(HEALTHY, conditions(true("MemoryDrift"))) == []


def test_what_was_true_for_less_than_its_alert_waits_fired_none() -> None:
    start = 7 * HOUR
    assert only(ALERTS, conditions(past={"MemoryHigh": true_for(start - 100, start - 219)}))[0] == "good"
    late = conditions(past={"MemoryHigh": true_for(start - HOUR - 1, start - 2 * HOUR)})
    assert only(ALERTS, late)[0] == "good"


def test_objectives_that_prometheus_may_have_are_not_missed_on_the_page() -> None:
    seen = conditions(unknown("LatencyHigh", ABSENT), told=0.0, requests=20.0)
    untold = PrometheusLook(RuleBook(), untold=Untold(UnknownReason.UNREACHABLE, "It was not asked."))
    book = RuleBook(objectives=(ObjectiveRule("slo:a", "errors", Health.OK),))
    for look in (untold, PrometheusLook(book, objectives=frozenset({0}))):
        found = [each for each in said(DEFINED, seen, prometheus=Seen(look, NOW, "prometheus")) if each.pod]
        assert [(each.says.value, each.reason) for each in found] == [("unclear", "NoData")]
    [none] = said(DEFINED, seen, prometheus=Seen(PrometheusLook(book), NOW, "prometheus"))
    assert none.says.value == "bad"


@pytest.mark.parametrize("control", [DEFINED, MET])
def test_the_verdicts_of_a_good_pod_a_bad_one_and_one_of_which_nothing_is_known(control: str) -> None:
    bad = (
        conditions(unknown("LatencyHigh", ABSENT), told=0.0) if control == DEFINED else conditions(true("LatencyHigh"))
    )
    quiet = conditions(told=0.0, busy=0.0)
    assert finding(control, WELL).state is State.PASS
    assert finding(control, bad).state is State.FAIL
    assert finding(control, quiet).state is State.UNKNOWN


def test_the_past_of_a_condition_tells_how_long_it_was_so_and_how_often_it_turned() -> None:
    found = past((Status.UNKNOWN, 100, 90), (Status.TRUE, 90, 60), (Status.FALSE, 60, 20), (Status.TRUE, 20, 0))
    assert found.seconds(Status.TRUE, NOW - 70) == 30
    assert found.judged(NOW - 1000) == 90
    assert found.longest_true(NOW - 80, NOW) == 20
    assert found.longest_true(NOW - 80, NOW - 10) == 20
    assert list(found.turns(NOW - 1000)) == [NOW - 20]
