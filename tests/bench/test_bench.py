import json
import math
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from tests.bench import own_series
from tests.bench.crowd import wrong_of
from tests.bench.overload import said_at, stale_of, starved_of
from tests.bench.page import capabilities_page, sdk_page
from tests.bench.traced import CAPABILITIES, judged


def page_of(*observed: float) -> bytes:
    registry = CollectorRegistry()
    buckets = (0.01, 0.02, 0.04)
    lag = Histogram("agentweave_watcher_lag_seconds", "lag", ["source"], registry=registry, buckets=buckets)
    for seconds in observed:
        lag.labels("opa").observe(seconds)
    Histogram("agentweave_watcher_lag_seconds_of_others", "none of ours", registry=registry).observe(1)
    return generate_latest(registry)


@pytest.mark.parametrize(
    ("observed", "share", "seconds"),
    [
        ((0.005,) * 4, 0.5, 0.005),
        ((0.005, 0.015), 1.0, 0.02),
        ((0.005, 0.015, 0.015, 0.015), 0.5, 0.01 + 0.01 / 3),
        ((0.005, 7.0), 1.0, 0.04),
    ],
)
def test_a_quantile_is_interpolated_within_its_bucket_as_prometheus_does(
    observed: tuple[float, ...], share: float, seconds: float
) -> None:
    assert own_series.Histogram.read(page_of(*observed), "lag_seconds").quantile(share) == pytest.approx(seconds)


def test_without_an_observation_there_is_no_quantile() -> None:
    lag = own_series.Histogram.read(page_of(0.005), "lag_seconds")
    assert math.isnan(lag.since(lag).quantile(0.99))
    assert math.isnan(lag.since(lag).most())


def test_the_worst_observation_is_told_by_the_highest_bucket_that_has_one() -> None:
    before, after = (own_series.Histogram.read(page_of(*seen), "lag_seconds") for seen in ((0.03,), (0.03, 0.012)))
    assert after.since(before).most() == 0.02


def test_series_with_longer_names_are_not_taken_for_the_wanted_one() -> None:
    assert [sample.value for sample in own_series.samples(page_of(0.005), "lag_seconds_count")] == [1]


def test_the_page_of_an_agent_is_as_large_as_the_sdk_prints_it() -> None:
    assert 12_000 < len(sdk_page()) < 14_000


def test_a_page_of_fifty_capabilities_with_a_trace_on_every_bucket_costs_a_few_times_one_without() -> None:
    with_traces, without = (capabilities_page(CAPABILITIES, traced=traced) for traced in (True, False))
    assert with_traces.count(b" # {") == CAPABILITIES * (15 + 1)
    assert judged(with_traces, 3) < 10 * judged(without, 3)


CONDITION = b'agentweave_watcher_condition{namespace="%s",condition="SVIDExpired"} %d\n'


def test_a_wrong_verdict_is_a_true_condition_of_an_agent_that_is_well() -> None:
    lines = [CONDITION % (namespace, value) for namespace in (b"team-7", b"hostile") for value in (0, 1)]
    assert wrong_of(b"".join([*lines, b"# TYPE agentweave_watcher_condition gauge\n"])) == 1


def test_starved_is_a_target_that_one_source_looked_at_before_that_moment_only() -> None:
    early, late = "2026-11-30T10:00:00Z", "2026-11-30T10:01:00Z"
    looks = [(late, late), (late, early), (early, early), (late,)]
    targets = [{"looks": [{"at": at} for at in each]} for each in looks]
    since = datetime(2026, 11, 30, 10, 0, 30, tzinfo=UTC)
    assert starved_of(json.dumps({"targets": targets}).encode(), since) == 2


def test_what_is_stale_is_counted_over_all_conditions() -> None:
    labels = 'probe="svid",condition="SVIDExpired",status="%s",reason="%s"'
    rows = {("unknown", "Stale"): 3, ("unknown", "WarmingUp"): 5, ("true", ""): 7}
    lines = [f"agentweave_watcher_conditions{{{labels % row}}} {count}" for row, count in rows.items()]
    assert stale_of("\n".join(["", *lines, ""]).encode()) == 3


def test_when_overload_was_said_is_the_time_of_its_first_line_in_the_log() -> None:
    others = {"msg": "impaired", "reason": "Isolated"}, {"msg": "no longer impaired", "reason": "Overloaded"}
    lines = [*others, {"msg": "impaired", "reason": "Overloaded"}, {"msg": "impaired", "reason": "Overloaded"}]
    log = "\n".join(json.dumps({"ts": f"2026-11-30T10:00:0{at}.500Z", **line}) for at, line in enumerate(lines))
    assert said_at(log) == datetime(2026, 11, 30, 10, 0, 2, 500_000, tzinfo=UTC)
    assert said_at("") is None
