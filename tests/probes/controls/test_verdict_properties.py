"""What holds of every verdict, whatever the evidence: the contract's properties."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from probes.controls.catalogue.control import Control, FactKey, SourceName, UnknownReason
from probes.controls.catalogue.terms import Automation, Bind, ExpiredReason, FailReason, RecordKind, Scope
from probes.controls.checklist import judge_agent
from probes.controls.evidence import EvidenceSet, Missing, Pod, Seen
from probes.controls.finding import Finding, State
from probes.controls.judging import Judges, RegisteredJudge
from probes.controls.profile import CHECKLIST
from probes.controls.readiness import Verdict, readiness_of
from probes.controls.records import Record
from probes.controls.verdict.control import judge_control
from tests.probes.controls.made import (
    AGENT,
    CATALOGUE,
    DAY,
    NOW,
    OTHER_SHA,
    SHA,
    evidence,
    facts,
    judges,
    missing,
    pod,
    record,
    seen,
)

LEAVES = [each for each in CATALOGUE.controls if each.automation is not Automation.ROLLUP]


def _each_of_its_source(control: Control) -> tuple[RegisteredJudge, ...]:
    """A judge a source, as those that are shipped: one that raises says nothing of the others' evidence."""
    alone = (replace(control, evidence=(spec,)) for spec in control.evidence)
    return tuple(judges(each).controls[control.id][0] for each in alone)


JUDGES = Judges({each.id: _each_of_its_source(each) for each in LEAVES}, {key: lambda _, __: True for key in FactKey})
REQUIRED = CHECKLIST.required(CATALOGUE)
WITHHELD = (UnknownReason.FORBIDDEN, UnknownReason.UNREACHABLE, UnknownReason.UNPARSEABLE)
ABSENT = (UnknownReason.SOURCE_MISSING, UnknownReason.NOT_ENABLED)
MET = (State.PASS, State.ATTESTED, State.NOT_APPLICABLE, State.WAIVED)
GOOD_READINESS = (Verdict.READY, Verdict.READY_WITH_WAIVERS)


def _found(control: Control, source: SourceName) -> st.SearchStrategy[Seen[object] | Missing | None]:
    """What may be gathered of a source: good, bad where it can refute, unclear, missing, nothing."""
    spec = control.spec(source)
    assert spec is not None
    values = ["good", "silent", "raises", "NoData", "Observing", "Unparseable"]
    values += ["bad"] if "fail" in spec.proves else []
    ages = st.sampled_from([0.0, 1.0, 600.0, 10 * DAY])
    seen_at = st.builds(lambda value, age: seen(value, NOW - age), st.sampled_from(values), ages)
    absent = st.sampled_from(
        [missing(each) for each in (UnknownReason.SOURCE_MISSING, UnknownReason.NOT_ENABLED, *WITHHELD)]
    )
    return st.one_of(seen_at, seen_at, absent, st.none())


@st.composite
def _gathered(draw: st.DrawFn, control: Control) -> EvidenceSet:
    """Evidence of the agent as a whole, and of up to three pods, some of which have no vote."""
    sources = [spec.source for spec in control.evidence if spec.source is not SourceName.RECORD]
    whole = {each: found for each in sources if draw(st.booleans()) and (found := draw(_found(control, each)))}
    if control.scope is Scope.RELEASE and draw(st.booleans()):
        whole[SourceName.ROLLOUT] = seen()
    pods: list[Pod] = []
    for name in draw(st.sampled_from([(), ("a",), ("a", "b"), ("a", "b", "c")])):
        own = {each: found for each in sources if each not in whole and (found := draw(_found(control, each)))}
        since = draw(st.sampled_from([NOW - 3600, NOW - 30, None]))
        pods.append(pod(name, since=since, revision_at=draw(st.sampled_from([1.0, 1.0, 2.0])), **own))
    both = frozenset({SHA, OTHER_SHA})
    running: list[frozenset[str] | Missing] = [frozenset({SHA}), both, missing(UnknownReason.FORBIDDEN)]
    digest = draw(st.sampled_from(running))
    return evidence(*pods, digests=dict.fromkeys(Bind, digest), **whole)


@st.composite
def _records(draw: st.DrawFn, control: Control) -> tuple[Record, ...]:
    wanted = control.record
    if wanted is None or draw(st.booleans()):
        return ()
    kind = draw(st.sampled_from(wanted.kinds))
    counts = {
        name: draw(st.sampled_from([0.0, 1.0, 5000.0]))
        for rule in wanted.counts
        for name in (rule.name, rule.other)
        if name
    }
    return (record(control.id, kind, counts=counts, expires_at=NOW + draw(st.sampled_from([-1.0, 30 * DAY]))),)


