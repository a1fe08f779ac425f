"""What a page says of a signal: the same read at once or in steps, each signal once, within its caps."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import load_probes
from probes.breaker.transitions import BREAKER_STATE
from probes.contract.signal import (
    CPU_SECONDS,
    MAX_SUBJECT_BYTES,
    REQUESTS,
    START_TIME,
    Signal,
    SignalValues,
    Unreadable,
)
from probes.history.requests import Tally
from probes.memory import RSS
from probes.pool import POOL_IN_USE
from probes.readings.metrics_page import MetricsPage
from probes.readings.signal_reader import SMALL
from probes.readings.text_format import MAX_KEPT, TooCostlyError
from tests.hostile import pages
from tests.probes.judged import slow
from tests.servers.metrics_pages import page_of

WANTS = tuple(
    {
        want: None
        for probe in load_probes()
        if probe.source == "agent_metrics"
        for want in probe.wants(probe.limits())
        if isinstance(want, Signal)
    }
)


def _page(text: bytes) -> MetricsPage:
    return page_of(text, *WANTS)


def _read(page: MetricsPage) -> int:
    return sum(1 for _ in page.reader.steps())


LINES = st.sampled_from(
    [
        b"process_start_time_seconds 5\n",
        b'agentweave_circuit_breaker_state{callee="a"} 1\n',
        b'agentweave_circuit_breaker_state{callee="b"} NaN\n',
        b'agentweave_circuit_breaker_state{callee = "c"} 2\n',
        b"agentweave_circuit_breaker_state{\n",
        b'agentweave_requests_total{status="error"} 3\n',
        b'agentweave_requests_total{status="ok",x="\\\\"} 3\n',
        b'agentweave_request_duration_seconds_bucket{le="+Inf"} 4\n',
        b"agentweave_connection_pool_active 7\n",
    ]
)


@given(st.lists(LINES, max_size=40))
def test_a_page_that_is_read_in_steps_says_what_it_says_at_once(lines: list[bytes]) -> None:
    at_once, in_steps = _page(b"first 1\n" + b"".join(lines)), _page(b"first 1\n" + b"".join(lines))
    _read(in_steps)
    for signal in WANTS:
        assert repr(in_steps.series(signal)) == repr(at_once.series(signal)), "NaN is not even itself"
        if signal.suffixes == ("",):
            assert in_steps.values(signal) == at_once.values(signal)


def test_what_was_read_once_is_not_read_again() -> None:
    page = _page(pages.thousand_subjects())
    assert page.reader.is_large()
    _read(page)
    for signal in (BREAKER_STATE, POOL_IN_USE, REQUESTS, START_TIME):
        assert page.values(signal) is page.values(signal) or signal is REQUESTS
        assert page.reader.series(signal) is page.reader.series(signal)


def test_a_page_of_a_thousand_subjects_is_read_in_many_steps() -> None:
    assert _read(_page(pages.thousand_subjects())) > 10


@pytest.mark.parametrize("size", [SMALL - 100, SMALL + 4096])
def test_only_a_large_page_is_read_beforehand(size: int) -> None:
    assert _page(pages.backslash_page(size)).reader.is_large() == (size > SMALL)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (pages.backslash_page(MAX_KEPT + 8192), "its wanted lines are more than 2.0 MiB"),
        (pages.backslash_page(), "its wanted lines are more than 2.0 MiB"),
        (pages.many_labels(lines=900), "its wanted lines have more than 50000 labels"),
    ],
)
def test_too_much_is_not_read(text: bytes, why: str) -> None:
    with pytest.raises(TooCostlyError) as told:
        _read(_page(text))
    assert str(told.value) == why


def test_odd_lines_are_counted_over_the_whole_page() -> None:
    of_each = [pages.odd_lines(name, 5000) for name in ("process_cpu_seconds_total", "process_resident_memory_bytes")]
    page = _page(b"".join(each.removeprefix(pages.HEALTHY) for each in of_each))
    assert not isinstance(page.series(CPU_SECONDS), Unreadable)
    assert isinstance(page.series(RSS), Unreadable), "each alone may have as many"


def _names(count: int, length: int) -> Iterator[str]:
    yield from (f"{number:0{length}d}" for number in range(count))


def test_long_subjects_are_cut_and_stay_distinct() -> None:
    lines = "".join(
        f'agentweave_circuit_breaker_state{{callee="{"x" * 3900}{end}"}} {state}\n' for state, end in enumerate("abc")
    )
    found = _page(lines.encode()).values(BREAKER_STATE)
    assert isinstance(found, SignalValues)
    assert sorted(found.by_subject.values()) == [0, 1, 2]
    assert {len(subject) for subject in found.by_subject} == {200}


@pytest.mark.parametrize(("count", "length"), [(1000, 100), (50, 3900)])
def test_a_thousand_names_of_a_hundred_characters_and_fifty_of_any_length_are_judged(count: int, length: int) -> None:
    lines = "".join(f'agentweave_circuit_breaker_state{{callee="{name}"}} 1\n' for name in _names(count, length))
    assert isinstance(_page(lines.encode()).values(BREAKER_STATE), SignalValues)


def test_more_text_in_the_names_of_subjects_is_malformed() -> None:
    lines = "".join(f'agentweave_circuit_breaker_state{{callee="{name}"}} 1\n' for name in _names(999, 2000))
    assert _page(lines.encode()).values(BREAKER_STATE) == Unreadable(
        "the subjects in agentweave_circuit_breaker_state have names of 201798 bytes together, at most "
        f"{MAX_SUBJECT_BYTES} are judged"
    )


@pytest.mark.parametrize(("count", "judged"), [(1000, True), (1001, False)])
def test_a_thousand_histograms_are_judged(count: int, *, judged: bool) -> None:
    found = slow(_page(pages.many_histograms(count)), 0.2)
    assert found == (
        Tally(1000.0, 0.0, 1000.0)
        if judged
        else Unreadable("agentweave_request_duration_seconds has more than 1000 histograms")
    )
