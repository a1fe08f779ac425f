"""What there is to show of one agent: its findings and what they come to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from probes.controls.catalogue.control import Control
from probes.controls.catalogue.loading import Catalogue
from probes.controls.catalogue.terms import Automation
from probes.controls.checklist import judge_agent
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, State
from probes.controls.judging import Facts, Judges
from probes.controls.profile import CHECKLIST, Profile, profile_of
from probes.controls.readiness import Readiness, readiness_of
from probes.controls.rollup import without_waivers
from watcher.checklist.manifests.gathering import Fleet, Gathered
from watcher.checklist.turned_finding import TurnedFinding
from watcher.pictures.shown import PicturedAgent

_WORST_FIRST = (
    State.FAIL,
    State.EXPIRED,
    State.UNKNOWN,
    State.WAIVED,
    State.ATTESTED,
    State.PASS,
    State.NOT_APPLICABLE,
)

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_ROLLUP = Automation.ROLLUP


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which controls are shown and count; `named` ones count although the checklist does not require them."""

    section: str = ""
    owner: str = ""
    named: frozenset[str] = frozenset()
    only_required: bool = False
    waivers: bool = True  # False: what is waived is shown and counted as what it is without

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return not (self.section or self.owner or self.named or self.only_required)

    def of(self, catalogue: Catalogue, required: frozenset[str] | None = None) -> tuple[Control, ...]:
        """The controls, in the order of the catalogue; `required`: ids, where it is not the checklist's own."""
        if self.whole:
            return catalogue.controls
        required = CHECKLIST.required(catalogue) if required is None else required
        return tuple(each for each in catalogue.controls if self._has(each, required))

    def _has(self, control: Control, required: frozenset[str]) -> bool:
        return (
            self.section in ("", control.section)
            and self.owner in ("", control.owner)
            and (not self.named or control.id in self.named)
            and (not self.only_required or control.id in required)
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding can be mended."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class AgentReport:
    """One agent, as all formats show it."""

    ref: AgentRef
    labels: Mapping[str, str]
    place: Place | None  # of its workload, where that stands in a file
    findings: Mapping[str, Finding]  # of the chosen controls, roll-ups among them
    leaves: Sequence[Finding]  # those of no roll-up
    required: frozenset[str]  # of these
    readiness: Readiness  # of the agent, whatever was chosen to be shown
    chosen: Readiness  # of these alone: what the exit code rests on
    all_required: Mapping[str, State]  # of the agent, by id
    profile: str = CHECKLIST.name

    def place_of(self, finding: Finding) -> Place | None:
        """Where the evidence of a finding stands; else where the agent does. None for what runs: that is no file."""
        for each in finding.evidence if self.place else ():
            file, _, line = each.ref.rpartition(":")
            if file and line.isdecimal():
                return Place(file, int(line))
        return self.place

    def where(self, finding: Finding) -> str:
        """The same in words; of what runs, which evidence it was. Empty where there is none."""
        if not finding.evidence:
            return ""
        place = self.place_of(finding)
        return f"{place.file}:{place.line}" if place else finding.evidence[0].ref


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run shows."""

    catalogue: Catalogue
    generated_at: float  # Unix seconds
    agents: Sequence[AgentReport]
    problems: Sequence[str] = ()  # what could not be judged, a sentence each with its place
    notes: Sequence[str] = ()
    turned: Sequence[TurnedFinding] | None = None  # within the time that was asked for; None: it was not
    open_fails: bool = False  # whether what is required and not known, or expired, is as bad as what fails
    pictured: Mapping[AgentRef, PicturedAgent] = field(default_factory=dict)  # of manifests none


def judged(
    fleet: Fleet,
    wanted: Iterable[AgentRef],
    catalogue: Catalogue,
    chosen: Chosen,
    facts: Facts,
    judges: Judges,
    profiles: Sequence[Profile] = (),
) -> list[AgentReport]:
    """The wanted agents by name; `profiles` say what is required of whom."""
    gathered = [each for several in fleet.agents.values() for each in several]
    alike = _alike(catalogue, gathered)
    known: dict[str, Finding] = {}
    reports = []
    for ref in sorted(wanted):
        profile, found = profile_of(ref.namespace, profiles), []
        required = profile.required(catalogue)
        for each in fleet.agents[ref]:
            found.append(judge_agent(catalogue, each.evidence, facts, judges, required, known=known))
            known = known or {name: found[0][name] for name in alike}
        first, *others = found
        findings = {name: _worst([one[name] for one in found]) for name in first} if others else first
        workload = fleet.agents[ref][0].workload
        labels = {str(name): str(value) for name, value in fleet.agents[ref][0].labels.items()}
        place = Place(workload.file, workload.line or 1)
        reports.append(agent_report(ref, labels, place, findings, catalogue, chosen, required, profile.name))
    return reports


def _alike(catalogue: Catalogue, gathered: Sequence[Gathered]) -> frozenset[str]:
    """Controls of which no agent has evidence of any source: one finding is that of all."""
    sources = {source for each in gathered for source in each.evidence.sources}
    return frozenset(
        each.id
        for each in catalogue.controls
        if each.automation is not _ROLLUP
        and each.applies_when is None
        and not any(spec.source in sources for spec in each.evidence)
    )


def agent_report(
    ref: AgentRef,
    labels: Mapping[str, str],
    place: Place | None,
    findings: Mapping[str, Finding],
    catalogue: Catalogue,
    chosen: Chosen,
    required: frozenset[str],
    profile: str,
) -> AgentReport:
    """Of these findings, the chosen ones, and the readiness of all. `required`: ids, by this profile."""
    if not chosen.waivers:
        findings = without_waivers(findings, catalogue.by_id, required)
    shown = {each.id: findings[each.id] for each in chosen.of(catalogue, required) if each.id in findings}
    leaves = [each for name, each in shown.items() if catalogue.by_id[name].automation is not _ROLLUP]
    counted = frozenset(each.control for each in leaves) & (required | chosen.named)
    own = frozenset(name for name in findings if catalogue.by_id[name].automation is not _ROLLUP) & required
    readiness = readiness_of(findings.values(), catalogue.by_id, own)
    return AgentReport(
        ref=ref,
        labels=labels,
        place=place,
        findings=shown,
        leaves=leaves,
        required=counted,
        readiness=readiness,
        chosen=readiness if chosen.whole else readiness_of(shown.values(), catalogue.by_id, counted),
        all_required={name: findings[name].state for name in own},
        profile=profile,
    )


def _worst(findings: Sequence[Finding]) -> Finding:
    return min(findings, key=lambda each: _WORST_FIRST.index(each.state))