@st.composite
def _case(draw: st.DrawFn) -> tuple[Control, EvidenceSet, tuple[Record, ...], Finding]:
    """A control, what was gathered, records, and the finding of that after another one of other evidence."""
    control = draw(st.sampled_from(LEAVES))
    records = draw(_records(control))
    first = judge_control(control, draw(_gathered(control)), facts(NOW - 60), JUDGES, records)
    found = draw(_gathered(control))
    return control, found, records, judge_control(control, found, facts(), JUDGES, records, first)


def _without(found: EvidenceSet, source: SourceName, instead: Missing) -> EvidenceSet:
    def swap(sources: Mapping[SourceName, Seen[object] | Missing]) -> dict[SourceName, Seen[object] | Missing]:
        return {key: instead if key is source else value for key, value in sources.items()}

    pods = {each.name: replace(each, sources=swap(each.sources)) for each in found.pods.values()}
    return EvidenceSet(AGENT, swap(found.sources), pods, found.digests)


@given(_case())
def test_reasons_come_from_the_closed_lists(case: tuple[Control, EvidenceSet, tuple[Record, ...], Finding]) -> None:
    control, _, __, finding = case
    told = {
        State.FAIL: {str(each) for each in FailReason},
        State.UNKNOWN: {str(each) for each in UnknownReason},
        State.EXPIRED: {str(each) for each in ExpiredReason},
    }.get(finding.state, {""})
    assert finding.reason in told
    assert len(finding.message) <= 200
    assert finding.message
    assert (finding.assurance is not None) == (finding.state is State.PASS)
    if finding.state is State.FAIL:
        assert finding.reason in control.fail_reasons
        assert finding.memory.blamed, "what would have to be good again is known"
    if finding.state is State.PASS:
        assert control.automation is Automation.AUTO


@given(_case(), st.data())
def test_taking_a_right_away_never_makes_a_pass(
    case: tuple[Control, EvidenceSet, tuple[Record, ...], Finding], data: st.DataObject
) -> None:
    control, found, records, finding = case
    source = data.draw(st.sampled_from([spec.source for spec in control.evidence]))
    less = _without(found, source, missing(data.draw(st.sampled_from(WITHHELD))))
    for previous in (None, finding):
        once = judge_control(control, found, facts(), JUDGES, records)
        if (previous or once).state is not State.PASS:
            assert judge_control(control, less, facts(), JUDGES, records, previous).state is not State.PASS


@given(_case(), st.data())
def test_taking_a_source_away_from_the_daemon_ends_no_fail_and_no_suspicion(
    case: tuple[Control, EvidenceSet, tuple[Record, ...], Finding], data: st.DataObject
) -> None:
    control, found, records, finding = case
    source = data.draw(
        st.sampled_from(sorted({spec.source for spec in control.evidence} - {SourceName.RECORD}) or [SourceName.OPA])
    )
    less = _without(found, source, missing())
    after = judge_control(control, less, facts(NOW + 1), JUDGES, records, finding)
    if finding.state is State.FAIL and any(each.source is source for each in finding.memory.blamed):
        assert after.state is State.FAIL
    if any(each.source is source for each in finding.memory.suspects):
        assert after.state in (State.UNKNOWN, State.FAIL)


@given(_case())
def test_fresh_confirmed_evidence_against_it_fails_whatever_records_say(
    case: tuple[Control, EvidenceSet, tuple[Record, ...], Finding],
) -> None:
    control, found, records, _ = case
    bad = _first_refuting(control)
    if bad and _is_open(control, found):
        against = EvidenceSet(AGENT, {**found.sources, bad: seen("bad at once")}, {}, found.digests)
        if not any(isinstance(each, Seen) and each.value == "raises" for each in against.sources.values()):
            assert judge_control(control, against, facts(), JUDGES, records).state is State.FAIL


def _is_open(control: Control, found: EvidenceSet) -> bool:
    """Without a rollout there is nothing that could have failed, and what its record has decided is frozen."""
    rollout = found.sources.get(SourceName.ROLLOUT)
    decides = control.spec(SourceName.ROLLOUT) is not None and isinstance(rollout, Seen)
    if control.scope is not Scope.RELEASE:
        return True
    return isinstance(rollout, Seen) and not (decides and rollout.value in ("good", "bad"))


def _first_refuting(control: Control) -> SourceName | None:
    refuting = (spec.source for spec in control.evidence if "fail" in spec.proves)
    return next((each for each in refuting if each not in (SourceName.RECORD, SourceName.ROLLOUT)), None)


