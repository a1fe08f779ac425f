import re
import subprocess
import sys
import textwrap
from array import array
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from probes.contract import Evaluation, EvaluationContext, Target, TargetKey
from probes.contract.signal import Dialect, Row, Signal
from probes.history.process import NOBODY, PROCESS, Answered, Followed
from probes.memory import RSS, MemoryHistory, MemoryLimits, judge, remember
from probes.memory.drift import BLOCK, DAY, WINDOW, drift, exhaustion
from probes.readings.metrics_page import MetricsPage
from tests.drift.shapes import LEAK_FREE, LEAKS, LENIENT, UNDER_A_LEAK
from tests.drift.table import FOUND_WITHIN, leak_free, leaking, told_in_time
from tests.repository import ROOT
from tests.servers.metrics_pages import page_of

MIB = 2**20
NOW = 1_790_000_400.0


def _page(rss: object = 100 * MIB, started: float | None = 1.0) -> MetricsPage:
    lines = [f"process_resident_memory_bytes {rss}"] if rss is not None else ["up 1"]
    lines += [f"process_start_time_seconds {NOW + started}"] if started is not None else []
    return page_of("\n".join(lines) + "\n", RSS, *PROCESS)


def _case(now: float = NOW, limit: int | None = 200 * MIB, once: bool = False) -> EvaluationContext[MemoryLimits]:
    target = Target(key=TargetKey("prod", "search", "search-0"), memory_limit=limit)
    return EvaluationContext(
        target=target, limits=MemoryLimits(), now=now, date=now, interval=30.0, endpoint="metrics", once=once
    )


def _told(evaluation: Evaluation[MemoryHistory]) -> dict[str, tuple[str, str]]:
    return {each.kind.name: (each.status.value, each.reason) for each in evaluation.verdicts}


SAME = Followed(NOBODY, Answered.SAME)


def _lived(floors: list[float], hold: float = 0.0) -> MemoryHistory:
    history = MemoryHistory()
    for place, floor in enumerate([*floors, floors[-1]]):
        history = remember(floor, SAME, history, _case(NOW + place * BLOCK))
    return (
        history
        if not hold or history.rising_since is None
        else replace(history, rising_since=history.rising_since - hold)
    )


LEAK = [100 * MIB * (1 + 0.01 * block / 6) for block in range(200)]
LEVEL = [100.0 * MIB] * 200


@pytest.mark.parametrize(("rss", "status"), [(179, "false"), (180, "false"), (181, "true"), (500, "true")])
def test_memory_is_high_above_the_ratio_of_the_limit(rss: int, status: str) -> None:
    assert _told(judge(_page(rss * MIB), MemoryHistory(), _case()))["MemoryHigh"][0] == status


def test_a_page_without_the_signal_is_unknown_or_ignored_as_configured() -> None:
    absent = judge(_page(None), MemoryHistory(), _case())
    assert set(_told(absent).values()) == {("unknown", "SignalAbsent")}
    ignoring = _case()._replace(limits=MemoryLimits(when_absent="ignore"))
    assert judge(_page(None), MemoryHistory(), ignoring).verdicts == ()


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1"])
def test_a_value_that_cannot_be_is_malformed_and_leaves_the_history(value: str) -> None:
    history = _lived(LEVEL)
    judged = judge(_page(value), history, _case())
    assert set(_told(judged).values()) == {("unknown", "Malformed")}
    assert (judged.history, judged.samples) == (history, ())


def test_a_failed_page_makes_all_unknown_and_keeps_the_history() -> None:
    history = _lived(LEVEL)
    judged = judge(replace(_page(), error="It failed."), history, _case())
    assert set(_told(judged).values()) == {("unknown", "SourceFailed")}
    assert judged.history == history


def test_without_a_limit_only_the_drift_applies() -> None:
    judged = judge(_page(), MemoryHistory(), _case(limit=None))
    assert list(_told(judged)) == ["MemoryDrift"]
    assert [sample.metric.name for sample in judged.samples] == ["memory_rss_bytes"]


def test_a_young_history_is_warming_up() -> None:
    told = _told(judge(_page(), MemoryHistory(), _case()))
    assert told["MemoryDrift"] == told["MemoryExhaustionPredicted"] == ("unknown", "WarmingUp")


