"""All findings of one agent: each control of the catalogue judged, then the roll-ups over them."""

from collections.abc import Mapping, Sequence

from probes.controls.catalogue.control import Control, SourceName
from probes.controls.catalogue.loading import Catalogue
from probes.controls.catalogue.terms import Automation, Scope
from probes.controls.evidence import EvidenceSet, Missing
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.finding import Finding
from probes.controls.judging import Facts, Judges
from probes.controls.reads import Reads
from probes.controls.records import Record
from probes.controls.rollup import roll_up
from probes.controls.steps import Steps, finished
from probes.controls.verdict.applying import Answers
from probes.controls.verdict.control import before_any_rollout, judge_control_in_steps, of_this_rollout
from probes.controls.verdict.weighing import settled_pods

NO_FINDINGS: Mapping[str, Finding] = {}

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_ROLLUP, _ROLLOUT, _RELEASE = Automation.ROLLUP, SourceName.ROLLOUT, Scope.RELEASE


def judge_agent(
    catalogue: Catalogue,
    evidence: EvidenceSet,
    facts: Facts,
    judges: Judges,
    required: frozenset[str],
    records: Sequence[Record] = (),
    previous: Mapping[str, Finding] = NO_FINDINGS,
    known: Mapping[str, Finding] = NO_FINDINGS,
) -> dict[str, Finding]:
    """By id, in the order of the catalogue; `records` are valid ones, `previous` what this gave of the agent before.

    `known` are findings that are the same for this agent as for another one: these are not formed again.
    """
    return dict(finished(judge_in_steps(catalogue, evidence, facts, judges, required, records, previous, known)))


def judge_in_steps(
    catalogue: Catalogue,
    evidence: EvidenceSet,
    facts: Facts,
    judges: Judges,
    required: frozenset[str],
    records: Sequence[Record] = (),
    previous: Mapping[str, Finding] = NO_FINDINGS,
    known: Mapping[str, Finding] = NO_FINDINGS,
    reads: Reads | None = None,
) -> Steps[Mapping[str, Finding]]:
    """The same in steps, one control or less at a time, for who has other things to do in between.

    `reads` is told what the judges of each control read.
    """
    found: dict[str, Finding] = {}
    by_control: dict[str, list[Record]] = {}
    for each in records:
        by_control.setdefault(each.control, []).append(each)
    answers: Answers = {}
    pods = settled_pods(evidence, facts.now)
    for control in catalogue.controls:
        if control.id in known:
            found[control.id] = known[control.id]
        elif control.automation is not _ROLLUP:
            own = by_control.get(control.id, ())
            before = previous.get(control.id)
            evidence.read.clear()
            found[control.id] = yield from judge_control_in_steps(
                control, evidence, facts, judges, own, before, answers, pods
            )
            if reads is not None:
                reads.note(control.id, evidence.read)
            yield
    for control in catalogue.controls:
        _roll_up(control, catalogue, evidence, found, required, facts.now, previous)
    return {control.id: found[control.id] for control in catalogue.controls}


def _roll_up(
    control: Control,
    catalogue: Catalogue,
    evidence: EvidenceSet,
    found: dict[str, Finding],
    required: frozenset[str],
    now: float,
    previous: Mapping[str, Finding],
) -> None:
    """Members first: a roll-up may be a member of another one."""
    if control.id in found:
        return
    for member in control.members:
        if member in catalogue.by_id:
            _roll_up(catalogue.by_id[member], catalogue, evidence, found, required, now, previous)
    before = previous.get(control.id)
    rollout = evidence.sources.get(_ROLLOUT, NOT_GIVEN)
    if control.scope is _RELEASE and isinstance(rollout, Missing):
        found[control.id] = before_any_rollout(control, rollout, now, before)
        return
    if control.scope is _RELEASE and not isinstance(rollout, Missing):
        before = of_this_rollout(rollout, before)
    found[control.id] = roll_up(control, found, required, now, before)
