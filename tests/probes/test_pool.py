"""Connection pools over time."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from probes.contract import Evaluation, Fault, Target, TargetKey
from probes.history.process import PROCESS
from probes.pool import POOL_IN_USE, PROBE, PoolHistory, PoolLimits
from probes.pool.trend import Rise, layout, meets
from probes.readings.metrics_page import MetricsPage
from tests.probes.judged import T0, page_context
from tests.servers.metrics_pages import page_of

SATURATED, EXHAUSTED, PREDICTED = "PoolSaturated", "PoolExhausted", "PoolExhaustionPredicted"

Capacity = int | Mapping[str, int] | None
Told = dict[tuple[str, str], str]


def page(pools: Mapping[str, float | str], started: float | None = 1) -> MetricsPage:
    lines = ["first 1"]
    lines += [f'agentweave_connection_pool_active{{pool="{name}"}} {in_use}' for name, in_use in pools.items()]
    lines += [] if started is None else [f"process_start_time_seconds {T0 + started}"]
    return page_of("\n".join(lines), POOL_IN_USE, *PROCESS)


@dataclass
class Engine:
    """Judges page after page."""

    capacity: Capacity = 100
    limits: PoolLimits = field(default_factory=PoolLimits)
    interval: float = 30.0
    history: PoolHistory = field(default_factory=PoolHistory)
    last: Evaluation[PoolHistory] | None = None

    def look(self, at: float, page: MetricsPage) -> Told:
        target = Target(key=TargetKey("prod", "search", "s-0"), metrics="http://x/", pool_capacity=self.capacity)
        context = page_context(target, self.limits, at, self.interval)
        self.last = PROBE.judge(page, self.history, context)
        self.history = self.last.history
        return {(each.kind.name, each.subject): each.reason or each.status.value for each in self.last.verdicts}

    def poller(self, use: Callable[[float], float], until: float, start: float = 0, started: float = 1) -> list[str]:
        """What is predicted at each look, at intervals that wander a little."""
        told, at, wander = [], start, random.Random(7)
        while at <= until:
            told.append(self.look(at + wander.uniform(0, 2), page({"a": round(use(at))}, started))[PREDICTED, "a"])
            at += self.interval
        return told

    def samples(self) -> dict[str, float]:
        assert self.last is not None
        return {" ".join((each.metric.name, *each.labels)): each.value for each in self.last.samples}


@pytest.mark.parametrize(
    ("in_use", "saturated", "exhausted"),
    [(0, False, False), (80, False, False), (81, True, False), (99, True, False), (100, True, True), (120, True, True)],
)
def test_how_full_a_pool_is_tells_saturated_and_exhausted(in_use: float, saturated: bool, exhausted: bool) -> None:
    told = Engine().look(0, page({"a": in_use}))
    assert told == {
        (SATURATED, "a"): SATURATED if saturated else "false",
        (EXHAUSTED, "a"): EXHAUSTED if exhausted else "false",
        (PREDICTED, "a"): "WarmingUp",
    }


def test_each_pool_has_its_own_capacity_and_one_without_is_not_judged() -> None:
    watch = Engine(capacity={"a": 10, "b": 1000, "zero": 0})
    told = watch.look(0, page({"a": 9, "b": 9, "c": 9, "zero": 9}))
    assert {subject for _, subject in told} == {"a", "b"}
    assert (told[SATURATED, "a"], told[SATURATED, "b"]) == (SATURATED, "false")
    assert watch.samples() == {"pool_in_use a": 9, "pool_capacity a": 10, "pool_in_use b": 9, "pool_capacity b": 1000}


def test_pools_that_have_no_capacity_are_no_pass() -> None:
    told = Engine(capacity={"a": 10}).look(0, page({"b": 9}))
    assert told == {(kind, ""): "SignalAbsent" for kind in (SATURATED, EXHAUSTED, PREDICTED)}


def test_without_a_capacity_nothing_applies() -> None:
    assert Engine(capacity=None).look(0, page({"a": 9})) == {}
    assert PROBE.applicable(Target(key=TargetKey("prod", "search", "s-0"), metrics="http://x/")) == ()


def test_an_absent_family_is_unknown_or_not_applicable_as_the_operator_says() -> None:
    assert set(Engine().look(0, page({})).values()) == {"SignalAbsent"}
    assert Engine(limits=PoolLimits(when_absent="ignore")).look(0, page({})) == {}


@pytest.mark.parametrize("in_use", ["NaN", "-1", "+Inf"])
def test_a_use_that_is_none_is_malformed_for_its_pool_and_forgets_nothing(in_use: str) -> None:
    watch = Engine()
    watch.poller(lambda at: 20 + at / 60, 3600)
    assert watch.look(3630, page({"a": in_use, "b": 5})) == {
        (SATURATED, "a"): "Malformed",
        (EXHAUSTED, "a"): "Malformed",
        (PREDICTED, "a"): "Malformed",
        (SATURATED, "b"): "false",
        (EXHAUSTED, "b"): "false",
        (PREDICTED, "b"): "WarmingUp",
    }
    assert watch.look(3660, page({"a": 80}))[PREDICTED, "a"] != "WarmingUp"


def test_a_failed_look_says_nothing_and_forgets_nothing() -> None:
    watch = Engine()
    watch.poller(lambda _: 20, 3600)
    assert set(watch.look(3630, replace(page({}), fault=Fault.RESET, error="x")).values()) == {"SourceFailed"}
    assert watch.look(3660, page({"a": 20}))[PREDICTED, "a"] == "false"


def test_a_steady_rise_is_predicted_before_the_pool_is_full_and_not_before_it_is_half_full() -> None:
    watch = Engine()
    told = watch.poller(lambda at: min(100, 10 + at / 60), 5400)
    assert told[:60] == ["WarmingUp"] * 60
    assert told[62] == "false"
    first = told.index(PREDICTED)
    assert 60 * 60 <= first * 30 < 75 * 60  # a connection a minute: 30 minutes before the end are at 70
    assert told[150] == PREDICTED
    full_at = watch_at(lambda at: 10 + at / 60, 4500)["pool_exhaustion_timestamp_seconds a"]
    assert abs(full_at - (T0 + 5400)) < 120


def watch_at(use: Callable[[float], float], until: float) -> dict[str, float]:
    watch = Engine()
    watch.poller(use, until)
    return watch.samples()


@pytest.mark.parametrize(
    "use",
    [
        lambda _: 95,
        lambda at: 40 + 30 * (at > 2700),
        lambda at: 90 - at / 120,
        lambda at: 45 + at / 3600,
        lambda at: 55 + at % 600 / 20,
    ],
    ids=["full but flat", "one step", "falling", "too slow", "sawtooth"],
)
def test_what_does_not_rise_all_the_way_to_the_capacity_is_not_predicted(use: Callable[[float], float]) -> None:
    told = Engine().poller(use, 7200)
    assert set(told[65:]) == {"false"}


def test_a_pool_that_is_less_than_half_full_now_is_not_predicted() -> None:
    watch = Engine()
    assert watch.poller(lambda at: 30 + at / 60, 3000)[-1] == PREDICTED
    assert watch.look(3030, page({"a": 50}))[PREDICTED, "a"] == "false"


def test_a_rise_that_is_over_is_predicted_no_more() -> None:
    told = Engine().poller(lambda at: 50 + 40 * (1 - 0.5 ** (at / 600)), 7200)
    assert told[-1] == "false"


def test_noise_is_no_rise() -> None:
    predicted = 0
    for seed in range(6):
        noise = random.Random(seed)
        predicted += PREDICTED in Engine().poller(lambda _, noise=noise: noise.gauss(70, 8), 4 * 3600)  # type: ignore[misc]  # bound at once
    assert predicted == 0


def test_a_new_process_begins_a_new_history() -> None:
    watch = Engine()
    watch.poller(lambda at: 30 + at / 60, 3600)
    told = watch.poller(lambda at: 30 + at / 60, 3600 + 1900, start=3630, started=3620)
    assert told[0] == "WarmingUp"
    assert told[-1] == PREDICTED


@pytest.mark.parametrize(("pause", "told"), [(240, PREDICTED), (1200, "WarmingUp")])
def test_a_short_pause_is_bridged_and_a_long_one_is_not(pause: float, told: str) -> None:
    watch = Engine()
    watch.poller(lambda at: 30 + at / 60, 3000)
    assert watch.poller(lambda at: 30 + at / 60, 3000 + pause + 60, start=3000 + pause)[-1] == told


@pytest.mark.parametrize("interval", [5.0, 60.0, 300.0])
def test_a_rise_is_told_at_any_interval(interval: float) -> None:
    watch = Engine(interval=interval)
    told = watch.poller(lambda at: 20 + at / 60, 4000)
    assert told[0] == "WarmingUp"
    assert told[-1] == PREDICTED


def test_the_history_survives_the_state_file() -> None:
    watch = Engine()
    watch.poller(lambda at: 20 + at / 60, 3600)
    adapter = TypeAdapter(PoolHistory)
    assert adapter.validate_json(adapter.dump_json(watch.history)) == watch.history


@given(
    st.lists(
        st.tuples(
            st.floats(-100, 4000),
            st.dictionaries(st.sampled_from("abc"), st.one_of(st.floats(0, 1e6), st.just("NaN")), max_size=3),
            st.one_of(st.none(), st.integers(1, 3)),
        ),
        max_size=20,
    ),
    st.one_of(st.integers(1, 200), st.dictionaries(st.sampled_from("abz"), st.integers(0, 50), min_size=1)),
)
def test_whatever_a_page_says_each_pool_has_each_verdict_once(
    looks: list[tuple[float, dict[str, float | str], int | None]], capacity: int | dict[str, int]
) -> None:
    watch, at = Engine(capacity=capacity), 0.0
    for pause, pools, started in looks:
        at += pause
        told = watch.look(at, page(pools, None if started is None else started * 100))
        assert watch.last is not None
        assert len(told) == len(watch.last.verdicts)
        judged = set(pools) if isinstance(capacity, int) else {name for name in pools if capacity.get(name)}
        assert {subject for _, subject in told} == (judged or {""})
        assert all(told[EXHAUSTED, name] == "false" or told[SATURATED, name] != "false" for name in judged)


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=400), st.floats(60, 1e5), st.floats(0.1, 1e4))
def test_a_history_never_outgrows_its_blocks(values: list[float], window: float, interval: float) -> None:
    length, blocks = layout(window, interval)
    rise = Rise()
    for number, value in enumerate(values):
        rise = rise.add(value, T0 + number * interval, length, blocks)
    assert len(rise.means) <= blocks
    assert blocks % 3 == 0
    assert blocks >= 6


@given(st.integers(2, 10), st.floats(0.5, 20), st.integers(0, 100), st.floats(1, 1000))
def test_a_straight_line_meets_the_capacity_when_it_does(third: int, slope: float, begin: int, length: float) -> None:
    means = [round(begin + slope * 10 * at) for at in range(3 * third)]
    left = meets(means, length, means[-1] + 1000 * slope)
    assert left is not None
    assert left / length == pytest.approx(100, rel=0.1)
