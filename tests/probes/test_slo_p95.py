"""The p95 of requests over a window: told by the buckets of histograms, or not at all."""

import math
import re
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from probes.history.requests import Tally
from probes.slo import PROBE, SLOHistory, SLOLimits
from probes.slo.durations import MOST_BUCKETS, P95, Buckets
from tests.alerting.promtool import run_test
from tests.probes.judged import Judged

LATENCY, TOOK, SERIES = "LatencyHigh", "agentweave_request_duration_seconds", "slo_latency_p95_seconds"
BOUNDS = (0.1, 0.25, 0.5, 1.0, math.inf)
counts = st.lists(st.integers(0, 500), min_size=2, max_size=12)


def printed(bounds: tuple[float, ...], in_each: tuple[int, ...], labels: str = "") -> str:
    """A histogram with so many requests in each bucket."""
    up_to = accumulate(in_each)
    names = ("+Inf" if bound == math.inf else f"{bound:g}" for bound in bounds)
    return "\n".join(f'{TOOK}_bucket{{{labels}le="{name}"}} {count}' for name, count in zip(names, up_to, strict=True))


def looked(judged: Judged, a_look: tuple[int, ...], looks: int = 12, bounds: tuple[float, ...] = BOUNDS) -> str:
    """What is said of the latency after looks every 30 s, with so many more requests in each bucket at each of them."""
    told = ""
    for look in range(looks):
        grown = tuple(look * each for each in a_look)
        told = judged.read(30 * look, printed(bounds, grown))[LATENCY]
    return told


def test_the_p95_is_told_once_the_window_is_full_and_not_before() -> None:
    judged = Judged(PROBE, SLOLimits())
    assert (looked(judged, (90, 0, 10, 0, 0), looks=10), judged.value(SERIES)) == ("WarmingUp", None)
    assert looked(judged, (90, 0, 10, 0, 0), looks=11) == LATENCY
    assert judged.value(SERIES) == pytest.approx(0.375)  # half of the requests between 250 and 500 ms
    assert judged.message(LATENCY) == "10.0% of 1,000 requests took longer than 200ms over 5m0s. The p95 is 375ms."


def test_a_p95_of_seconds_is_said_in_tenths_of_them() -> None:
    judged = Judged(PROBE, SLOLimits())
    looked(judged, (0, 0, 0, 90, 10), bounds=(0.1, 0.25, 1.0, 2.5, math.inf))
    assert judged.value(SERIES) is None
    looked(judged, (0, 0, 0, 100, 0), bounds=(0.1, 0.25, 1.0, 2.5, math.inf))
    assert judged.message(LATENCY).endswith(" The p95 is 2.4s.")


def test_slow_requests_of_long_ago_are_not_in_it() -> None:
    judged = Judged(PROBE, SLOLimits())
    for look in range(12):
        judged.read(30 * look, printed(BOUNDS, (100 * look, 0, 5000, 0, 0)))
    assert judged.value(SERIES) == pytest.approx(0.095)


def test_where_no_request_came_there_is_none() -> None:
    judged = Judged(PROBE, SLOLimits())
    for look in range(12):
        judged.read(30 * look, printed(BOUNDS, (100, 0, 0, 0, 0)))
    assert (judged.value(SERIES), judged.value("slo_requests_per_second")) == (None, 0)


def test_beyond_the_last_bucket_it_is_not_made_up_and_slow_is_told_all_the_same() -> None:
    judged = Judged(PROBE, SLOLimits())
    assert looked(judged, (90, 0, 0, 0, 10)) == LATENCY
    assert judged.value(SERIES) is None
    assert judged.message(LATENCY) == "10.0% of 1,100 requests took longer than 200ms over 5m30s."


@pytest.mark.parametrize(
    "text",
    [
        f'{TOOK}{{quantile="0.95"}} 0.1\n{TOOK}_count 1',
        printed((0.1, math.inf), (1, 0), 'of="a",') + "\n" + printed((0.2, math.inf), (1, 0), 'of="b",'),
        printed((*(0.2 * at for at in range(1, MOST_BUCKETS + 1)), math.inf), (1, *[0] * MOST_BUCKETS)),
    ],
    ids=["a summary", "histograms of other buckets", "very many buckets"],
)
def test_of_what_does_not_tell_the_p95_none_is_exported_and_the_condition_is_judged(text: str) -> None:
    judged = Judged(PROBE, SLOLimits())
    for look in range(12):
        told = judged.read(30 * look, re.sub(r" 1$", f" {50 * look}", text, flags=re.MULTILINE))
    assert (told[LATENCY], judged.value(SERIES)) == ("false", None)
    assert judged.value("slo_requests_per_second")


def test_histograms_of_the_same_buckets_are_one() -> None:
    judged = Judged(PROBE, SLOLimits())
    for look in range(12):
        one, other = (
            printed(BOUNDS, (0, 0, 9 * look, 0, 0), 'of="a",'),
            printed(BOUNDS, (91 * look, 0, 0, 0, 0), 'of="b",'),
        )
        judged.read(30 * look, f"{one}\n{other}")
    assert judged.value(SERIES) == pytest.approx(0.25 + 0.25 * 4 / 9)


