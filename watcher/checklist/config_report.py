"""What is there to say of an agent's config before it is deployed? The checklist's five lines, then each finding."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import islice

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.evidence import AgentConfigFile, AgentRef, EvidenceSet, Seen
from probes.controls.finding import State
from probes.controls.judges.agent_config.key_findings import Kind, key_findings
from probes.controls.judging import Facts, Judges, Says, Statement, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from probes.controls.verdict.weighing import weigh

FIVE = tuple(
    f"predeploy.config.{name}"
    for name in ("valid", "security-settings", "tls-version", "peer-verification", "default-action")
)
_SECTIONS = ("security", "reliability", "observability", "predeploy")
_OPEN = (UnknownReason.NO_POLICY, UnknownReason.NO_DATA)
"""What people must decide; keys without effect are told once, as keys."""

_SIGNS = {State.PASS: "✓", State.FAIL: "✗", State.UNKNOWN: "?"}
_MOST = 1000
"""Keys that are told of one file."""


class Grade(Enum):
    """Whether it must be mended."""

    ERROR = "error"
    UNKNOWN = "unknown"  # people must look, or say what is right
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Line:
    """One of the checklist's five, with why."""

    title: str  # in the checklist's words
    state: State
    why: str

    def __str__(self) -> str:
        return f"{_SIGNS[self.state]} {self.title}\n    {self.why}"


@dataclass(frozen=True, slots=True)
class ConfigFinding:
    """One thing that is to be said of one line of the file."""

    line: int
    grade: Grade
    message: str
    control: str = ""


@dataclass(frozen=True, slots=True)
class ConfigReport:
    """All that there is to say of one config."""

    lines: tuple[Line, ...]
    findings: tuple[ConfigFinding, ...]

    def lines_that(self, state: State) -> int:
        """How many of the five are so."""
        return sum(each.state is state for each in self.lines)

    def findings_of(self, grade: Grade) -> int:
        """How many there are of this grade."""
        return sum(each.grade is grade for each in self.findings)

    @property
    def wrong(self) -> bool:
        """Whether something is to be mended, or whether the config is valid is not known."""
        return (
            self.lines[0].state is not State.PASS
            or self.lines_that(State.FAIL) > 0
            or self.findings_of(Grade.ERROR) > 0
        )

    @property
    def unknown(self) -> bool:
        """Whether something is left open."""
        return self.lines_that(State.UNKNOWN) > 0 or self.findings_of(Grade.UNKNOWN) > 0


def report_of(file: AgentConfigFile, now: float, trust_domains: tuple[str, ...] = ()) -> ConfigReport:
    """What the judges say of this config; `now`: Unix seconds; `trust_domains`: those that are right here."""
    evidence = EvidenceSet(AgentRef("", ""), {SourceName.AGENT_CONFIG: Seen(file, now, "line")})
    facts = Facts(now=now, sdk=load_sdk_facts(), trust_domains=trust_domains)
    said = {each.id: _statements(each, evidence, facts) for each in _controls()}
    lines = tuple(_line(each, evidence, facts, said[each.id]) for each in _controls() if each.id in FIVE)
    found = [finding for each in _controls() for finding in _findings(each, said[each.id])]
    found += _key_notes(file)
    return ConfigReport(lines, tuple(sorted(set(found), key=lambda each: (each.line, each.grade.value, each.message))))


def _judges() -> Judges:
    """Those that speak of a config: to import all takes longer than the rest of `validate`."""
    return load_judges("agent_config", "resilience")


@cache
def _controls() -> tuple[Control, ...]:
    """Those that a config says something of."""
    judged = _judges().controls
    return tuple(
        each
        for each in load_catalogue(_SECTIONS).controls
        if any(SourceName.AGENT_CONFIG in registered.sources for registered in judged.get(each.id, ()))
    )


def _statements(control: Control, evidence: EvidenceSet, facts: Facts) -> tuple[Statement, ...]:
    scales = weigh(control, evidence, facts, _judges().controls[control.id])
    return tuple(each for part in scales.of(SourceName.AGENT_CONFIG) for each in part.statements)


def _line(control: Control, evidence: EvidenceSet, facts: Facts, said: tuple[Statement, ...]) -> Line:
    finding = judge_control(control, evidence, facts, _judges())
    bad = [_with_line(each) for each in said if each.says is Says.BAD]
    why = f"{len(bad)} mistakes, below with their lines." if len(bad) > 5 else " ".join(bad)
    return Line(control.title, finding.state, why or finding.message)


def _with_line(said: Statement) -> str:
    where = f" (line {_number(said)})."
    return said.message if "(line " in said.message else f"{said.message.removesuffix('.')}{where}"


def _number(said: Statement) -> int:
    """The line that a statement is of; the first where it is of the whole file."""
    line = said.ref.rpartition(":")[2]
    return int(line) if line.isdecimal() else 1


def _findings(control: Control, said: tuple[Statement, ...]) -> Iterator[ConfigFinding]:
    """The other four of the five say all in their line."""
    grade = Grade.ERROR if control.required else Grade.NOTE
    for each in said:
        if each.says is Says.BAD and control.id not in FIVE[1:]:
            yield ConfigFinding(_number(each), grade, each.message, control.id)
        elif each.says is Says.UNCLEAR and each.reason in _OPEN:
            yield ConfigFinding(
                _number(each), Grade.UNKNOWN if control.required else Grade.NOTE, each.message, control.id
            )


def _key_notes(file: AgentConfigFile) -> Iterator[ConfigFinding]:
    found = key_findings(file, load_sdk_facts().of(file.sdk_version)) if not file.broken else ()
    for each in islice(found, _MOST):
        if each.kind is not Kind.WRONG:
            yield ConfigFinding(file.line_at(each.place) or 1, Grade.NOTE, each.message)
