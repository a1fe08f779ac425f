"""Does a circuit breaker of the agent stay open, or open again and again?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from probes._signal import REQUESTS, START_TIME, Row, Signal, Values, is_new_process, untold
from probes.contract import (
    Case,
    ConditionKind,
    Judgement,
    Limits,
    Metric,
    Probe,
    Sample,
    Seconds,
    Severity,
    Unknown,
    Verdict,
    say_duration,
)
from probes.sources.agent_metrics import MetricsPage

STATES = ("closed", "open", "half_open")
CLOSED, OPEN, HALF_OPEN = range(3)

_RESTART = 900.0  # seconds without a look that leave a history whole: the watcher was started anew

BREAKER_STATE = Signal(
    name="breaker_state",
    states=STATES,
    rows=(
        Row(
            metric="agentweave_circuit_breaker_state",
            subject=("callee", "peer_id"),
            state_label=("state", "agentweave_circuit_breaker_state"),
        ),
    ),
)


class BreakerLimits(Limits):
    """When a circuit breaker is trouble."""

    open_for: Seconds = Field(default=60.0, ge=0, description="not closed for longer than this")
    flapping_transitions: int = Field(default=4, ge=1, le=100, description="opened more often than this in the window")
    flapping_window: Seconds = Field(default=1800.0, gt=0, description="within which openings are counted")


BREAKER_OPEN = ConditionKind(
    name="CircuitBreakerOpen",
    severity=Severity.CRITICAL,
    true_when="A circuit breaker has not been closed for longer than `open_for`: calls to this callee are not made.",
    all_clear="The circuit breaker is closed, or was a moment ago.",
    reasons=("Open", "HalfOpen", "OpenIdle"),
    subject="callee",
)
BREAKER_FLAPPING = ConditionKind(
    name="CircuitBreakerFlapping",
    severity=Severity.WARNING,
    true_when="A circuit breaker opened more often than `flapping_transitions` within `flapping_window`.",
    all_clear="The circuit breaker does not open again and again.",
    history=True,
    subject="callee",
)
STATE = Metric(
    name="circuit_breaker_state", help="The current state of a circuit breaker is 1.", labels=("callee", "state")
)
TRANSITIONS = Metric(
    name="circuit_breaker_transitions_total",
    help="Changes of state that were seen; what happens between two looks is not.",
    kind="counter",
    labels=("callee", "to"),
)
OPEN_SINCE = Metric(
    name="circuit_breaker_open_since_timestamp_seconds",
    help="When a circuit breaker was first seen not closed; absent while it is closed.",
    labels=("callee",),
)


@dataclass(frozen=True, slots=True)
class Callee:
    """One circuit breaker."""

    state: int
    since: float | None = None  # first seen not closed; None while closed
    sure: bool = True  # it was seen closed before, so `since` is when it opened
    opened: tuple[float, ...] = ()  # when it was seen to open, the newest ones
    to: Annotated[tuple[int, int, int], Field(exclude=True)] = (0, 0, 0)  # transitions seen, by state


@dataclass(frozen=True, slots=True)
class BreakerPast:
    """What was seen of all circuit breakers of one agent."""

    callees: Mapping[str, Callee] = field(default_factory=dict)
    at: float | None = None  # the last look that told anything
    watched: float = 0.0  # looked at without a gap since then
    started: float | None = None  # start time of the process
    requests: float | None = None  # the agent's request counter, while a breaker is not closed
    moved: float = 0.0  # when that was last seen to move


def judge(page: MetricsPage, past: BreakerPast, case: Case[BreakerLimits]) -> Judgement[BreakerPast]:
    """Judge one page."""
    if page.error:
        return Judgement(verdicts=PROBE.all_unknown(case.target, Unknown.SOURCE_FAILED), past=past)
    found = page.values(BREAKER_STATE)
    if not isinstance(found, Values):
        untellable = [verdict for kind in PROBE.conditions for verdict in untold(kind, found, case.limits)]
        return Judgement(verdicts=tuple(untellable), past=past)
    past = _seen(page, found, past, case)
    verdicts: list[Verdict] = []
    samples: list[Sample] = []
    for name in found.by_subject:
        verdicts += (_open(name, past, case), _flapping(name, past, case))
        samples += _samples(name, past.callees[name])
    for name, why in found.unreadable.items():
        verdicts += [kind.unknown(Unknown.MALFORMED, why, name) for kind in PROBE.conditions]
    return Judgement(verdicts=tuple(verdicts), past=past, samples=tuple(samples))


def _seen(page: MetricsPage, found: Values, past: BreakerPast, case: Case[BreakerLimits]) -> BreakerPast:
    started = _number(page.value(START_TIME))
    # Most of the time all are closed, and the counter, which may have a hundred series, is of no interest.
    requests = _number(page.value(REQUESTS)) if any(found.by_subject.values()) else None
    gap = past.at is None or case.now - past.at > max(_RESTART, 3 * case.interval)
    still = requests is not None and requests == past.requests and not gap
    before = _of_new_process(past.callees) if is_new_process(past.started, started) else past.callees
    callees = {name: _next(before.get(name), int(state), case, gap=gap) for name, state in found.by_subject.items()}
    callees |= {name: before[name] for name in found.unreadable if name in before}
    return BreakerPast(
        callees=callees,
        at=case.now,
        watched=case.now if gap else past.watched,
        started=past.started if started is None else started,
        requests=requests,
        moved=past.moved if still else case.now,
    )


def _number(found: object) -> float | None:
    return found if isinstance(found, float) else None


def _of_new_process(callees: Mapping[str, Callee]) -> dict[str, Callee]:
    # Breakers begin closed: what the old process went through is not held against the new one.
    return {name: Callee(CLOSED, to=callee.to) for name, callee in callees.items()}


def _next(before: Callee | None, state: int, case: Case[BreakerLimits], *, gap: bool) -> Callee:
    if before is None:
        return Callee(state, since=None if state == CLOSED else case.now, sure=not gap)
    if state == CLOSED == before.state and not before.opened:
        return before
    opened, to = [at for at in before.opened if case.now - at <= case.limits.flapping_window], before.to
    if state != before.state:
        to = (to[CLOSED] + (state == CLOSED), to[OPEN] + (state == OPEN), to[HALF_OPEN] + (state == HALF_OPEN))
        opened += [case.now] if state == OPEN else []
    newest = tuple(opened[-case.limits.flapping_transitions - 1 :])
    if state == CLOSED:
        return Callee(state, opened=newest, to=to)
    if before.since is None or gap:
        return Callee(state, case.now, not gap, newest, to)
    return Callee(state, before.since, before.sure, newest, to)


def _open(name: str, past: BreakerPast, case: Case[BreakerLimits]) -> Verdict:
    callee = past.callees[name]
    if callee.since is None:
        return BREAKER_OPEN.false(name)
    held, say = case.now - callee.since, f"The circuit breaker for {name or 'all calls'} is {STATES[callee.state]}"
    if held >= case.limits.open_for:
        return BREAKER_OPEN.true(f"{say}, not closed for {say_duration(held)}.", _reason(callee, past, case), name)
    if callee.sure:
        return BREAKER_OPEN.false(name)
    why = Unknown.NOT_HELD_YET if case.once else Unknown.WARMING_UP
    return BREAKER_OPEN.unknown(why, f"{say}; since when cannot be told yet.", name)


def _reason(callee: Callee, past: BreakerPast, case: Case[BreakerLimits]) -> str:
    if callee.state == HALF_OPEN:
        return "HalfOpen"
    still_for = case.now - past.moved if past.requests is not None else 0
    return "OpenIdle" if still_for > 0 and still_for >= case.limits.open_for else "Open"


def _flapping(name: str, past: BreakerPast, case: Case[BreakerLimits]) -> Verdict:
    count, window = len(past.callees[name].opened), case.limits.flapping_window
    if count > case.limits.flapping_transitions:
        return BREAKER_FLAPPING.true(f"Opened at least {count} times within {say_duration(window)}.", subject=name)
    if case.now - past.watched < window:
        return BREAKER_FLAPPING.unknown(Unknown.WARMING_UP, subject=name)
    return BREAKER_FLAPPING.false(name)


def _samples(name: str, callee: Callee) -> Iterator[Sample]:
    yield Sample(STATE, 1, (name, STATES[callee.state]))
    for state, count in zip(STATES, callee.to, strict=True):
        yield Sample(TRANSITIONS, count, (name, state))
    if callee.since is not None:
        yield Sample(OPEN_SINCE, callee.since, (name,))


PROBE = Probe(
    name="breaker",
    source="agent_metrics",
    conditions=(BREAKER_OPEN, BREAKER_FLAPPING),
    limits=BreakerLimits,
    past=BreakerPast,
    judge=judge,
    metrics=(STATE, TRANSITIONS, OPEN_SINCE),
    wants=lambda _: (BREAKER_STATE, START_TIME, REQUESTS),
)