@given(_case())
def test_without_new_evidence_time_only_lets_things_lapse(
    case: tuple[Control, EvidenceSet, tuple[Record, ...], Finding],
) -> None:
    control, found, records, _ = case
    settled = EvidenceSet(AGENT, found.sources, {}, found.digests)  # that a pod settles is no lapse
    now = judge_control(control, settled, facts(), JUDGES, records)
    better = {State.PASS: 0, State.ATTESTED: 0, State.EXPIRED: 1, State.UNKNOWN: 1, State.FAIL: 2}
    for later in (NOW + 61, NOW + 2 * DAY, NOW + 40 * DAY):
        after = judge_control(control, settled, facts(later), JUDGES, records, now)
        assert after.state is now.state or better[after.state] >= max(1, better[now.state])


@given(_case())
def test_a_waiver_changes_neither_what_is_under_it_nor_the_lower_bound(
    case: tuple[Control, EvidenceSet, tuple[Record, ...], Finding],
) -> None:
    control, found, records, _ = case
    waiver = record(control.id, RecordKind.WAIVER)
    plain = judge_control(control, found, facts(), JUDGES, records)
    waived = judge_control(control, found, facts(), JUDGES, (*records, waiver))
    assert (waived.underlying, waived.reason, waived.message) == (plain.state, plain.reason, plain.message)
    bounds = [readiness_of([each], CATALOGUE.by_id, REQUIRED).lower for each in (plain, waived)]
    assert bounds[0] == bounds[1]


def _finding(control: Control, state: State) -> Finding:
    return Finding(control=control.id, state=state, underlying=state, since=NOW)


@given(st.lists(st.sampled_from(list(State)), min_size=len(LEAVES), max_size=len(LEAVES)), st.data())
def test_making_any_state_unknown_raises_no_bound_and_yields_no_ready(states: list[State], data: st.DataObject) -> None:
    findings = [_finding(control, state) for control, state in zip(LEAVES, states, strict=True)]
    index = data.draw(st.integers(0, len(LEAVES) - 1))
    less = [*findings[:index], _finding(LEAVES[index], State.UNKNOWN), *findings[index + 1 :]]
    before, after = (readiness_of(each, CATALOGUE.by_id, REQUIRED) for each in (findings, less))
    assert (after.lower or 0) <= (before.lower or 0)
    assert after.verdict not in GOOD_READINESS or before.verdict in GOOD_READINESS


@given(
    st.lists(st.sampled_from([State.PASS, State.ATTESTED, State.NOT_APPLICABLE, State.WAIVED]), min_size=5, max_size=5),
    st.data(),
)
def test_a_required_control_that_is_not_met_is_never_ready(states: list[State], data: st.DataObject) -> None:
    some = [each for each in LEAVES if each.id in REQUIRED][:5]
    findings = [_finding(control, state) for control, state in zip(some, states, strict=True)]
    required = frozenset(each.id for each in some)
    index = data.draw(st.integers(0, 4))
    worse = data.draw(st.sampled_from([State.FAIL, State.UNKNOWN, State.EXPIRED]))
    less = [*findings[:index], _finding(some[index], worse), *findings[index + 1 :]]
    assert readiness_of(less, CATALOGUE.by_id, required).verdict not in GOOD_READINESS
    missing_one = [*findings[:index], *findings[index + 1 :]]
    assert readiness_of(missing_one, CATALOGUE.by_id, required).verdict is Verdict.INDETERMINATE


@settings(max_examples=20)
@given(st.sampled_from([each for each in LEAVES if each.scope is not Scope.RELEASE]))
def test_a_judge_that_raises_costs_one_finding(control: Control) -> None:
    sources = {spec.source: seen() for each in LEAVES for spec in each.evidence}
    found = EvidenceSet(AGENT, {key: value for key, value in sources.items() if key is not SourceName.RECORD})

    def broken(*_: object) -> list[object]:
        raise RuntimeError("broken")

    own = JUDGES.controls[control.id][0]
    one = {**JUDGES.controls, control.id: (type(own)(broken, own.sources),)}  # type: ignore[arg-type]
    whole = judge_agent(CATALOGUE, found, facts(), JUDGES, REQUIRED)
    less = judge_agent(CATALOGUE, found, facts(), Judges(one, JUDGES.facts), REQUIRED)
    changed = {
        each
        for each in whole
        if whole[each] != less[each] and CATALOGUE.by_id[each].automation is not Automation.ROLLUP
    }
    assert changed <= {control.id}
    assert less[control.id].state in (State.UNKNOWN, State.FAIL)
    if control.spec(SourceName.RECORD) is None or len(control.evidence) > 1:
        assert less[control.id].reason == UnknownReason.EVALUATOR_ERROR
