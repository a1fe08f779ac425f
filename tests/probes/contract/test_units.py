"""Durations and sizes as people write and read them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract.units import parse_duration, parse_size, say_bytes, say_duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.45, "450ms"),
        (0.9994, "999ms"),
        (0.9996, "1s"),
        (59.6, "1m0s"),
        (300.0, "5m0s"),
        (5400.0, "1h30m"),
        (187_200.0, "2d4h"),
        (-11.0, "-11s"),
    ],
)
def test_a_duration_is_said_in_two_units_at_most(seconds: float, said: str) -> None:
    assert say_duration(seconds) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [(812, "812 B"), (1023.4, "1023 B"), (1023.7, "1.0 KiB"), (1.5 * 2**20, "1.5 MiB"), (1023.99 * 2**20, "1.0 GiB")],
)
def test_a_size_is_said_in_the_unit_that_fits(size: float, said: str) -> None:
    assert say_bytes(size) == said


@given(st.floats(-1e7, 1e7))
def test_no_unit_is_said_more_often_than_it_fits_in_the_next(seconds: float) -> None:
    said = {unit: int(number) for number, unit in re.findall(r"(\d+)(ms|[smh])", say_duration(seconds))}
    assert all(number < {"ms": 1000, "s": 60, "m": 60, "h": 24}[unit] for unit, number in said.items())


def test_what_is_written_is_read_in_seconds_and_bytes() -> None:
    assert [parse_duration(text) for text in ("500ms", "30s", "5m", "1h30m")] == [0.5, 30.0, 300.0, 5400.0]
    assert [parse_size(text) for text in ("512Mi", "2Gi", "8M", 64)] == [2**29, 2**31, 8_000_000, 64]
