"""Failing and slow requests over a window."""

import random
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from pydantic import TypeAdapter

from probes.contract import Fault
from probes.contract.signal import REQUESTS, Unreadable
from probes.history.counters import Growth
from probes.history.packed import pack, pack_short
from probes.history.process import PROCESS, Answered
from probes.history.requests import ERRORS, Tally
from probes.readings.metrics_page import MetricsPage
from probes.readings.text_format import MAX_LINES
from probes.slo import PROBE, SLOHistory, SLOLimits
from probes.slo.durations import DURATION
from tests.probes.judged import T0, Judged, slow
from tests.servers.metrics_pages import page_of

NOW = 1_800_000_000.0
ERROR_RATE, LATENCY = "ErrorRateHigh", "LatencyHigh"
SIGNALS = (REQUESTS, ERRORS, DURATION, *PROCESS)


def page(text: str, started: float | None = 1) -> MetricsPage:
    return page_of(text + ("" if started is None else f"\nprocess_start_time_seconds {T0 + started}"), *SIGNALS)


def counted(started: float = 1, **by_status: float) -> MetricsPage:
    lines = [f'agentweave_requests_total{{status="{status}"}} {count}' for status, count in by_status.items()]
    return page("\n".join(lines), started)


def watch(**limits: object) -> Judged:
    return Judged(PROBE, SLOLimits(**limits))


def poller(made: Callable[[float], MetricsPage], judged: Judged, until: float = 600) -> list[dict[str, str]]:
    return [judged.look(at, made(at)) for at in range(0, round(until), 30)]


def test_a_twentieth_of_failed_requests_is_well_and_more_is_not() -> None:
    well = poller(lambda at: counted(success=95 * at, error=5 * at), watch())
    judged = watch()
    ill = poller(lambda at: counted(success=94 * at, error=6 * at), judged)
    assert [each[ERROR_RATE] for each in well] == ["WarmingUp"] * 10 + ["false"] * 10
    assert [each[ERROR_RATE] for each in ill] == ["WarmingUp"] * 10 + [ERROR_RATE] * 10
    assert judged.message(ERROR_RATE) == "6.0% of 33,000 requests failed over 5m30s."


def test_with_few_requests_no_failure_is_a_rate() -> None:
    few = poller(lambda at: counted(success=0, error=at * 19 / 300), watch(), 330)
    enough = poller(lambda at: counted(success=0, error=at * 20 / 300), watch(), 330)
    assert few[-1][ERROR_RATE] == "false"
    assert enough[-1][ERROR_RATE] == ERROR_RATE


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ({"500": 1}, ERROR_RATE),
        ({"5xx": 1}, ERROR_RATE),
        ({"timeout": 1}, ERROR_RATE),
        ({"Error": 1}, ERROR_RATE),
        ({"404": 1}, "false"),
        ({"denied": 1}, "false"),
        ({"200": 1, "strange": 0.04}, "false"),
        ({"200": 1, "strange": 0.1}, "Malformed"),
        ({"200": 1, "strange": 0.1, "error": 0.1}, ERROR_RATE),
    ],
)
def test_a_status_counts_by_what_it_says_and_one_that_says_nothing_is_not_taken_for_good(
    statuses: dict[str, float], told: str
) -> None:
    seen = poller(lambda at: counted(**{word: at * share for word, share in statuses.items()}), watch())
    assert seen[-1][ERROR_RATE] == told


def test_the_operator_says_what_other_words_mean() -> None:
    judged = watch(failed_statuses=("kaputt",), good_statuses=("gut",))
    seen = poller(lambda at: counted(gut=at, kaputt=at), judged)
    assert seen[-1][ERROR_RATE] == ERROR_RATE


def test_a_counter_of_errors_serves_where_requests_have_no_status() -> None:
    text = "agentweave_requests_total {}\nagentweave_errors_total {}"
    seen = poller(lambda at: page(text.format(at, at * 0.2)), watch())
    assert seen[-1][ERROR_RATE] == ERROR_RATE


def test_requests_without_a_status_or_errors_are_no_pass() -> None:
    seen = poller(lambda at: page(f"agentweave_requests_total {at}"), watch())
    assert seen[-1] == {ERROR_RATE: "SignalAbsent", LATENCY: "SignalAbsent"}


