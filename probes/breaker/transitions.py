"""What is seen of circuit breakers over time: states, since when, and how often they open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from probes.contract import EvaluationContext, Limits, Seconds
from probes.contract.signal import REQUESTS, Row, Signal, SignalValues
from probes.history.process import NOBODY, Answered, Process, follow
from probes.readings.metrics_page import MetricsPage

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

    open_for: Seconds = Field(default=60.0, ge=0, description="failing when not closed for longer than this")
    flapping_transitions: int = Field(
        default=4, ge=1, le=100, description="failing when opened more often than this within flapping_window"
    )
    flapping_window: Seconds = Field(default=1800.0, gt=0, description="window in which openings are counted")


@dataclass(frozen=True, slots=True)
class Callee:
    """One circuit breaker."""

    state: int
    since: float | None = None  # first seen not closed; None while closed
    sure: bool = True  # it was seen closed before, so `since` is when it opened
    opened: tuple[float, ...] = ()  # when it was seen to open, the newest ones
    differed: float | None = None  # when another process last had it in another state
    to: Annotated[tuple[int, int, int], Field(exclude=True)] = (0, 0, 0)  # transitions seen, by state


@dataclass(frozen=True, slots=True)
class BreakerHistory:
    """What was seen of all circuit breakers of one agent."""

    callees: Mapping[str, Callee] = field(default_factory=dict)
    at: float | None = None  # the last look that told anything
    watched: float = 0.0  # looked at without a gap since then
    process: Process = NOBODY
    requests: float | None = None  # the agent's request counter, while a breaker is not closed
    moved: float = 0.0  # when that was last seen to move


def seen(
    page: MetricsPage, found: SignalValues, history: BreakerHistory, context: EvaluationContext[BreakerLimits]
) -> BreakerHistory:
    """The past with one more page in it."""
    process, answered = follow(history.process, page, context)
    # Most of the time all are closed, and the counter, which may have a hundred series, is of no interest.
    requests = _number(page.value(REQUESTS)) if any(found.by_subject.values()) else None
    gap = history.at is None or context.now - history.at > max(_RESTART, 3 * context.interval)
    same = answered is Answered.SAME
    still = same and requests is not None and requests == history.requests and not gap
    before = _of_new_process(history.callees) if answered is Answered.NEW else history.callees
    follows = _of_other if answered is Answered.OTHER or process.in_turn else _next
    callees = {
        name: follows(before.get(name), int(state), context, gap=gap) for name, state in found.by_subject.items()
    }
    callees |= {name: before[name] for name in found.unreadable if name in before}
    return BreakerHistory(
        callees=callees,
        at=context.now,
        watched=context.now if gap else history.watched,
        process=process,
        requests=requests,
        moved=history.moved if still else context.now,
    )


def _number(found: object) -> float | None:
    return found if isinstance(found, float) else None


def _of_new_process(callees: Mapping[str, Callee]) -> dict[str, Callee]:
    # Breakers begin closed: what the old process went through is not held against the new one.
    return {name: Callee(CLOSED, to=callee.to) for name, callee in callees.items()}


def _of_other(before: Callee | None, state: int, context: EvaluationContext[BreakerLimits], *, gap: bool) -> Callee:
    """What another process says of its own breaker: that it differs is no transition."""
    if before is None or state == before.state:
        return _next(before, state, context, gap=gap)
    if state == CLOSED:
        return Callee(state, opened=before.opened, differed=context.now, to=before.to)
    goes_on = before.since is not None and not gap
    since, sure = (before.since, before.sure) if goes_on else (context.now, False)
    return Callee(state, since, sure, before.opened, context.now, before.to)


def _next(before: Callee | None, state: int, context: EvaluationContext[BreakerLimits], *, gap: bool) -> Callee:
    if before is None:
        return Callee(state, since=None if state == CLOSED else context.now, sure=not gap)
    if state == CLOSED == before.state and not before.opened:
        return before
    opened, to = [at for at in before.opened if context.now - at <= context.limits.flapping_window], before.to
    if state != before.state:
        to = (to[CLOSED] + (state == CLOSED), to[OPEN] + (state == OPEN), to[HALF_OPEN] + (state == HALF_OPEN))
        opened += [context.now] if state == OPEN else []
    newest = tuple(opened[-context.limits.flapping_transitions - 1 :])
    if state == CLOSED:
        return Callee(state, opened=newest, differed=before.differed, to=to)
    if before.since is None or gap:
        return Callee(state, context.now, not gap, newest, before.differed, to)
    return Callee(state, before.since, before.sure, newest, before.differed, to)
