"""What a rule on TLS postures says of one, and how that becomes a statement for each pod."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from probes.contract import Fault
from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, Seen
from probes.controls.judging import Facts, Says, Statement, judge
from probes.readings.tls_posture import Outcome, TLSPosture, Tried

POSTURE = SourceName.TLS_POSTURE
_LONGEST = 200

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_GOOD, _BAD, _UNCLEAR = Says.GOOD, Says.BAD, Says.UNCLEAR
_WORST_FIRST = (_BAD, _UNCLEAR, _GOOD)


class Said(NamedTuple):
    """What a posture shows of one rule."""

    says: Says
    message: str
    reason: UnknownReason | None = None


def good(message: str) -> Said:
    """It keeps the rule."""
    return Said(_GOOD, message)


def bad(message: str) -> Said:
    """It breaks the rule."""
    return Said(_BAD, message)


def unclear(reason: UnknownReason, message: str) -> Said:
    """It does not tell."""
    return Said(_UNCLEAR, message, reason)


def worst(said: Sequence[Said]) -> Said:
    """What breaks the rule, else what does not tell, else the first."""
    return min(said, key=lambda each: _WORST_FIRST.index(each.says))


def untold(posture: TLSPosture, tried: Tried | None, what: str) -> Said:
    """Of an attempt that was not made or proves nothing; `what` begins a sentence."""
    if posture.fault is not None:
        ours = posture.fault is Fault.OURS
        return unclear(UnknownReason.NO_DATA if ours else UnknownReason.UNREACHABLE, posture.error)
    if tried is None:
        return unclear(UnknownReason.NO_DATA, posture.left_out or f"{what} was not tried.")
    if tried.outcome is Outcome.OURS:
        return unclear(UnknownReason.NO_DATA, f"{what} could not be tried: {tried.how}.")
    return unclear(UnknownReason.UNREACHABLE, f"{what} got no answer that tells: {tried.how}.")


Rule = Callable[[TLSPosture, Facts], Said]


def posture_judge(control: str) -> Callable[[Rule], Rule]:
    """Register a rule as the judge of a control: asked of each pod's posture, and of one of the agent as a whole."""

    def register(rule: Rule) -> Rule:
        @judge(control, of=[POSTURE])
        def asked(_: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
            whole = evidence.of(POSTURE, TLSPosture)
            if isinstance(whole, Seen):
                yield _statement(rule(whole.value, facts), "")
            for pod, found in evidence.of_pods(POSTURE, TLSPosture):
                if isinstance(found, Seen):
                    yield _statement(rule(found.value, facts), pod.name)

        return rule

    return register


def _statement(said: Said, pod: str) -> Statement:
    return Statement(POSTURE, said.says, cut(said.message), pod=pod, reason=said.reason)


def cut(message: str) -> str:
    """As long as a message may be."""
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"
