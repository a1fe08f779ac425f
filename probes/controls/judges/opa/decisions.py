"""Does OPA decide as it must?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import OPALook
from probes.controls.judges.looked import judge_of_pods
from probes.controls.judges.opa.case import (
    DECIDED,
    SAID,
    OPACase,
    must_deny,
    names,
    opa_judge,
    unanswered,
    wrongly_allowed,
    wrongly_denied,
)
from probes.controls.judging import Statement
from probes.readings.decision import Actual, Expected

_RARE, _ENOUGH = 0.01, 100
"""Share of looks that may go without a decision, and looks that tell it."""

_BEGINS = 3600.0
"""Seconds after the start of a pod from which on its OPA must decide."""


@opa_judge("security.authz.default-deny")
def default_deny(case: OPACase) -> Iterator[Statement]:
    """Whether strangers are denied: each must-deny canary by a defined false."""
    denied = must_deny(case)
    undefined = [each for each in denied if each.actual is Actual.UNDEFINED]
    if allowed := wrongly_allowed(case):
        yield case.bad(f"Allowed, but must be denied: {names(allowed)}.", at_once=True)
    elif not denied:
        yield case.unclear(UnknownReason.NO_DATA, "No canary is asked that must be denied.")
    elif undefined:
        said = f"Undefined, so neither allowed nor denied: {names(undefined)}."
        yield case.unclear(UnknownReason.NO_DATA, said)
    elif any(each.actual not in SAID for each in denied):
        yield unanswered(case)
    else:
        yield case.good(f"Denied, as it must be: {names(denied)}.")


@opa_judge("security.authz.opa-policies-reviewed")
def policies_reviewed(case: OPACase) -> Iterator[Statement]:
    """Whether a stranger gets in, whatever a review says."""
    yield from _allowed_or_not_asked(case)


@opa_judge("testing.integration.authz-flows-tested")
def flows_tested(case: OPACase) -> Iterator[Statement]:
    """Whether a canary is answered wrongly, whatever a test said."""
    yield from _wrong(case) or _unsure(case)


@opa_judge("postdeploy.short.authorization-working")
def authorization_working(case: OPACase) -> Iterator[Statement]:
    """Whether a canary is answered wrongly after a rollout."""
    yield from _wrong(case) or _unsure(case)


@opa_judge("predeploy.smoke.authorization-works")
def authorization_works(case: OPACase) -> Iterator[Statement]:
    """Whether those get in that must, and nobody else."""
    answers = case.seen.reading.answers
    must_allow = [each for each in answers if each.expected is Expected.ALLOW]
    if said := [*_wrong(case), *_unsure(case)]:
        yield from said
    elif not must_allow:
        yield case.unclear(UnknownReason.NO_POLICY, "No canary that must be allowed is configured for this agent.")
    elif undefined := [each for each in (*must_allow, *must_deny(case)) if each.actual not in DECIDED]:
        yield case.unclear(UnknownReason.NO_DATA, f"Undefined: {names(undefined)}.")
    else:
        yield case.good(f"Decided as they must be: {names((*must_allow, *must_deny(case)))}.")


@opa_judge("predeploy.opa.policy-loaded")
def policy_loaded(case: OPACase) -> Iterator[Statement]:
    """Whether anything is defined at the decision path."""
    canaries = [each for each in case.seen.reading.answers if each.expected in (Expected.ALLOW, Expected.DENY)]
    decided = [each for each in canaries if each.actual in DECIDED]
    if decided:
        yield case.good(f"Decided at the decision path: {names(decided)}.")
    elif not canaries:
        yield case.unclear(UnknownReason.NO_DATA, "No canary is asked.")
    elif all(each.actual is Actual.UNDEFINED for each in canaries):
        yield case.bad("Every canary is undefined: nothing is loaded at the decision path.")
    else:
        yield unanswered(case)


@judge_of_pods(SourceName.OPA, OPALook, "postdeploy.long.no-opa-errors")
def no_opa_errors(case: OPACase) -> Iterator[Statement]:
    """Whether nearly all looks of the last day got a decision; those in which the watcher was impaired do not count."""
    looks, undecided = case.seen.looks, case.seen.undecided
    if soon := case.settling(_BEGINS, "The first hour after the start is not counted."):
        yield soon
    elif looks < _ENOUGH:
        yield case.unclear(UnknownReason.OBSERVING, f"{looks} looks of the last day tell, {_ENOUGH} are needed.")
    elif undecided > _RARE * looks:
        yield case.bad(f"{undecided} of {looks} looks of the last day got no decision.", at_once=True)
    else:
        yield case.good(f"{looks - undecided} of {looks} looks of the last day got a decision.")


def _allowed_or_not_asked(case: OPACase) -> Iterator[Statement]:
    if allowed := wrongly_allowed(case):
        yield case.bad(f"Allowed, but must be denied: {names(allowed)}.", at_once=True)
    elif any(each.actual not in SAID for each in must_deny(case)):
        yield unanswered(case)


def _wrong(case: OPACase) -> list[Statement]:
    """What is answered wrongly; of a wrong allow one look is enough."""
    said = []
    if allowed := wrongly_allowed(case):
        said.append(case.bad(f"Allowed, but must be denied: {names(allowed)}.", at_once=True))
    if denied := wrongly_denied(case):
        said.append(case.bad(f"Denied, but must be allowed: {names(denied)}."))
    return said


def _unsure(case: OPACase) -> list[Statement]:
    """That some canary got no answer of OPA's."""
    judged = (Expected.ALLOW, Expected.DENY)
    lost = [each for each in case.seen.reading.answers if each.expected in judged and each.actual not in SAID]
    return [unanswered(case)] if lost else []
