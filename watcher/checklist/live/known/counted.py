"""What was counted of an agent at its looks: requests, time that could be judged, decisions."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from probes.contract import Fault, Limits, Sample
from probes.contract.condition import Status
from probes.contract.signal import SignalValues
from probes.controls.evidence import Traffic
from probes.history.process import Process
from probes.readings.decision import Actual, OPAReading
from probes.readings.metrics_page import RememberedPage
from watcher.checklist.live.known.ring import Ring
from watcher.engine.board import Look
from watcher.engine.debounce import ProbeResult

_SAID = (Actual.ALLOW, Actual.DENY, Actual.UNDEFINED)
_SHORT, _LONG = 300.0, 7200.0  # seconds of a block
_SHORTS, _LONGS = 24, 12  # blocks that are kept: of two hours, and of a day
_HOUR, _DAY = 12, 11  # how far back an hour of short ones goes, and a day of long ones
_RATE = "slo_requests_per_second"
_TOLD, _BUSY, _SLOW, _LOOKS, _UNDECIDED = range(5)
_MADE, _FAILED, _RETRIES = range(3)
_CALLS = ("outbound_requests", "outbound_errors", "retries")
_MOST_NAMES = 100
_NOTHING: Mapping[str, Mapping[str, float]] = MappingProxyType({})


@lru_cache(maxsize=512)
def _shared(crossed: tuple[bool, ...]) -> tuple[bool, ...]:
    """One object for a whole fleet."""
    return crossed


def process_of(result: ProbeResult | None) -> Process | None:
    """The process that a probe follows, by what it remembers: no probe is imported by its name."""
    found = getattr(result.history, "process", None) if result is not None else None
    return found if isinstance(found, Process) else None


class Counted:
    """Of one target. Nothing is counted twice: each look once, however often this is told of it."""

    __slots__ = (
        *("_before", "_by_callee", "_by_class", "_day", "_made", "_metrics_at", "_opa_at", "_requests"),
        *("_ahead", "_crossed", "_crossed_at"),
    )

    def __init__(self, share: float = 0.0) -> None:
        """`share`, of one: where in a block the target's own begins, so that a fleet's do not begin at once."""
        self._ahead = share * _SHORT  # seconds
        self._crossed: tuple[bool, ...] = ()
        self._crossed_at = -1
        self._metrics_at = self._opa_at = 0.0  # the looks that were counted last, steady seconds
        self._requests: Ring | None = None
        self._day: Ring | None = None
        self._made: Ring | None = None
        self._before: Mapping[str, Mapping[str, float]] = _NOTHING  # most agents count no calls
        self._by_callee: dict[str, Ring] | None = None
        self._by_class: dict[str, Ring] | None = None

    def dumped(self) -> tuple[tuple[int, str] | None, tuple[int, str] | None]:
        """For `load`: requests, and what was judged in a day."""
        requests = self._requests.dumped() if self._requests is not None else None
        return requests, self._day.dumped() if self._day is not None else None

    def load(self, requests: tuple[int, str] | None, day: tuple[int, str] | None, now: float) -> None:
        """Go on from there at `now`, steady seconds."""
        if requests is not None:
            self._requests = Ring(_SHORT, _HOUR + 1)
            self._requests.load(requests, now + self._ahead)
        if day is not None:
            self._of_the_day().load(day, now + self._ahead)

    def page(self, look: Look, slo: ProbeResult | None, limits: Limits | None, process: Process | None) -> None:
        """Count what a look at the metrics page told, and the probe `slo` of it."""
        before, self._metrics_at = self._metrics_at, look.at
        if look.at == before or not isinstance(look.reading, RememberedPage) or look.reading.error:
            return
        if before and slo is not None and limits is not None:
            self._judged(look.at + self._ahead, min(look.at - before, _SHORT), slo, limits)
        if self._before or any(name in look.reading.kept for name in _CALLS):
            self._calls(look.at + self._ahead, look.reading, process)

    def opa(self, look: Look, *, reached: bool, isolated: bool) -> None:
        """Count whether a look at OPA got a decision, where that it did not is no fault of ours."""
        before, self._opa_at = self._opa_at, look.at
        if look.at == before or not isinstance(look.reading, OPAReading) or not look.reading.answers:
            return
        answers = look.reading.answers
        if any(each.actual in _SAID for each in answers):
            self._of_the_day().add(look.at + self._ahead, 0, 0, 0, 1, 0)
            return
        ours = look.reading.fault is Fault.OURS or look.held_up or isolated
        forbidden = any(each.reply.unauthorized or each.reply.impaired for each in answers)
        if reached and not ours and not forbidden:
            self._of_the_day().add(look.at + self._ahead, 0, 0, 0, 1, 1)

    def requests(self, now: float) -> float | None:
        """That the agent handled in the last hour, at `now` (steady seconds); None where nothing tells."""
        return None if self._requests is None else self._requests.total(now + self._ahead, 0, 0, _HOUR)

    def seconds(self, now: float) -> tuple[float, float, float]:
        """Of the last 24 h: with verdicts on errors and latency, with enough requests to tell, and of these slow."""
        if self._day is None:
            return 0.0, 0.0, 0.0
        told, busy, slow = (self._day.total(now + self._ahead, column, 0, _DAY) for column in (_TOLD, _BUSY, _SLOW))
        return told, busy, slow

    def decisions(self, now: float) -> tuple[int, int]:
        """Looks at OPA in the last 24 h, and how many of them got no decision."""
        if self._day is None:
            return 0, 0
        looks, undecided = (self._day.total(now + self._ahead, column, 0, _DAY) for column in (_LOOKS, _UNDECIDED))
        return int(looks), int(undecided)

    def traffic(self, now: float) -> Traffic:
        """All that was counted of requests."""
        made, requests, there = self._made, self.requests(now), self._before
        if made is None:
            return Traffic(requests=requests)
        now += self._ahead
        calls, retries = "outbound_requests" in there, "retries" in there
        before = _HOUR + 1, 2 * _HOUR - 1
        return Traffic(
            requests=requests,
            made=made.total(now, _MADE, 0, _HOUR) if calls else None,
            made_before=made.total(now, _MADE, *before) if calls else None,
            made_by_callee={name: ring.total(now, 0, 0, _DAY) for name, ring in (self._by_callee or {}).items()},
            failed=made.total(now, _FAILED, 0, _HOUR) if "outbound_errors" in there else None,
            retries=made.total(now, _RETRIES, 0, _HOUR) if retries else None,
            retries_before=made.total(now, _RETRIES, *before) if retries else None,
            retried=frozenset(
                name
                for name, ring in (self._by_class or {}).items()
                if all(ring.total(now, 0, each, each) for each in (1, 2))
            ),
        )

    def crossed(self, now: float) -> tuple[bool, ...]:
        """Which counts are over what a control asks for: looked at once in five minutes, for it costs some time."""
        block = int((now + self._ahead) / _SHORT)
        if block != self._crossed_at:
            self._crossed_at = block
            told, busy, slow = self.seconds(now)
            looks, undecided = self.decisions(now)
            traffic = self.traffic(now)
            many = ((traffic.requests or 0) >= 20, (traffic.made or 0) >= 20, looks >= 100, undecided * 100 > looks)
            self._crossed = _shared((*many, told >= 3600, busy >= 3600, slow * 100 > busy, bool(traffic.retried)))
        return self._crossed

    def _judged(self, now: float, seconds: float, slo: ProbeResult, limits: Limits) -> None:
        """The time since the look before, by what held at this one."""
        statuses = {each.kind.name: each.status for each in slo.verdicts.all}
        errors, latency = statuses.get("ErrorRateHigh"), statuses.get("LatencyHigh")
        told = Status.UNKNOWN not in (errors, latency) and None not in (errors, latency)
        rate = _value(slo.samples, _RATE)
        if rate is not None:
            if self._requests is None:
                self._requests = Ring(_SHORT, _HOUR + 1)
            self._requests.add(now, rate * seconds)
        busy = rate is not None and rate * _of(limits, "window") >= _of(limits, "least_requests")
        slow = latency is Status.TRUE
        busy = (busy or slow) and latency in (Status.TRUE, Status.FALSE)
        if told or busy:
            whole = round(seconds)
            self._of_the_day().add(now, whole * told, whole * busy, whole * slow)

    def _of_the_day(self) -> Ring:
        if self._day is None:
            self._day = Ring(_LONG, _LONGS, width=5)
        return self._day

    def _calls(self, now: float, page: RememberedPage, process: Process | None) -> None:
        """What the page's own counters of calls grew by; of processes that answer in turn nothing can be told."""
        kept = ((name, page.kept.get(name)) for name in _CALLS)
        said = {name: dict(found.by_subject) for name, found in kept if isinstance(found, SignalValues)}
        before, self._before = self._before, said
        if process is not None and process.in_turn:
            self._before = _NOTHING
            return
        grown = {name: _grown(before[name], values) for name, values in said.items() if name in before}
        if not said:
            return
        if self._made is None or self._by_callee is None or self._by_class is None:
            self._made, self._by_callee, self._by_class = Ring(_SHORT, _SHORTS, width=3), {}, {}
        self._made.add(now, *(sum(grown.get(name, {}).values()) for name in _CALLS))
        _add(self._by_callee, now, grown.get("outbound_requests", {}), _LONG, _LONGS)
        _add(self._by_class, now, grown.get("retries", {}), _SHORT, _SHORTS)


def _add(rings: dict[str, Ring], now: float, grown: Mapping[str, float], block: float, blocks: int) -> None:
    for name, amount in grown.items():
        if amount and (name in rings or len(rings) < _MOST_NAMES):
            rings.setdefault(name, Ring(block, blocks)).add(now, amount)


def _grown(before: Mapping[str, float], now: Mapping[str, float]) -> Mapping[str, float]:
    """By subject; a counter that fell is one of a new process, which began at nothing."""
    return {
        name: value - before.get(name, 0.0) if value >= before.get(name, 0.0) else value for name, value in now.items()
    }


def _value(samples: tuple[Sample, ...], name: str) -> float | None:
    return next((each.value for each in samples if each.metric.name == name), None)


def _of(limits: Limits, setting: str) -> float:
    return float(getattr(limits, setting))
