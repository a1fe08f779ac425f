"""Circuit breakers that opened although hardly any call to their callee had failed, by the agent's own counters."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from probes.contract.signal import SignalValues
from probes.controls.evidence.past import DAY
from probes.history.process import Process
from probes.readings.metrics_page import RememberedPage
from watcher.engine.debounce import ProbeResult

KEPT_FOR = 7 * DAY
MOST = 50
"""Openings that are kept of one target."""

WINDOW, _STEP = 300.0, 100.0
"""Seconds before an opening that count, and how far apart the counters are that are kept for that."""

_ENOUGH, _RARE = 20, 0.01
"""Calls that tell, and the share of them below which failed ones open no breaker for good reason."""

Opening = tuple[float, str]
"""Steady seconds, and the callee."""

_Counts = Mapping[str, float]


class _Counted(NamedTuple):
    at: float  # steady seconds
    calls: _Counts  # by callee
    failed: _Counts


class Openings:
    """Of one target."""

    __slots__ = ("_counted", "_last", "_until", "needless")

    def __init__(self) -> None:
        self.needless: tuple[Opening, ...] = ()  # the newest last
        self._counted: deque[_Counted] | None = None  # most agents count no calls
        self._last: _Counted | None = None
        self._until = 0.0  # steady seconds: openings until then were seen

    def look(self, at: float, page: object, breaker: ProbeResult | None, process: Process | None) -> bool:
        """Take in a look at the metrics page (`at`: steady seconds); whether a breaker opened for no good reason."""
        now = _counted(at, page)
        until, self._until = self._until, at
        if now is None or (process is not None and process.in_turn):
            self._counted = self._last = None
            return False
        if self._counted is None or self._last is None or _began_anew(self._last, now):
            self._counted = deque()
        found = [(at, name) for name in _opened_since(breaker, until) if self._is_needless(now, name)]
        self._keep(now)
        if found:
            self.load((*self.needless, *found), at)
        return bool(found)

    def load(self, openings: Iterable[Opening], now: float) -> None:
        """Know these, as far as they are not of long ago."""
        self.needless = tuple([each for each in openings if now - KEPT_FOR <= each[0] <= now][-MOST:])

    def _is_needless(self, now: _Counted, name: str) -> bool:
        """For certain: by the failed calls of rather more than the window, and by all calls of rather less of it."""
        kept = self._counted or ()
        before = next((each for each in reversed(kept) if now.at - each.at >= WINDOW), None)
        within = next((each for each in kept if now.at - each.at <= WINDOW), None)
        if before is None or within is None or name not in now.calls:
            return False
        made = now.calls[name] - within.calls.get(name, 0.0)
        failed = now.failed.get(name, 0.0) - before.failed.get(name, 0.0)
        return made >= _ENOUGH and failed < _RARE * made

    def _keep(self, now: _Counted) -> None:
        self._last, kept = now, self._counted if self._counted is not None else deque[_Counted]()
        if not kept or now.at - kept[-1].at >= _STEP:
            kept.append(now)
        while len(kept) > 1 and now.at - kept[1].at >= WINDOW:
            kept.popleft()
        self._counted = kept


def _counted(at: float, page: object) -> _Counted | None:
    """What the page counts of calls; None where it does not count them, or failed ones by other names."""
    if not isinstance(page, RememberedPage) or page.error:
        return None
    calls, failed = page.kept.get("outbound_requests"), page.kept.get("outbound_errors")
    if not isinstance(calls, SignalValues) or not isinstance(failed, SignalValues):
        return None
    if not failed.by_subject.keys() <= calls.by_subject.keys():
        return None
    return _Counted(at, calls.by_subject, failed.by_subject)


def _began_anew(before: _Counted, now: _Counted) -> bool:
    """Whether another process counts: what is counted never falls."""
    pairs = ((before.calls, now.calls), (before.failed, now.failed))
    return any(after.get(name, 0.0) < value for earlier, after in pairs for name, value in earlier.items())


def _opened_since(breaker: ProbeResult | None, until: float) -> Iterator[str]:
    """Callees whose breakers were seen to open since then; no probe is imported by its name."""
    callees = getattr(breaker.history, "callees", None) if breaker is not None else None
    for name, each in callees.items() if isinstance(callees, Mapping) else ():
        opened = getattr(each, "opened", ())
        if opened and opened[-1] > until > 0:
            yield str(name)
