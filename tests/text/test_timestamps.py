import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract.units import utc
from watcher.text.timestamps import micro_time

YEAR_9999 = 253_402_300_799


@pytest.fixture
def far_away(request: pytest.FixtureRequest) -> Iterator[None]:
    """The process runs in this time zone."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0.0, "1970-01-01T00:00:00Z"),
        (1_790_000_000.0, "2026-09-21T14:13:20Z"),
        (1_790_000_000.999, "2026-09-21T14:13:20Z"),
        (951_782_400.0, "2000-02-29T00:00:00Z"),
        (float(YEAR_9999), "9999-12-31T23:59:59Z"),
    ],
)
def test_a_moment_is_in_whole_seconds_of_utc(moment: float, text: str) -> None:
    assert utc(moment) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000000Z"),
        (1_790_000_000.0, "2026-09-21T14:13:20.000000Z"),
        (1_790_000_000.25, "2026-09-21T14:13:20.250000Z"),
    ],
)
def test_a_micro_time_always_has_its_six_digits(moment: float, text: str) -> None:
    assert micro_time(moment) == text


@pytest.mark.parametrize("far_away", ["Pacific/Kiritimati", "America/Los_Angeles"], indirect=True)
@pytest.mark.usefixtures("far_away")
def test_where_the_process_runs_does_not_show() -> None:
    assert utc(1_790_000_000.0) == "2026-09-21T14:13:20Z"
    assert micro_time(1_790_000_000.0) == "2026-09-21T14:13:20.000000Z"


@given(st.integers(0, YEAR_9999))
def test_other_programs_read_the_same_moment(moment: int) -> None:
    for written in (utc(moment), micro_time(moment)):
        assert datetime.fromisoformat(written) == datetime.fromtimestamp(moment, UTC)