def test_a_reset_by_a_restart_is_not_a_rate() -> None:
    judged = watch()
    poller(lambda at: counted(success=10 * at, error=0), judged)
    told = [judged.look(600 + at, counted(700, success=10 * at, error=0))[ERROR_RATE] for at in range(0, 600, 30)]
    assert set(told) == {"false"}


def test_a_series_that_vanishes_is_not_a_flood_of_requests() -> None:
    judged = watch()
    poller(lambda at: counted(success=1000 + at, error=500), judged)
    assert judged.look(600, counted(error=500))[ERROR_RATE] == "WarmingUp"


def histogram(durations: list[float], buckets: tuple[float, ...]) -> str:
    registry = CollectorRegistry()
    labels = ["capability"]
    made = Histogram("agentweave_request_duration_seconds", "D", labels, buckets=buckets, registry=registry)
    for number, duration in enumerate(durations):
        made.labels(f"c{number % 3}").observe(duration)
    return generate_latest(registry).decode()


BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


def lasting(fast: int, late: int, at: float) -> str:
    """So many requests a look of 10 ms and of 400 ms, in the buckets that the SDK has."""
    looks = round(at / 30) + 1
    return histogram([0.01] * fast * looks + [0.4] * late * looks, BUCKETS)


def test_the_p95_of_a_histogram_is_told_over_the_window() -> None:
    judged = watch()
    well = poller(lambda at: page(lasting(96, 4, at)), watch())
    ill = poller(lambda at: page(lasting(94, 6, at)), judged)
    assert [each[LATENCY] for each in well] == ["WarmingUp"] * 10 + ["false"] * 10
    assert [each[LATENCY] for each in ill] == ["WarmingUp"] * 10 + [LATENCY] * 10
    assert judged.message(LATENCY) == "6.0% of 1,100 requests took longer than 200ms over 5m30s. The p95 is 292ms."


def test_slow_requests_of_long_ago_are_not_held_against_the_window() -> None:
    judged = watch()
    old = lasting(0, 2000, 0)
    assert poller(lambda _: page(old), judged)[-1][LATENCY] == "false"


@given(
    st.lists(st.floats(0.001, 3.0), min_size=20, max_size=200),
    st.floats(0.01, 0.9),
    st.lists(st.sampled_from([0.005, 0.02, 0.1, 0.25, 0.3, 0.5, 0.8, 1.0]), min_size=1, max_size=6, unique=True),
)
def test_the_slow_ones_of_a_histogram_are_as_many_as_can_be_told(
    durations: list[float], limit: float, buckets: list[float]
) -> None:
    bounds = tuple(sorted(buckets))
    told = slow(page(histogram(durations, bounds)), limit)
    assert isinstance(told, Tally)
    surely = sum(each > min((b for b in bounds if b >= limit), default=float("inf")) for each in durations)
    maybe = sum(each > max((b for b in bounds if b <= limit), default=0) for each in durations)
    assert told.requests == len(durations)
    assert surely - 1e-6 <= told.bad <= maybe + 1e-6
    assert told.bad + told.unclear <= maybe + 1e-6
    assert bool(told.unclear) == (limit > bounds[-1] and maybe > 0)


@given(
    st.lists(st.floats(0.001, 3.0), min_size=1, max_size=50),
    st.floats(0.01, 2),
    st.sampled_from(['capability="{}"', 'le_="{}",capability="a"', "", 'x="le=,{}"', 'x="\\\\{}"', 'x="}}{}"']),
)
def test_a_histogram_says_the_same_however_it_is_printed(durations: list[float], limit: float, labels: str) -> None:
    printed = histogram(durations, BUCKETS)
    for number in range(3):
        printed = printed.replace(f'capability="c{number}"', labels.format(number))
    odd = printed.replace("} ", "}  ").replace('le="', 'le= "')  # as no library prints it
    first, second = slow(page(printed), limit), slow(page(odd), limit)
    assert type(first) is type(second)
    if isinstance(first, Tally):
        assert first == pytest.approx(second)


def test_buckets_that_end_below_the_limit_leave_the_p95_unknown() -> None:
    def lasting_all(seconds: float, at: float) -> MetricsPage:
        return page(histogram([seconds] * 10 * round(at / 30 + 1), (0.05, 0.1)))

    assert poller(lambda at: lasting_all(0.3, at), watch())[-1][LATENCY] == "Malformed"
    assert poller(lambda at: lasting_all(0.01, at), watch())[-1][LATENCY] == "false"


