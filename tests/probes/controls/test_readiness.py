"""Roll-ups, profiles, readiness and its bounds."""

import pytest

from probes.controls.catalogue.control import Assurance, FactKey
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.catalogue.terms import Automation
from probes.controls.checklist import judge_agent
from probes.controls.evidence import EvidenceSet
from probes.controls.finding import Finding, State
from probes.controls.judging import Judges
from probes.controls.profile import CHECKLIST, NotRequired, Profile, profile_of, why_not
from probes.controls.readiness import Verdict, readiness_of
from probes.controls.rollup import roll_up
from tests.probes.controls.made import AGENT, CATALOGUE, NOW, evidence, facts, judges, missing, seen

DOCS = CATALOGUE.by_id["criteria.documentation"]
RUNBOOKS, GUIDE = DOCS.members
HEALTH = CATALOGUE.by_id["release.deploy.health-passing"]
REQUIRED = CHECKLIST.required(CATALOGUE)


def _finding(control: str, state: State, reason: str = "", **more: object) -> Finding:
    return Finding(control=control, state=state, underlying=state, since=NOW, reason=reason, **more)  # type: ignore[arg-type]


def _rolled(one: State, other: State, previous: Finding | None = None) -> Finding:
    findings = {RUNBOOKS: _finding(RUNBOOKS, one, "First"), GUIDE: _finding(GUIDE, other, "Second")}
    return roll_up(DOCS, findings, REQUIRED, NOW, previous)


@pytest.mark.parametrize(
    ("one", "other", "state"),
    [
        (State.UNKNOWN, State.FAIL, State.FAIL),
        (State.EXPIRED, State.UNKNOWN, State.UNKNOWN),
        (State.WAIVED, State.EXPIRED, State.EXPIRED),
        (State.ATTESTED, State.WAIVED, State.WAIVED),
        (State.PASS, State.ATTESTED, State.ATTESTED),
        (State.PASS, State.NOT_APPLICABLE, State.PASS),
        (State.NOT_APPLICABLE, State.NOT_APPLICABLE, State.NOT_APPLICABLE),
    ],
)
def test_a_roll_up_is_the_worst_of_what_applies(one: State, other: State, state: State) -> None:
    assert _rolled(one, other).state is state
    assert _rolled(other, one).state is state


def test_a_roll_up_tells_the_reason_of_the_first_and_who_it_is() -> None:
    unknown = _rolled(State.UNKNOWN, State.UNKNOWN)
    assert unknown.reason == "First"
    assert unknown.message == f"2 of 2 are unknown: {RUNBOOKS}, {GUIDE}."
    assert _rolled(State.FAIL, State.PASS).reason == "Violated"
    assert _rolled(State.NOT_APPLICABLE, State.NOT_APPLICABLE).message == "None of its members applies."


def test_a_roll_up_passes_with_the_weakest_assurance_and_keeps_its_since() -> None:
    findings = {
        RUNBOOKS: _finding(RUNBOOKS, State.PASS, assurance=Assurance.OBSERVED),
        GUIDE: _finding(GUIDE, State.PASS, assurance=Assurance.DECLARED),
    }
    first = roll_up(DOCS, findings, REQUIRED, NOW)
    assert (first.assurance, first.message) == (Assurance.DECLARED, "All 2 members that count pass.")
    assert roll_up(DOCS, findings, REQUIRED, NOW + 60, first).since == NOW
    assert _rolled(State.FAIL, State.PASS, first).since == NOW


def test_only_required_members_count_and_one_without_a_finding_is_unknown() -> None:
    only = roll_up(DOCS, {RUNBOOKS: _finding(RUNBOOKS, State.PASS)}, frozenset({RUNBOOKS}), NOW)
    assert only.state is State.PASS
    assert roll_up(DOCS, {RUNBOOKS: _finding(RUNBOOKS, State.PASS)}, REQUIRED, NOW).state is State.UNKNOWN
    assert roll_up(HEALTH, {}, frozenset(), NOW).state is State.UNKNOWN, "all of its members count"


def test_the_checklist_s_own_profile_requires_its_106() -> None:
    assert len(REQUIRED) == 106


def test_a_profile_adds_and_removes_and_the_first_that_matches_is_taken() -> None:
    limits = "deployment.resources.cpu-limits"
    production = Profile(
        "production",
        ("prod-*",),
        ("deployment.network.default-deny",),
        (NotRequired(limits, "throttling", "platform"),),
    )
    required = production.required(CATALOGUE)
    assert required - REQUIRED == {"deployment.network.default-deny"}
    assert REQUIRED - required == {limits}
    everywhere = Profile("all")
    assert profile_of("prod-eu", (production, everywhere)) is production
    assert profile_of("dev", (production, everywhere)) is everywhere
    assert profile_of("dev", (production,)) is CHECKLIST


