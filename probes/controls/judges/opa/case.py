"""What every judge of an OPA says where there is nothing to judge."""

from collections.abc import Callable, Iterable, Iterator

from probes.contract.condition import Status
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import OPALook
from probes.controls.judges.looked import PodCase, judge_of_pods, worst
from probes.controls.judging import Statement
from probes.readings.decision import Actual, CanaryAnswer, Expected

OPACase = PodCase[OPALook]
OPAJudge = Callable[[OPACase], Iterable[Statement]]

DECIDED = (Actual.ALLOW, Actual.DENY)
SAID = (*DECIDED, Actual.UNDEFINED)
"""Answers of OPA to the question; what else comes back says nothing of the policy."""


def opa_judge(*controls: str) -> Callable[[OPAJudge], OPAJudge]:
    """Register a judge that is asked of each OPA that answered something; of one that did not all is open."""

    def register(function: OPAJudge) -> OPAJudge:
        @judge_of_pods(SourceName.OPA, OPALook, *controls)
        def answered(case: OPACase) -> Iterator[Statement]:
            if any(each.actual in SAID for each in case.seen.reading.answers):
                yield from function(case)
            else:
                yield unanswered(case)

        return function

    return register


def unanswered(case: OPACase) -> Statement:
    """Open, because OPA decided nothing: for the reason for which the watcher does not know whether it can be asked."""
    reached = worst(case.seen.verdicts, "OPAUnreachable")
    if reached is not None and reached.status is Status.UNKNOWN:
        return case.doubt(reached)
    said = next((each.reply.error for each in case.seen.reading.answers if each.reply.error), "")
    said = said or case.seen.reading.error or "OPA gave no decision."
    answered = reached is not None and reached.status is Status.FALSE
    return case.unclear(UnknownReason.UNPARSEABLE if answered else UnknownReason.UNREACHABLE, said)


def must_deny(case: OPACase) -> list[CanaryAnswer]:
    """The canaries that must be denied."""
    return [each for each in case.seen.reading.answers if each.expected is Expected.DENY]


def wrongly_allowed(case: OPACase) -> list[CanaryAnswer]:
    """Canaries that are allowed and must not be."""
    forbidden = (Expected.DENY, Expected.NOT_ALLOW)
    return [each for each in case.seen.reading.answers if each.expected in forbidden and each.actual is Actual.ALLOW]


def wrongly_denied(case: OPACase) -> list[CanaryAnswer]:
    """Canaries that are denied and must be allowed."""
    answers = case.seen.reading.answers
    return [each for each in answers if each.expected is Expected.ALLOW and each.actual is Actual.DENY]


def names(answers: Iterable[CanaryAnswer]) -> str:
    """Their names, the first five."""
    return ", ".join([each.canary for each in answers][:5])
