"""Whether an agent is ready: counts of its findings, bounds, and the one word that readiness is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from probes.controls.catalogue.control import Control
from probes.controls.catalogue.terms import Automation, Scope
from probes.controls.finding import Finding, State

_MET = (State.PASS, State.ATTESTED)
_OPEN = (State.UNKNOWN, State.EXPIRED)


class Verdict(StrEnum):
    """Readiness of an agent. Vacuous: nothing that is required applies, which is not ready."""

    NOT_READY = "not_ready"
    INDETERMINATE = "indeterminate"
    READY_WITH_WAIVERS = "ready_with_waivers"
    READY = "ready"
    VACUOUS = "vacuous"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the findings of one agent come to. Ratios are None where no control applies."""

    verdict: Verdict
    counts: Mapping[State, int]  # of all leaf controls
    lower: float | None  # met / applicable
    upper: float | None  # as if all that is open or waived were met
    coverage: float | None  # what is known of the applicable
    blocked_by_platform: bool  # not ready, and only by controls of a namespace or the fleet


# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_ROLLUP, _NOT_APPLICABLE, _FAIL, _WAIVED = Automation.ROLLUP, State.NOT_APPLICABLE, State.FAIL, State.WAIVED


def readiness_of(findings: Iterable[Finding], controls: Mapping[str, Control], required: frozenset[str]) -> Readiness:
    """Of all findings of one agent; roll-ups are not counted. A required control without a finding is unknown."""
    leaves = [each for each in findings if controls[each.control].automation is not _ROLLUP]
    states = Counter(each.state for each in leaves)
    applicable = len(leaves) - states[_NOT_APPLICABLE]
    met, still_open = sum(states[each] for each in _MET), sum(states[each] for each in _OPEN)
    asked = {each.control: each.state for each in leaves if each.control in required}
    failing = [each for each, state in asked.items() if state is _FAIL]
    return Readiness(
        verdict=_verdict(asked, unjudged=bool(required - asked.keys())),
        counts={state: states[state] for state in State},
        lower=met / applicable if applicable else None,
        upper=(met + still_open + states[_WAIVED]) / applicable if applicable else None,
        coverage=1 - still_open / applicable if applicable else None,
        blocked_by_platform=bool(failing)
        and all(controls[each].scope in (Scope.NAMESPACE, Scope.FLEET) for each in failing),
    )


def _verdict(asked: Mapping[str, State], *, unjudged: bool) -> Verdict:
    states = set(asked.values())
    if _FAIL in states:
        return Verdict.NOT_READY
    if unjudged or states & set(_OPEN):
        return Verdict.INDETERMINATE
    if not states - {_NOT_APPLICABLE}:
        return Verdict.VACUOUS
    return Verdict.READY_WITH_WAIVERS if _WAIVED in states else Verdict.READY
