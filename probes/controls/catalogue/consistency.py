"""What types cannot say of a catalogue: whether its entries agree with themselves and with each other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probes.controls.catalogue.control import (
    PROBED,
    Assurance,
    Control,
    EvidenceSpec,
    SourceName,
    UnknownReason,
)
from probes.controls.catalogue.terms import (
    Absent,
    AttestableWhen,
    Automation,
    Bind,
    MembersCounted,
    OptIn,
    RecordKind,
    Scope,
)

_VAGUE = re.compile(
    r"\b(appropriate|reasonable|sufficient|sane|too much|too many|recent|recently|regularly|some time|often|etc)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?](?=\s+[A-Z`]|$)")
_RECORDED = (Automation.HUMAN, Automation.REFUTABLE, Automation.PIPELINE)
_OFF_BY_DEFAULT = {
    SourceName.LOGS: OptIn.LOGS,
    SourceName.TRACES: OptIn.TRACES,
    SourceName.PROMETHEUS: OptIn.PROMETHEUS,
    SourceName.ALERTMANAGER: OptIn.ALERTMANAGER,
    SourceName.SCANNER_REPORT: OptIn.REPORTS,
    SourceName.CLUSTER_SPIFFE_ID: OptIn.RBAC,
}
_NO_AGE = (SourceName.RECORD, SourceName.ROLLOUT)
Steps = tuple[str | int, ...]
Complaint = tuple[Steps, str]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with one control."""

    index: int  # of the control among those that were checked
    control: str
    path: Steps  # of the value within the entry
    what: str


def whole(controls: Sequence[Control], *, some: bool = False) -> list[Mistake]:
    """All mistakes; `some`: these are not all sections, so that members may stand elsewhere."""
    by_id = {each.id: each for each in reversed(controls)}  # the first of two is the right one
    found: list[Mistake] = []
    for index, control in enumerate(controls):
        complaints = [one for check in _CHECKS for one in check(control)]
        if by_id[control.id] is not control:
            complaints.append((("id",), "another control has the same id"))
        if not some:
            complaints += _members(control, by_id)
        found += [Mistake(index, control.id, path, what) for path, what in complaints]
    return found


def _members(control: Control, by_id: Mapping[str, Control]) -> Iterator[Complaint]:
    for number, member in enumerate(control.members):
        if member not in by_id:
            yield ("members", number), f"{member} is no control"
        elif control.members_counted is MembersCounted.REQUIRED and not by_id[member].required:
            yield ("members", number), f"{member} is not required, but only what is required counts"
    if _loops(control.id, by_id):
        yield ("members",), "the roll-up loops: it is a member of itself"


def _loops(start: str, by_id: Mapping[str, Control]) -> bool:
    seen: set[str] = set()
    left = list(by_id[start].members)
    while left:
        member = left.pop()
        if member == start:
            return True
        if member not in seen and member in by_id:
            seen.add(member)
            left += by_id[member].members
    return False


def _rollup(control: Control) -> Iterator[Complaint]:
    if control.automation is not Automation.ROLLUP:
        if control.members or control.members_counted:
            yield ("members",), "only a roll-up has members"
        if not control.evidence:
            yield (), "expected evidence: nothing could decide it"
        return
    if not control.members or control.members_counted is None:
        yield (), "expected members and members_counted of a roll-up"
    own = (control.evidence, control.record, control.opt_in, control.waivable, control.attestable_when)
    if any(own):
        yield (), "a roll-up has no evidence, record, opt_in, attestable_when or waiver of its own"


def _evidence(control: Control) -> Iterator[Complaint]:
    seen: set[SourceName] = set()
    for number, spec in enumerate(control.evidence):
        if spec.source in seen:
            yield ("evidence", number), f"{spec.source} stands there twice"
        seen.add(spec.source)
        if (spec.max_age is None) != (spec.source in _NO_AGE):
            yield ("evidence", number, "max_age"), "expected one, but for record and rollout, which have none"
    if sum(spec.absent is Absent.EITHER for spec in control.evidence) == 1:
        yield ("evidence",), "`either` wants at least two"
    if control.confirmations == 2 and not seen & PROBED:
        yield ("confirmations",), "2, but nothing is probed"
    if "two probes in a row" in control.fails and control.confirmations != 2:
        yield ("fail",), "two probes in a row, but confirmations is 1"


def _machine(control: Control) -> list[EvidenceSpec]:
    return [spec for spec in control.evidence if spec.source is not SourceName.RECORD]