def test_a_rollout_with_other_buckets_begins_the_window_anew_and_says_so() -> None:
    judged = Judged(PROBE, SLOLimits())
    looked(judged, (100, 0, 0, 0, 0))
    others = (0.05, 0.25, 0.5, 1.0, math.inf)
    assert judged.read(360, printed(others, (5, 0, 0, 0, 0)))[LATENCY] == "WarmingUp"
    assert judged.message(LATENCY) == "History restarted, 0ms of 5m0s so far: its buckets changed."
    for look in range(13, 23):
        told = judged.read(30 * look, printed(others, (5 + 100 * (look - 12), 0, 0, 0, 0)))
    assert told[LATENCY] == "false"
    assert judged.value(SERIES) == pytest.approx(0.0475)


def test_a_page_that_failed_or_says_nothing_of_durations_keeps_the_window() -> None:
    judged = Judged(PROBE, SLOLimits())
    looked(judged, (100, 0, 0, 0, 0))
    assert judged.read(360, "first 1")[LATENCY] == "SignalAbsent"
    assert judged.value(SERIES) is None
    assert judged.read(390, printed(BOUNDS, (1300, 0, 0, 0, 0)))[LATENCY] == "false"
    assert judged.value(SERIES) == pytest.approx(0.095)


def test_the_buckets_survive_the_state_file() -> None:
    judged, file = Judged(PROBE, SLOLimits()), TypeAdapter(SLOHistory)
    looked(judged, (90, 0, 10, 0, 0))
    judged.history = file.validate_json(file.dump_json(judged.history))
    judged.read(360, printed(BOUNDS, (90 * 12, 0, 10 * 12, 0, 0)))
    assert judged.value(SERIES) == pytest.approx(0.375)


def buckets(in_each: list[int]) -> Buckets:
    bounds = (*(0.1 * 1.7**at for at in range(len(in_each) - 1)), math.inf)
    return Buckets(bounds, tuple(accumulate(map(float, in_each))))


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # many limits are of a bucket that does not tell
@given(counts, st.floats(0.01, 60))
def test_the_p95_is_over_a_limit_where_more_than_a_twentieth_are_slower_and_only_there(
    in_each: list[int], limit: float
) -> None:
    made = buckets(in_each)
    p95, slower = made.quantile(P95), made.slower(limit)
    assume(p95 is not None and not slower.unclear)
    assert p95 is not None
    assume(not math.isclose(p95, limit))
    assert (p95 > limit) == (slower.bad > (1 - P95) * slower.requests + 1e-9)


@given(counts)
def test_the_p95_is_within_the_bucket_of_the_request_that_it_is_about(in_each: list[int]) -> None:
    made = buckets(in_each)
    p95, rank = made.quantile(P95), math.ceil(P95 * sum(in_each) - 1e-9)
    if not sum(in_each) or made.counts[-2] < rank:
        assert p95 is None
        return
    place = next(place for place, count in enumerate(made.counts) if count >= rank)
    assert p95 is not None
    assert (made.bounds[place - 1] if place else 0.0) <= p95 <= made.bounds[place] * (1 + 1e-9)


def test_it_is_what_prometheus_makes_of_the_same_buckets(tmp_path: Path) -> None:
    cases = [(90, 0, 10, 0, 0), (100, 0, 0, 0, 0), (0, 3, 900, 50, 2), (1, 1, 1, 1, 1)]
    series = [
        {"series": re.sub(r" \d+$", "", line).replace("{", f'{{case="{number}",'), "values": line.rsplit(" ", 1)[1]}
        for number, case in enumerate(cases)
        for line in printed(BOUNDS, case).splitlines()
    ]
    asked = [
        {"expr": f'histogram_quantile(0.95, {TOOK}_bucket{{case="{number}"}})', "eval_time": "0", "exp_samples": []}
        for number in range(len(cases))
    ]
    test = {"interval": "30s", "input_series": series, "promql_expr_test": asked}
    _, answers = run_test("current", {"tests": [test]}, tmp_path / "p95.yaml", 60)
    theirs = {int(case): float(value) for case, value in re.findall(r'\{case="(\d)"\} ([\d.eE+-]+)', answers)}
    ours = {
        number: Buckets(BOUNDS, tuple(accumulate(map(float, case)))).quantile(P95) for number, case in enumerate(cases)
    }
    assert theirs.pop(3) == 1.0  # the last bound, in place of what nobody knows
    assert ours.pop(3) is None
    assert ours == pytest.approx(theirs)


@given(counts, st.floats(0.01, 60))
def test_no_more_are_slower_than_there_are(in_each: list[int], limit: float) -> None:
    slower = buckets(in_each).slower(limit)
    assert isinstance(slower, Tally)
    assert 0 <= slower.bad + slower.unclear <= slower.requests * (1 + 1e-9)
