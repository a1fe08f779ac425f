"""What the findings of one agent come to, kept beside them: what pages, API and metrics tell of many agents."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from probes.controls.catalogue.loading import Catalogue
from probes.controls.catalogue.terms import Automation, Bind, Severity
from probes.controls.evidence import Missing
from probes.controls.finding import Finding, State
from probes.controls.profile import Profile
from probes.controls.readiness import Readiness, readiness_of

MOST_NOT_MET = 60
"""Controls of an agent that are told one by one in metrics."""

_NOT_MET = (State.FAIL, State.EXPIRED, State.WAIVED)  # worst first
_SEVERITIES = {each: place for place, each in enumerate(Severity)}
_ROLLUP = Automation.ROLLUP

Digests = Mapping[Bind, frozenset[str] | Missing]
NO_DIGESTS: Digests = {}


class NotMet(NamedTuple):
    """One required control that is not met."""

    control: str
    severity: Severity
    state: State
    reason: str


class SectionCount(NamedTuple):
    """How many leaf controls of a section have this state."""

    section: str
    state: State
    controls: int


_shared_count = lru_cache(maxsize=4096)(SectionCount)  # a thousand agents differ in few of them


@dataclass(frozen=True, slots=True)
class AgentVerdict:
    """One agent. All of it follows from its findings and its profile."""

    profile: Profile
    labels: Mapping[str, str]  # of its workload
    readiness: Readiness
    sections: tuple[SectionCount, ...]  # those over 0
    not_met: tuple[NotMet, ...]  # the worst first, MOST_NOT_MET at most
    dropped: int  # how many more are not met
    digests: Digests = field(default_factory=dict)  # what ran of it


def agent_verdict(
    findings: Mapping[str, Finding],
    catalogue: Catalogue,
    profile: Profile,
    required: frozenset[str],
    labels: Mapping[str, str],
    digests: Digests = NO_DIGESTS,
) -> AgentVerdict:
    """`required`: the ids that the profile requires of this catalogue."""
    controls = catalogue.by_id
    leaves = [each for name, each in findings.items() if controls[name].automation is not _ROLLUP]
    counts = Counter((controls[each.control].section, each.state) for each in leaves)
    open_ones = [each for each in leaves if each.control in required and each.state in _NOT_MET]
    not_met = [NotMet(each.control, controls[each.control].severity, each.state, each.reason) for each in open_ones]
    not_met.sort(key=lambda each: (_SEVERITIES[each.severity], _NOT_MET.index(each.state)))
    return AgentVerdict(
        profile=profile,
        labels=labels,
        readiness=readiness_of(findings.values(), controls, required),
        sections=tuple(_shared_count(section, state, count) for (section, state), count in counts.items()),
        not_met=tuple(not_met[:MOST_NOT_MET]),
        dropped=len(not_met[MOST_NOT_MET:]),
        digests=digests,
    )