def _automatic(control: Control) -> Iterator[Complaint]:
    if control.automation is not Automation.AUTO:
        return
    both = [spec for spec in control.evidence if len(spec.proves) == 2]
    if not any(control.declared_pass or spec.assurance is not Assurance.DECLARED for spec in both):
        yield ("evidence",), "automatic, but no evidence proves pass and fail"
    if all(spec.absent is Absent.SKIP for spec in control.evidence):
        yield ("evidence",), "automatic, but nothing is needed for a pass"
    if len(_machine(control)) != len(control.evidence):
        yield ("evidence",), "automatic, but judged from a record: that is what attestable_when is for"
    if control.opt_in and AttestableWhen.OPT_IN_OFF not in control.attestable_when:
        yield ("attestable_when",), "opt_in, but not attestable while it is off"
    for number, spec in enumerate(control.evidence):
        off = _OFF_BY_DEFAULT.get(spec.source)
        if spec.absent is Absent.UNKNOWN and off and control.opt_in is not off:
            yield ("evidence", number), f"needs {spec.source}, which is off by default, without `opt_in: {off}`"
    if bool(control.attestable_when) != (control.record is not None):
        yield ("record",), "expected one where attestable_when says when it counts, and there only"


def _recorded(control: Control) -> Iterator[Complaint]:
    if control.automation not in _RECORDED:
        return
    machine = _machine(control)
    if control.record is None or len(machine) == len(control.evidence):
        yield ("record",), "expected a record, and evidence of source record"
    elif control.automation is Automation.PIPELINE and RecordKind.PIPELINE not in control.record.kinds:
        yield ("record", "kinds"), "expected pipeline"
    if any("pass" in spec.proves for spec in machine):
        yield ("evidence",), "evidence proves pass, but only a record can"
    if control.automation is Automation.REFUTABLE and not machine and not _counts_refute(control):
        yield ("evidence",), "refutable, but nothing refutes"
    if control.declared_pass:
        yield ("declared_pass",), "true, but only a record can"


def _counts_refute(control: Control) -> bool:
    spec = control.spec(SourceName.RECORD)
    return spec is not None and "fail" in spec.proves


def _reasons(control: Control) -> Iterator[Complaint]:
    refuting = any("fail" in spec.proves for spec in control.evidence) or bool(control.members)
    if refuting != bool(control.fail_reasons):
        yield ("fail_reasons",), "expected where some evidence proves fail, and there only"
    for reason, why in _implied(control):
        if reason not in control.unknown_reasons:
            yield ("unknown_reasons",), f"expected {reason}: {why}"
    if control.declared_pass and UnknownReason.DECLARED_ONLY in control.unknown_reasons:
        yield ("unknown_reasons",), "DeclaredOnly, but declared_pass"


def _implied(control: Control) -> Iterator[tuple[UnknownReason, str]]:
    yield UnknownReason.EVALUATOR_ERROR, "every judge may raise"
    if control.confirmations == 2:
        yield UnknownReason.OBSERVING, "between two bad looks"
    if control.automation in _RECORDED:
        yield UnknownReason.ATTESTATION_MISSING, "it needs a record"
        yield UnknownReason.RECORD_REMOVED, "a record may be taken away"
    elif control.opt_in:
        yield UnknownReason.NOT_ENABLED, "its opt_in may be off"
    if control.scope is Scope.RELEASE:
        yield UnknownReason.NO_DATA, "before any rollout was seen"


def _records(control: Control) -> Iterator[Complaint]:
    if (control.revision > 1) != (control.revised is not None):
        yield ("revised",), "expected the date where the revision is over 1, and there only"
    if control.record is None:
        return
    if control.scope is Scope.RELEASE and control.record.bind is not Bind.IMAGE_DIGEST:
        yield ("record", "bind"), "expected image_digest: a record of a rollout is bound to it"
    deciding = any(rule.compare for rule in control.record.counts)
    if deciding and RecordKind.PIPELINE not in control.record.kinds:
        yield ("record", "counts"), "only a pipeline's result has counts"
    if control.automation in _RECORDED and deciding != _counts_refute(control):
        yield ("record", "counts"), "expected rules where the record proves fail, and there only"


def _words(control: Control) -> Iterator[Complaint]:
    for key, text in (("pass", control.passes), ("fail", control.fails), ("unknown", control.unknown)):
        if len(_SENTENCE.findall(text)) != 1:
            yield (key,), "expected one sentence"
        if vague := _VAGUE.search(text):
            yield (key,), f"{vague[0]} is vague"
    if not 1 <= len(_SENTENCE.findall(control.remediation)) <= 4:
        yield ("remediation",), "expected one to four sentences"


_CHECKS = (_rollup, _evidence, _automatic, _recorded, _reasons, _records, _words)
