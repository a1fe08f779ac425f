"""Does an OPA decide, and decide rightly? One function a condition; None where it does not apply."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

from probes.contract import ConditionKind, EvaluationContext, Limits, Severity, Unknown, Verdict, say_duration
from probes.contract.condition import Window
from probes.readings.decision import Actual, CanaryAnswer, Expected, OPAReading, Reply

L = TypeVar("L", bound=Limits)

DECISIONS = 20
"""Whose 95th percentile is judged."""

OPA_UNREACHABLE = ConditionKind(
    name="OPAUnreachable",
    severity=Severity.CRITICAL,
    true_when="The OPA that the agent asks gives no decision.",
    all_clear="OPA answers.",
    reasons=("ConnectionRefused", "Lost", "NameNotResolved", "Timeout", "HTTPError"),
    repeated=True,
)
WRONG_ALLOW = ConditionKind(
    name="OPAWrongAllow",
    severity=Severity.CRITICAL,
    true_when="A canary that must be denied is allowed.",
    all_clear="No canary that must be denied is allowed.",
    reasons=("CanaryAllowed",),
)
WRONG_DENY = ConditionKind(
    name="OPAWrongDeny",
    severity=Severity.CRITICAL,
    true_when="A canary that must be allowed is denied.",
    all_clear="No canary that must be allowed is denied.",
    reasons=("CanaryDenied",),
    repeated=True,
)
POLICY_MISSING = ConditionKind(
    name="OPAPolicyMissing",
    severity=Severity.CRITICAL,
    true_when="Every canary is undefined: there is no rule at the decision path.",
    all_clear="There is a rule at the decision path.",
    reasons=("Undefined",),
    repeated=True,
)
DEFAULT_MISSING = ConditionKind(
    name="OPADefaultMissing",
    severity=Severity.WARNING,
    true_when="Some canaries are undefined and others are not: the rule has no default, so callers use their own "
    "fallback.",
    all_clear="All canaries are decided, or all are undefined.",
    reasons=("NoDefault",),
    repeated=True,
)
DECISION_ERROR = ConditionKind(
    name="OPADecisionError",
    severity=Severity.CRITICAL,
    true_when="The answer is not a decision.",
    all_clear="Every answer is a decision, or undefined.",
    reasons=("EvaluationError", "Malformed"),
    repeated=True,
)
DECISION_SLOW = ConditionKind(
    name="OPADecisionSlow",
    severity=Severity.WARNING,
    true_when="The p95 of the last 20 decisions is above `slow_after`.",
    all_clear="The p95 of the last 20 decisions is at most `slow_after`.",
    window=Window(looks=DECISIONS),
)

CONDITIONS = (
    OPA_UNREACHABLE,
    WRONG_ALLOW,
    WRONG_DENY,
    POLICY_MISSING,
    DEFAULT_MISSING,
    DECISION_ERROR,
    DECISION_SLOW,
)

DECIDED = (Actual.ALLOW, Actual.DENY)
REPORTED = (*DECIDED, Actual.UNDEFINED)
"""What OPA says of a policy; anything else is no answer to the question."""

# Small integers are shared objects; twenty floats a target would take four times the memory, in the state file too.
_TICK = 0.0001  # seconds
_MUST_NOT_BE_ALLOWED = (Expected.DENY, Expected.NOT_ALLOW)


def of_the_policy(answers: Sequence[CanaryAnswer], decision_path: str) -> tuple[Verdict | None, ...]:
    """What the answers say of the policy; the same objects for all OPAs that decide the same."""
    if all(each.reply.actual in DECIDED for each in answers):
        return _of_decisions(tuple([(each.canary, each.expected, each.reply.actual) for each in answers]))
    return _of_the_policy(answers, decision_path)


@lru_cache(maxsize=1024)
def _of_decisions(decided: tuple[tuple[str, Expected, Actual], ...]) -> tuple[Verdict | None, ...]:
    return _of_the_policy(
        [CanaryAnswer(canary, expected, Reply(actual=actual)) for canary, expected, actual in decided]
    )


def _of_the_policy(answers: Sequence[CanaryAnswer], decision_path: str = "") -> tuple[Verdict | None, ...]:
    return (
        wrong_allow(answers),
        wrong_deny(answers),
        policy_missing(answers, decision_path),
        default_missing(answers),
        decision_error(answers),
    )


def unreachable(reading: OPAReading, context: EvaluationContext[L]) -> Verdict:
    """Whether a decision can be had at all."""
    replies = [answer.reply for answer in reading.answers]
    if any(reply.actual is not Actual.UNREACHABLE and not reply.unauthorized for reply in replies):
        return OPA_UNREACHABLE.false()
    if refusal := next((reply.error for reply in replies if reply.unauthorized), ""):
        return OPA_UNREACHABLE.unknown(Unknown.UNAUTHORIZED, refusal)
    if all(reply.impaired for reply in replies):
        return OPA_UNREACHABLE.unknown(Unknown.WATCHER_IMPAIRED, reading.error)
    # A connection that is cut off tells of a broken server or proxy, as a 502 does.
    found = context.network(OPA_UNREACHABLE, reading, stalled="Timeout", reset="HTTPError")
    return found or OPA_UNREACHABLE.true(reading.error, "HTTPError")


def wrong_allow(answers: Sequence[CanaryAnswer]) -> Verdict | None:
    """Whether a foreigner gets in. An undefined answer lets nobody in, though it is no deny."""
    allowed = [each for each in answers if each.actual is Actual.ALLOW and each.expected in _MUST_NOT_BE_ALLOWED]
    if allowed:
        return WRONG_ALLOW.true(f"Allowed, but must be denied: {_names(allowed)}.", "CanaryAllowed")
    denied = [each for each in answers if each.expected is Expected.DENY]
    return _unanswered(WRONG_ALLOW, denied) or WRONG_ALLOW.false() if denied else None


def wrong_deny(answers: Sequence[CanaryAnswer]) -> Verdict | None:
    """Whether somebody who must get in does not."""
    allowed = [each for each in answers if each.expected is Expected.ALLOW]
    denied = [each for each in allowed if each.actual is Actual.DENY]
    if denied:
        return WRONG_DENY.true(f"Denied, but must be allowed: {_names(denied)}.", "CanaryDenied")
    return _unanswered(WRONG_DENY, allowed) or WRONG_DENY.false() if allowed else None


def policy_missing(answers: Sequence[CanaryAnswer], decision_path: str) -> Verdict | None:
    """Whether nothing decides at all below /v1/data, at the path that was asked."""
    canaries = _canaries(answers)
    if not canaries:
        return None
    if any(each.actual in DECIDED for each in canaries):
        return POLICY_MISSING.false()
    message = f"OPA has nothing at /v1/data/{decision_path}: every canary is undefined (HTTP 200 without a result)."
    return _unanswered(POLICY_MISSING, canaries) or POLICY_MISSING.true(message, "Undefined")


def default_missing(answers: Sequence[CanaryAnswer]) -> Verdict | None:
    """Whether something decides, but not always."""
    canaries = _canaries(answers)
    if not canaries:
        return None
    undefined = [each for each in canaries if each.actual is Actual.UNDEFINED]
    if undefined and any(each.actual in DECIDED for each in canaries):
        return DEFAULT_MISSING.true(f"Undefined, while others are decided: {_names(undefined)}.", "NoDefault")
    return _unanswered(DEFAULT_MISSING, canaries) or DEFAULT_MISSING.false()


def decision_error(answers: Sequence[CanaryAnswer]) -> Verdict:
    """Whether what comes back is an answer of OPA to a good question."""
    judged = _canaries(answers) or answers
    for actual, reason in ((Actual.ERROR, "EvaluationError"), (Actual.MALFORMED, "Malformed")):
        wrong = [each for each in judged if each.actual is actual and not each.reply.unauthorized]
        if wrong:
            return DECISION_ERROR.true(f"{_names(wrong[:1])}: {wrong[0].reply.error}", reason)
    return _unanswered(DECISION_ERROR, judged) or DECISION_ERROR.false()


def slow(answers: Sequence[CanaryAnswer], last: tuple[int, ...], slow_after: float, *, held_up: bool) -> Verdict:
    """`last` are the ticks of the last decisions, those of these answers among them; `slow_after` in seconds."""
    unanswered = _unanswered(DECISION_SLOW, answers)
    if unanswered is not None and not ticks(answers):
        return unanswered
    if held_up:
        return _WE_WERE_LATE
    p95 = p95_of(last)
    if p95 is None:
        return _too_few(len(last))
    if p95 <= slow_after:
        return DECISION_SLOW.false()
    message = f"The p95 of {DECISIONS} decisions is {say_duration(p95)}, above {say_duration(slow_after)}."
    return DECISION_SLOW.true(message)


def p95_of(last: tuple[int, ...]) -> float | None:
    """The seconds that 95 of 100 of the last decisions took at most, by their ticks; None where there are too few."""
    return sorted(last)[DECISIONS * 95 // 100 - 1] * _TICK if len(last) >= DECISIONS else None


_WE_WERE_LATE = DECISION_SLOW.unknown(
    Unknown.WATCHER_IMPAIRED, "The watcher itself was late, so the time that OPA took is not known."
)


@lru_cache(maxsize=DECISIONS)
def _too_few(count: int) -> Verdict:
    return DECISION_SLOW.unknown(Unknown.WARMING_UP, f"Has {count} of the {DECISIONS} decisions that it needs.")


def surely_timed(answers: Sequence[CanaryAnswer], slow_after: float, lag: float) -> Sequence[CanaryAnswer]:
    """Those of which it is sure on which side of `slow_after` they are, though we were `lag` late; all in seconds."""
    if lag <= 0:
        return answers
    return [each for each in answers if not each.reply.seconds - lag <= slow_after < each.reply.seconds]


def ticks(answers: Sequence[CanaryAnswer]) -> tuple[int, ...]:
    """How long the decisions among the answers took, in tenths of a millisecond."""
    return tuple(round(each.reply.seconds / _TICK) for each in answers if each.actual in REPORTED)


def _canaries(answers: Sequence[CanaryAnswer]) -> list[CanaryAnswer]:
    """Those from whose answer everything is concluded."""
    return [each for each in answers if each.expected in (Expected.ALLOW, Expected.DENY)]


def _unanswered(kind: ConditionKind, answers: Sequence[CanaryAnswer]) -> Verdict | None:
    """Unknown, where some question got no answer that says anything of the policy."""
    silent = [each.reply for each in answers if each.actual not in REPORTED]
    if any(reply.unauthorized for reply in silent):
        return kind.unknown(Unknown.UNAUTHORIZED)
    return kind.unknown(Unknown.SOURCE_FAILED) if silent else None


def _names(answers: Sequence[CanaryAnswer]) -> str:
    return ", ".join(each.canary or "the question" for each in answers[:5])
