"""JUnit XML: how many tests ran, failed, or were left out.

1. Each test case counts once, as what is worst in it: an error, a failure, skipped, or passed.
2. `tests` are those that ran: a suite that skips all of its tests has tested nothing.
3. Where a suite says more failures or errors than its cases show (modules that cannot be imported), it is right.
4. A numeric property of a suite is a count of that name: tools have no other place for `multi_agent_tests`.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping

from watcher.checklist.results.counted import Counted, UnreadableError
from watcher.checklist.results.xml_events import read_xml

_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_NOT_RUN = ("notrun", "disabled")  # googletest's
_MOST_PROPERTIES = 100
_WORST_FIRST = ("error", "failure", "skipped")


class _Suite:
    def __init__(self, attributes: Mapping[str, str]) -> None:
        self.said = {"error": _whole(attributes.get("errors")), "failure": _whole(attributes.get("failures"))}
        self.seen: Counter[str] = Counter()


class _Reader:
    """Follows the elements; suites may stand in suites."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.properties: dict[str, float] = {}
        self.seconds: float | None = 0.0
        self._suites: list[_Suite] = []
        self._case: set[str] | None = None
        self._root = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._root:
            self._root = name
            if name not in ("testsuites", "testsuite"):
                raise UnreadableError("expected JUnit XML, whose first element is testsuites or testsuite")
        if name == "testsuite":
            self._suites.append(_Suite(attributes))
        elif name == "testcase":
            self._begin_case(attributes)
        elif self._case is not None:
            self._case.add(name)
        elif name == "property" and self._suites:
            self._property(attributes.get("name", ""), attributes.get("value", ""))

    def end(self, name: str) -> None:
        if name == "testcase" and self._case is not None:
            worst = next((each for each in _WORST_FIRST if each in self._case), "passed")
            self.counts[worst] += 1
            if self._suites:
                self._suites[-1].seen[worst] += 1
            self._case = None
        elif name == "testsuite":
            self._end_suite()

    def _begin_case(self, attributes: Mapping[str, str]) -> None:
        self._case = {"skipped"} if attributes.get("status") in _NOT_RUN else set()
        seconds = _figure(attributes.get("time", "0").replace(",", ""))
        self.seconds = None if self.seconds is None or seconds is None else self.seconds + seconds

    def _end_suite(self) -> None:
        suite = self._suites.pop()
        for kind, said in suite.said.items():
            more = max(0, said - suite.seen[kind])
            self.counts[kind] += more
            suite.seen[kind] += more
        if self._suites:
            self._suites[-1].seen += suite.seen

    def _property(self, name: str, value: str) -> None:
        number = _figure(value)
        if number is not None and _NAME.fullmatch(name) and len(self.properties) < _MOST_PROPERTIES:
            self.properties[name] = self.properties.get(name, 0.0) + number


def read_junit(data: bytes) -> Counted:
    """`tests`, `failures`, `errors`, `skipped`, `duration_seconds`, and what properties say; UnreadableError."""
    reader = _Reader()
    read_xml(data, reader.start, reader.end)
    counts = reader.counts
    read: dict[str, float] = {
        "tests": counts["passed"] + counts["failure"] + counts["error"],
        "failures": counts["failure"],
        "errors": counts["error"],
        "skipped": counts["skipped"],
    }
    if reader.seconds is not None:
        read["duration_seconds"] = round(reader.seconds, 3)
    return Counted({**reader.properties, **read})


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 16 else 0


def _figure(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