def test_a_rise_is_true_when_it_was_held_and_not_before() -> None:
    now = NOW + len(LEAK) * BLOCK
    fresh = replace(_lived(LEAK), rising_since=now - 3599)
    held = replace(fresh, rising_since=now - 3600)
    young = judge(_page(LEAK[-1]), fresh, _case(now))
    assert _told(young)["MemoryDrift"] == ("false", "")
    assert "No sustained memory growth. By now it rises." in [each.text for each in young.verdicts]
    assert _told(judge(_page(LEAK[-1]), fresh, _case(now, once=True)))["MemoryDrift"] == ("unknown", "NotHeldYet")
    judged = judge(_page(LEAK[-1]), held, _case(now))
    assert _told(judged)["MemoryDrift"] == ("true", "MemoryDrift")
    assert any(sample.metric.name == "memory_drift_bytes_per_second" for sample in judged.samples)


def test_an_exhaustion_is_foretold_with_its_time() -> None:
    leak = [100.0 * MIB + 1.5 * MIB * block for block in range(30)]
    now = NOW + 30 * BLOCK
    judged = judge(_page(leak[-1]), _lived(leak), _case(now))
    assert _told(judged)["MemoryExhaustionPredicted"][0] == "true"
    (full_at,) = [each.value for each in judged.samples if each.metric.name == "memory_exhaustion_timestamp_seconds"]
    assert full_at - now == pytest.approx((200 - 143.5) / 1.5 * BLOCK, rel=0.1)


def _foretold(floors: list[float]) -> MemoryHistory:
    history = _lived(floors)
    assert history.full_at is not None
    return history


FAST = [100 * MIB * (1 + 0.10 * block / 6) for block in range(36)]


def test_a_forecast_that_one_block_does_not_repeat_is_not_over() -> None:
    history = _foretold(FAST)
    now, silent = NOW + (len(FAST) + 1) * BLOCK, 0
    while history.full_at is not None:
        history = remember(FAST[-1], SAME, history, _case(now))
        now += BLOCK
        silent = silent + 1 if exhaustion(_floors(history), 200 * MIB, MemoryLimits().exhaustion_within) is None else 0
    assert silent == 3


def test_a_forecast_is_over_at_once_where_memory_falls() -> None:
    history = _foretold(FAST)
    for place in range(2):
        history = remember(0.8 * FAST[-1], SAME, history, _case(NOW + (len(FAST) + 1 + place) * BLOCK))
    assert exhaustion(_floors(history), 200 * MIB, MemoryLimits().exhaustion_within) is None
    assert history.full_at is None


def _floors(history: MemoryHistory) -> list[float]:
    return array("f", history.floors).tolist()


def test_a_new_process_has_no_history() -> None:
    history = _lived(LEAK)
    assert remember(50 * MIB, Followed(NOBODY, Answered.NEW), history, _case(NOW + 300 * BLOCK)).blocks == 0


def test_a_clock_that_goes_back_counts_no_time_twice() -> None:
    history = _lived(LEVEL)
    assert remember(90 * MIB, SAME, history, _case(NOW)) == replace(history, lowest=90 * MIB)


def test_a_short_pause_is_bridged_and_a_long_one_ends_the_history() -> None:
    history = _lived(LEVEL)
    end = NOW + len(LEVEL) * BLOCK
    assert remember(100 * MIB, SAME, history, _case(end + 18 * BLOCK)).blocks == history.blocks + 18
    assert remember(100 * MIB, SAME, history, _case(end + 19 * BLOCK)).blocks == 0


def test_only_the_least_of_a_block_is_kept() -> None:
    history = MemoryHistory()
    for second in range(0, 1200, 30):
        rss = 100 * MIB + (second * 7919) % 1000
        history = remember(rss, SAME, history, _case(NOW + second))
    lowest = min(100 * MIB + (second * 7919) % 1000 for second in range(0, 600, 30))
    assert history.floors == _lived([lowest]).floors


def test_the_window_is_two_days_and_no_more() -> None:
    assert _lived([100.0 * MIB] * (WINDOW + 50)).blocks == WINDOW


@given(st.lists(st.floats(min_value=1, max_value=2**40, width=32), max_size=WINDOW - 1))
@settings(max_examples=30)
def test_the_history_comes_back_from_the_state_file(floors: list[float]) -> None:
    history = _lived([*floors, 5.0])
    adapter = TypeAdapter(MemoryHistory)
    assert adapter.validate_python(adapter.dump_python(history, mode="json")) == history