def test_of_some_sections_only_their_controls_are_required() -> None:
    some = load_catalogue(("deployment",))
    required = Profile("x", add=("security.secrets.rotated",)).required(some)
    assert required == {each for each in REQUIRED if each.startswith("deployment.")}


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("no.such", "no.such is no control"),
        ("criteria.security", "criteria.security is a roll-up: name its members"),
        ("deployment.resources.cpu-limits", ""),
    ],
)
def test_a_profile_can_name_neither_what_is_no_control_nor_a_roll_up(named: str, why: str) -> None:
    assert why_not(named, CATALOGUE) == why


def _readiness(*states: State) -> tuple[Verdict, float | None, float | None, float | None]:
    some = [each for each in CATALOGUE.controls if each.required][: len(states)]
    findings = [_finding(control.id, state) for control, state in zip(some, states, strict=True)]
    found = readiness_of(findings, CATALOGUE.by_id, frozenset(each.id for each in some))
    return found.verdict, found.lower, found.upper, found.coverage


def test_readiness_in_its_order_with_its_bounds() -> None:
    passing, failing, unknown, waived, expired = State.PASS, State.FAIL, State.UNKNOWN, State.WAIVED, State.EXPIRED
    assert _readiness(passing, State.ATTESTED) == (Verdict.READY, 1.0, 1.0, 1.0)
    assert _readiness(passing, waived) == (Verdict.READY_WITH_WAIVERS, 0.5, 1.0, 1.0)
    assert _readiness(passing, waived, unknown, expired) == (Verdict.INDETERMINATE, 0.25, 1.0, 0.5)
    assert _readiness(passing, failing, unknown, State.NOT_APPLICABLE) == (Verdict.NOT_READY, 1 / 3, 2 / 3, 1 - 1 / 3)
    assert _readiness(State.NOT_APPLICABLE) == (Verdict.VACUOUS, None, None, None)
    assert _readiness() == (Verdict.VACUOUS, None, None, None)


def test_a_required_control_without_a_finding_is_not_ready() -> None:
    found = readiness_of([_finding(RUNBOOKS, State.PASS)], CATALOGUE.by_id, frozenset({RUNBOOKS, GUIDE}))
    assert found.verdict is Verdict.INDETERMINATE


def test_roll_ups_are_not_counted() -> None:
    findings = [_finding(RUNBOOKS, State.PASS), _finding(DOCS.id, State.FAIL)]
    found = readiness_of(findings, CATALOGUE.by_id, frozenset({RUNBOOKS}))
    assert (found.verdict, found.counts[State.FAIL], found.lower) == (Verdict.READY, 0, 1.0)


def test_what_only_the_platform_can_mend_is_told() -> None:
    platform, team = "deployment.network.default-deny", "deployment.resources.cpu-limits"
    required = frozenset({platform, team})
    failing = [_finding(platform, State.FAIL), _finding(team, State.PASS)]
    assert readiness_of(failing, CATALOGUE.by_id, required).blocked_by_platform
    both = [_finding(platform, State.FAIL), _finding(team, State.FAIL)]
    assert not readiness_of(both, CATALOGUE.by_id, required).blocked_by_platform
    assert not readiness_of([_finding(team, State.PASS)], CATALOGUE.by_id, required).blocked_by_platform


def test_without_a_judge_and_without_evidence_each_control_is_unknown_for_a_reason_of_its_own() -> None:
    findings = judge_agent(CATALOGUE, evidence(), facts(), Judges({}, {}), REQUIRED)
    assert list(findings) == [each.id for each in CATALOGUE.controls]
    assert {each.state for each in findings.values()} == {State.UNKNOWN}
    assert [each.control for each in findings.values() if each.reason not in _reasons(each)] == []
    assert readiness_of(findings.values(), CATALOGUE.by_id, REQUIRED).verdict is Verdict.INDETERMINATE


def _reasons(finding: Finding) -> tuple[str, ...]:
    return CATALOGUE.by_id[finding.control].unknown_reasons


def test_all_evidence_good_passes_all_that_a_machine_decides() -> None:
    leaves = [each for each in CATALOGUE.controls if each.automation is not Automation.ROLLUP]
    made = judges(*leaves)
    sources = {spec.source: seen() for each in leaves for spec in each.evidence}
    known = Judges(made.controls, dict.fromkeys(FactKey, _holds))
    findings = judge_agent(CATALOGUE, EvidenceSet(AGENT, sources), facts(), known, REQUIRED)
    machine = [findings[each.id] for each in leaves if each.automation is Automation.AUTO]
    assert [each.control for each in machine if each.state is not State.PASS] == []
    people = {findings[each.id].reason for each in leaves if each.automation is not Automation.AUTO}
    assert people == {"AttestationMissing"}


def _holds(*_: object) -> bool:
    return True


def test_a_roll_up_of_a_rollout_waits_for_one() -> None:
    none_seen = judge_agent(CATALOGUE, evidence(rollout=missing()), facts(), Judges({}, {}), REQUIRED)
    assert none_seen["release.pre.tests-passing"].message == "It is SourceMissing."
