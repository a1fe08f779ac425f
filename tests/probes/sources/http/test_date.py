import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.http.date import read_date


@pytest.mark.parametrize(
    ("header", "moment"),
    [
        ("Mon, 23 Nov 2026 10:16:00 GMT", 1_795_428_960.0),
        ("Mon, 23 Nov 2026 11:16:00 +0100", 1_795_428_960.0),
        ("Mon, 23 Nov 2026 10:16:00 -0000", 1_795_428_960.0),  # no zone is meant: UTC, and not the machine's own
        ("", None),
        ("0", None),
        ("Mon, 23 Nov 2026 10:16:00 +99999999999999999999", None),
        ("Mon, 23 Nov 2026 10:16:00 " + "9" * 5000, None),
    ],
)
def test_a_date_is_read_or_it_is_none(header: str, moment: float | None) -> None:
    assert read_date(header) == moment


@given(st.text(max_size=120))
def test_whatever_a_stranger_says_raises_nothing(header: str) -> None:
    assert isinstance(read_date(header), float | None)
    assert isinstance(read_date(f"Mon, 23 Nov 2026 10:16:00 {header}"), float | None)


def test_long_headers_are_not_remembered_as_a_whole() -> None:
    tracemalloc.start()
    try:
        for number in range(256):
            read_date(f"{number} " + "x" * 65_000)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1_000_000