@given(st.lists(st.floats(min_value=0, max_value=0.05), min_size=DAY, max_size=WINDOW))
@settings(max_examples=60)
def test_memory_that_never_rises_never_alarms(falls: list[float]) -> None:
    floors, size = [], float(2**30)
    for fall in falls:
        size *= 1 - fall
        floors.append(max(1.0, size))
    assert drift(floors) is None
    assert exhaustion(floors, 2.0**31, 86400) is None


@given(st.integers(0, 10_000), st.sampled_from([0.5, 2.0, 1024.0]))
@settings(max_examples=60)
def test_what_is_a_leak_does_not_depend_on_the_size_of_the_process(bent: int, scale: float) -> None:
    floors = [100.0 * MIB * (1 + 0.01 * block / 6 + 0.02 * ((block * bent) % 7) / 7) for block in range(200)]
    slope, scaled = drift(floors), drift([floor * scale for floor in floors])
    assert (slope is None) == (scaled is None)
    if slope is not None and scaled is not None:
        assert scaled == pytest.approx(slope * scale)


SERIES = max(12, 24 * settings().max_examples // 100)
LEAK_FREE_SERIES = max(3, 24 * settings().max_examples // 100)
"""Simulated series of each shape: fewer where less is drawn at random of everything."""


DIALECT_PAGES = (
    "docs/memory-drift.md",
    "alerts/runbooks/AgentWeaveMemoryHigh.md",
    "alerts/runbooks/AgentWeaveMemoryDrift.md",
)


@pytest.mark.parametrize("document", DIALECT_PAGES)
def test_the_row_that_the_docs_give_for_anonymous_memory_goes_before_resident_memory(document: str) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    [row] = yaml.safe_load(textwrap.dedent(block))["sources"]["agent_metrics"]["dialects"]
    dialect = Dialect.model_validate(row)
    text = "process_resident_memory_bytes 9e8\nprocess_anonymous_memory_bytes 1e8\n"
    assert page_of(text, RSS, dialects=[dialect]).value(RSS) == 1e8
    assert page_of(text.partition("\n")[0], RSS, dialects=[dialect]).value(RSS) == 9e8


def test_the_gauge_that_the_docs_give_for_anonymous_memory_counts_no_mapped_file() -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/memory-drift.md").read_text(), re.DOTALL)
    printing = "\nfrom prometheus_client import generate_latest\nprint(generate_latest().decode())"
    told = subprocess.run([sys.executable, "-c", code + printing], capture_output=True, text=True, check=True).stdout
    page = page_of(told, RSS, Signal(name="test_anonymous", rows=(Row(metric="process_anonymous_memory_bytes"),)))
    anonymous, resident = (page.value(signal) for signal in (list(page.wanted.rows)[1], RSS))
    assert isinstance(anonymous, float)
    assert isinstance(resident, float)
    assert 1e6 < anonymous < resident


def test_no_shape_without_a_leak_is_taken_for_one() -> None:
    with ProcessPoolExecutor(2) as pool:
        for name in LEAK_FREE:
            told = list(pool.map(partial(leak_free, name), range(1000, 1000 + LEAK_FREE_SERIES), chunksize=4))
            false = sum(each.drift is not None for each in told)
            assert false <= (2 if name in LENIENT else 1), f"{name}: {false} of {LEAK_FREE_SERIES}"


def test_leaks_are_found_within_thirty_hours_and_fast_ones_before_half_of_the_way() -> None:
    with ProcessPoolExecutor(2) as pool:
        for percent in LEAKS:
            for name in UNDER_A_LEAK:
                told = list(pool.map(partial(leaking, name, percent, 100.0), range(1000, 1000 + SERIES), chunksize=4))
                found = sum(each.drift is not None and each.drift <= FOUND_WITHIN for each in told)
                assert found >= 0.8 * SERIES, f"{percent} %/h, {name}: {found} of {SERIES}"
        for name in ("flat", "GC sawtooth"):
            dying = list(pool.map(partial(leaking, name, 10, 2.0), range(1000, 1000 + SERIES), chunksize=4))
            in_time = sum(told_in_time(each, 10) for each in dying)
            assert in_time >= 0.9 * SERIES, f"10 %/h, {name}: {in_time} of {SERIES}"
