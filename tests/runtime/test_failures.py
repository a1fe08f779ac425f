"""A failure at each look is logged once in full, and then with a count."""

import logging
from collections.abc import Callable

import pytest

from watcher.runtime.failures import FailuresLogger


def fail(text: str) -> None:
    raise ArithmeticError(text)


def fail_elsewhere(_: str) -> None:
    raise ArithmeticError


def log(failures: FailuresLogger, fails: Callable[[str], None], text: str, **facts: str) -> None:
    try:
        fails(text)
    except ArithmeticError:
        failures.exception("probe failed", **facts)


def test_the_first_has_its_traceback_and_every_tenfold_a_count(caplog: pytest.LogCaptureFixture) -> None:
    failures = FailuresLogger(logging.getLogger("watcher.engine"))
    for number in range(1, 1001):
        log(failures, fail, f"number {number}", target=f"prod/search/{number}")
    said = [(each.exc_info is None, each.__dict__.get("failures"), each.__dict__["target"]) for each in caplog.records]
    assert said == [
        (False, None, "prod/search/1"),
        (True, 10, "prod/search/10"),
        (True, 100, "prod/search/100"),
        (True, 1000, "prod/search/1000"),
    ]
    assert caplog.records[-1].__dict__["error"] == "ArithmeticError: number 1000"


def test_what_is_raised_elsewhere_is_another_failure(caplog: pytest.LogCaptureFixture) -> None:
    failures = FailuresLogger(logging.getLogger("watcher.engine"))
    for fails in (fail, fail_elsewhere, fail, fail_elsewhere):
        log(failures, fails, "odd")
    assert len(caplog.records) == 2


def test_what_is_not_our_fault_has_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    failures = FailuresLogger(logging.getLogger("watcher.engine"))
    with caplog.at_level(logging.WARNING):
        for _ in range(30):
            try:
                fail("odd" * 100)
            except ArithmeticError:
                failures.warning("skipping unreadable object")
    assert [(each.exc_info, each.__dict__["failures"]) for each in caplog.records] == [(None, 1), (None, 10)]
    assert len(caplog.records[0].__dict__["error"]) == 200