def summary(at: float, *quantiles: tuple[str, float | str, float], name: str = "search") -> str:
    metric, of = "agentweave_request_duration_seconds", f'capability="{name}"'
    lines = [f'{metric}{{{of},quantile="{quantile}"}} {value}' for quantile, value, _ in quantiles]
    return "\n".join([*lines, f"{metric}_sum{{{of}}} 1", f"{metric}_count{{{of}}} {at * quantiles[0][2]}"])


@pytest.mark.parametrize(
    ("quantile", "value", "told"),
    [
        ("0.95", 0.3, LATENCY),
        ("0.95", 0.2, "false"),
        ("0.9", 0.3, LATENCY),
        ("0.9", 0.1, "Malformed"),
        ("0.99", 0.1, "false"),
        ("0.99", 0.3, "Malformed"),
        ("0.95", "NaN", "Malformed"),
        ("high", 0.3, "Malformed"),
    ],
)
def test_a_summary_tells_as_much_as_its_quantiles_do(quantile: str, value: float | str, told: str) -> None:
    seen = poller(lambda at: page(summary(at, (quantile, value, 1.0))), watch())
    assert seen[-1][LATENCY] == told


def test_a_summary_that_few_requests_made_is_no_p95() -> None:
    assert poller(lambda at: page(summary(at, ("0.95", 9.0, 0.05))), watch())[-1][LATENCY] == "false"


def test_of_several_summaries_a_slow_one_with_hardly_a_request_is_not_the_agents_p95() -> None:
    def both(at: float, share: float) -> str:
        return summary(at, ("0.95", 0.01, 10.0)) + "\n" + summary(at, ("0.95", 0.9, 10 * share), name="rare")

    assert poller(lambda at: page(both(at, 0.01)), watch())[-1][LATENCY] == "false"
    assert poller(lambda at: page(both(at, 0.5)), watch())[-1][LATENCY] == LATENCY


def test_a_summary_without_requests_lately_is_well() -> None:
    assert poller(lambda _: page(summary(5000, ("0.95", "NaN", 1.0))), watch())[-1][LATENCY] == "false"


@pytest.mark.parametrize(
    "text",
    [
        '_bucket{le="0.1"} 5\n_bucket{le="+Inf"} 3',
        '_bucket{le="0.1"} 5',
        '_bucket{le="low"} 5\n_bucket{le="+Inf"} 9',
        '{quantile="0.95"} 0.1',
        '_bucket{le="+Inf"} -1',
        '_bucket{le="0.1"} 5\n_bucket{le="+Inf"} 1.2.3',
        '_bucket{le="+Inf"} NaN',
        '_count 9\n_bucket{x=y,le="0.1"} 5\n_bucket{x=y,le="+Inf"} 9',
        '_count 9\n_bucket{le="0.1",x=y} 5\n_bucket{le="+Inf",x=y} 9',
        '_bucket{le=""} 5\n_bucket{le="9"} \n_bucket{le="+Inf"} 9',
    ],
)
def test_durations_that_do_not_add_up_are_malformed(text: str) -> None:
    assert watch().look(0, page(re.sub("(?m)^", "agentweave_request_duration_seconds", text)))[LATENCY] == "Malformed"


STATUSES = ("success", "error", "denied", "timeout", "cancelled")


def traced_page(capabilities: int, requests: int, statuses: tuple[str, ...], *, traced: bool) -> str:
    registry = CollectorRegistry()
    labels, buckets = ["capability", "status"], (*Histogram.DEFAULT_BUCKETS[:-1], 20.0)
    durations = Histogram("agentweave_request_duration_seconds", "D", labels, registry=registry, buckets=buckets)
    for number in range(capabilities):
        trace = {"trace_id": f"{number:032x}", "span_id": f"{number:016x}"} if traced else None
        for status in statuses:
            for each in buckets * requests:
                durations.labels(f"c{number}", status).observe(each, trace)
    return str(generate_openmetrics(registry).decode())  # type: ignore[no-untyped-call]  # ships no types


def test_fifty_capabilities_with_a_trace_on_every_bucket_are_judged_as_they_are_without() -> None:
    with_traces = traced_page(50, 1, ("success",), traced=True)
    assert with_traces.count(" # {") == 50 * 15
    first, second = (slow(page(text), 0.2) for text in (with_traces, traced_page(50, 1, ("success",), traced=False)))
    assert isinstance(first, Tally)
    assert first == second
    told = poller(lambda at: page(traced_page(2, 1 + round(at / 30), ("success",), traced=True)), watch())
    assert told[-1][LATENCY] == LATENCY


