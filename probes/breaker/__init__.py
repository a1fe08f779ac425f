"""Does a circuit breaker of the agent stay open, or open again and again?"""

from collections.abc import Iterator

from probes.breaker.transitions import BREAKER_STATE, HALF_OPEN, STATES, BreakerLimits, BreakerPast, Callee, seen
from probes.contract import (
    Case,
    ConditionKind,
    Judgement,
    Metric,
    Probe,
    Sample,
    Severity,
    Unknown,
    Verdict,
    say_duration,
    shared_sample,
)
from probes.contract.signal import REQUESTS, START_TIME, Values, untold
from probes.sources.agent_metrics import MetricsPage

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


def judge(page: MetricsPage, past: BreakerPast, case: Case[BreakerLimits]) -> Judgement[BreakerPast]:
    """Judge one page."""
    if page.error:
        return Judgement(verdicts=PROBE.all_unknown(case.target, Unknown.SOURCE_FAILED), past=past)
    found = page.values(BREAKER_STATE)
    if not isinstance(found, Values):
        untellable = [verdict for kind in PROBE.conditions for verdict in untold(kind, found, case.limits)]
        return Judgement(verdicts=tuple(untellable), past=past)
    past = seen(page, found, past, case)
    verdicts: list[Verdict] = []
    samples: list[Sample] = []
    for name in found.by_subject:
        verdicts += (_open(name, past, case), _flapping(name, past, case))
        samples += _samples(name, past.callees[name])
    for name, why in found.unreadable.items():
        verdicts += [kind.unknown(Unknown.MALFORMED, why, name) for kind in PROBE.conditions]
    return Judgement(verdicts=tuple(verdicts), past=past, samples=tuple(samples))


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
    yield shared_sample(STATE, 1, (name, STATES[callee.state]))
    for state, count in zip(STATES, callee.to, strict=True):
        yield shared_sample(TRANSITIONS, count, (name, state))
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