def test_more_buckets_than_a_page_may_have_of_other_lines_are_judged() -> None:
    text = traced_page(50, 1, STATUSES, traced=False)
    assert text.count("_bucket{") > MAX_LINES
    tally = slow(page(text), 0.2)
    assert isinstance(tally, Tally)
    assert tally.requests == 50 * 5 * 15
    assert slow(page(text.replace("} ", "}  ")), 0.2) == Unreadable(
        "agentweave_request_duration_seconds: more than 3002 series of agentweave_request_duration_seconds_bucket"
    )


def test_of_more_buckets_than_are_kept_nothing_is_guessed() -> None:
    bucket = 'agentweave_request_duration_seconds_bucket{{x="{}",le="+Inf"}} 1'
    for many in (1001, 30_000):
        found = slow(page("\n".join(bucket.format(number) for number in range(many))), 0.2)
        assert isinstance(found, Unreadable), many


def test_a_page_that_failed_leaves_both_unknown() -> None:
    failed = replace(counted(success=1), fault=Fault.SILENT, error="It failed.")
    assert watch().look(0, failed) == {ERROR_RATE: "SourceFailed", LATENCY: "SourceFailed"}


def test_signals_that_are_absent_can_be_ignored() -> None:
    assert watch(when_absent="ignore").look(0, page("first 1")) == {}


def test_what_the_library_serves_is_read() -> None:
    registry = CollectorRegistry()
    requests = Counter("agentweave_requests_total", "R", ["capability", "status"], registry=registry)
    judged = watch()
    for at in range(0, 400, 30):
        for capability in ("search", "index"):
            requests.labels(capability, "success").inc(9)
            requests.labels(capability, "error").inc(1)
        told = judged.look(at, page(generate_latest(registry).decode()))
    assert told[ERROR_RATE] == ERROR_RATE


def test_the_history_survives_the_state_file() -> None:
    judged = watch()
    poller(lambda at: counted(success=at, error=at), judged)
    file = TypeAdapter(SLOHistory)
    judged.history = file.validate_json(file.dump_json(judged.history))
    assert judged.look(600, counted(success=600, error=600))[ERROR_RATE] == ERROR_RATE


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=15, max_size=40), st.randoms())
def test_no_course_of_counters_is_judged_by_more_than_its_own_window(
    steps: list[tuple[int, int]], chance: random.Random
) -> None:
    judged, good, bad, begin = watch(), 0, 0, chance.randint(0, 10**9)
    poller = []
    for place, (well, ill) in enumerate(steps):
        good, bad = good + well, bad + ill
        told = judged.look(30 * place, counted(success=begin + good, error=begin + bad))[ERROR_RATE]
        poller.append((good, bad))
        windows = [
            (good - poller[place - back][0], bad - poller[place - back][1]) for back in (10, 11, 12) if place >= back
        ]
        truths = {ill_now > 0.05 * (well_now + ill_now) and well_now + ill_now >= 20 for well_now, ill_now in windows}
        assert told == "WarmingUp" if not windows else (told == ERROR_RATE) in truths


@pytest.mark.parametrize(
    "history",
    [
        Growth(NOW, pack((5.0, 1.0, 0.0)), pack_short((400.0, 0.0, 0.0, 0.0))),
        Growth(NOW, pack((5.0, 5.0)), pack((NOW - 400, 0.0))),
        Growth(NOW, b"cut off", pack_short((400.0, 0.0))),
        Growth(NOW, pack((5.0,)), b"cut off"),
        Growth(NOW, b"", pack_short((400.0, 0.0))),
    ],
)
@pytest.mark.parametrize("answered", Answered)
def test_a_history_of_other_counters_or_of_a_broken_state_file_begins_anew(history: Growth, answered: Answered) -> None:
    begun = history.add((7.0,), answered, NOW + 30, 300.0, 30.0)
    assert begun.over(300.0, 30.0) is None
    for look in range(2, 14):
        begun = begun.add((7.0 + look,), Answered.SAME, NOW + 30 * look, 300.0, 30.0)
    grown = begun.over(300.0, 30.0)
    assert grown is not None
    assert grown.by[0] == grown.seconds / 30
