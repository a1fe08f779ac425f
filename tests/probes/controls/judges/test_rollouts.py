"""The record of the newest rollout decides: pass, fail and unknown of each control, with its sentence."""

from dataclasses import replace

import pytest

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import Automation, Bind, Scope
from probes.controls.checklist import judge_agent
from probes.controls.evidence import EvidenceSet, FiredAlert, Missing, RolloutLine, RolloutRecord, Seen
from probes.controls.evidence.rollout_record import Decided
from probes.controls.finding import Finding, State
from probes.controls.judges.rollouts import LINES
from probes.controls.judging import Judges, RegisteredJudge, Says, Statement, load_judges
from probes.controls.records import Record
from probes.controls.verdict.control import judge_control
from tests.probes.controls.made import AGENT, CATALOGUE, NOW, SHA, evidence, facts, missing, pod, record, seen

BEGAN, HOUR = NOW - 7200, 3600.0
DEPLOYED, ALERTS = "release.deploy.production", "release.post.no-alerts-fired"
DECISION = "release.rollback.decision-by"
EXECUTED, HEALTHY = "release.rollback.executed", "release.rollback.previous-healthy"
ERRORS, BREAKERS = "postdeploy.short.error-rate-normal", "postdeploy.short.no-breakers-open"
JUDGES = load_judges()


def line(state: Decided, message: str = "It is so.", **more: object) -> RolloutLine:
    """One line of a record; what is decided was so a quarter of an hour after the beginning."""
    at = BEGAN + 900 if state in ("pass", "fail") else None
    return RolloutLine("Error rate normal", state, message, **({"decided_at": at} | more))  # type: ignore[arg-type]


PASSED, FAILED = line("pass", "0.1% of 900 requests failed."), line("fail", "5.1% of 900 requests failed.")
SETTLING = line("undecided", "", is_open=True, next_at=NOW + 60)
TOO_FEW = line("undecided", "12 requests: too few to tell.")


def rollout(*lines: RolloutLine, **more: object) -> RolloutRecord:
    """A record with these lines for each control that is decided by some."""
    given: dict[str, object] = {
        "revision": "0123456789ab",
        "image": SHA,
        "began_at": BEGAN,
        "ready_at": BEGAN + 60,
        "lines": dict.fromkeys(LINES, lines),
        "hour_is_over": True,
        "hour_ends_at": BEGAN + 60 + HOUR,
    }
    return RolloutRecord(**(given | more))  # type: ignore[arg-type]


def found(value: RolloutRecord | Missing, **more: Seen[object] | Missing) -> EvidenceSet:
    """What was gathered of an agent with this record."""
    of_rollout = value if isinstance(value, Missing) else Seen(value, NOW, "rollout/prod/search/0123456789ab")
    return evidence(rollout=of_rollout, digests={bind: frozenset({SHA}) for bind in Bind}, **more)


def judged(control: str, value: RolloutRecord | Missing, before: Finding | None = None, now: float = NOW) -> Finding:
    """The finding of one control."""
    return judge_control(CATALOGUE.by_id[control], found(value), facts(now), JUDGES, previous=before)


def told(finding: Finding) -> tuple[str, str, str]:
    """Its state, reason and sentence."""
    return finding.state.value, finding.reason, finding.message


def test_each_line_of_a_release_that_a_machine_decides_takes_its_verdict_from_the_record() -> None:
    by_machine = {
        each.id for each in CATALOGUE.controls if each.scope is Scope.RELEASE and each.automation is Automation.AUTO
    }
    assert by_machine == {*LINES, DEPLOYED, ALERTS, EXECUTED, HEALTHY}
    for name in by_machine:
        spec = CATALOGUE.by_id[name].spec(SourceName.ROLLOUT)
        assert spec is not None
        assert spec.proves == {"pass", "fail"}
        assert any(SourceName.ROLLOUT in each.sources for each in JUDGES.controls[name])


@pytest.mark.parametrize("control", LINES)
def test_a_line_is_as_the_record_decided_it_and_undecided_is_unknown_for_its_reason(control: str) -> None:
    assert told(judged(control, rollout(PASSED))) == ("pass", "", "0.1% of 900 requests failed.")
    assert told(judged(control, rollout(FAILED))) == ("fail", "Violated", "5.1% of 900 requests failed.")
    assert told(judged(control, rollout(SETTLING))) == ("unknown", "Settling", "Error rate normal is not decided yet.")
    assert judged(control, rollout(SETTLING)).next_decided_at == NOW + 60
    assert told(judged(control, rollout(TOO_FEW))) == ("unknown", "NoData", "12 requests: too few to tell.")
    assert told(judged(control, rollout())) == ("unknown", "NoData", "Its record does not have this line.")


@pytest.mark.parametrize("control", LINES)
def test_what_nothing_tells_of_is_no_pass(control: str) -> None:
    off = "NotEnabled" if CATALOGUE.by_id[control].opt_in else "NoData"
    assert told(judged(control, rollout(line("not_applicable", "Nothing tells.")))) == (
        "unknown",
        off,
        "Nothing tells.",
    )


def test_of_several_lines_one_that_failed_decides_and_one_that_is_open_keeps_it_open() -> None:
    control = "release.post.resources-stable"
    cpu = line("pass", "CPU is under its limit.", decided_at=BEGAN + 1000)
    both = judged(control, rollout(PASSED, cpu))
    assert told(both) == ("pass", "", "0.1% of 900 requests failed. CPU is under its limit.")
    assert judged(control, rollout(SETTLING, FAILED)).state is State.FAIL
    assert judged(control, rollout(cpu, SETTLING)).state is State.UNKNOWN
    assert judged(control, rollout(cpu, line("not_applicable", "No page is known."))).state is State.UNKNOWN


@pytest.mark.parametrize("control", [*LINES, DEPLOYED, ALERTS])
@pytest.mark.parametrize(
    ("value", "why"),
    [
        (rollout(PASSED, runs=False, others_run=True), "another one runs"),
        (rollout(FAILED, end="rolled_back", ended_at=NOW - 60), "it was taken back"),
    ],
)
def test_a_record_of_another_revision_than_the_one_that_runs_says_nothing(
    control: str, value: RolloutRecord, why: str
) -> None:
    said = f"The newest record is of revision 0123456789ab: {why}."
    assert told(judged(control, value)) == ("unknown", "NoData", said)


def test_an_agent_that_is_scaled_to_zero_keeps_what_was_decided() -> None:
    assert judged(ERRORS, rollout(PASSED, runs=False)).state is State.PASS


@pytest.mark.parametrize(
    ("control", "value", "expected"),
    [
        (DEPLOYED, rollout(), ("pass", "", "All pods of revision 0123456789ab were Ready 2027-01-15T06:01:00Z.")),
        (DEPLOYED, rollout(ready_at=None, stuck="Pod a crashes."), ("fail", "Violated", "Pod a crashes.")),
        (
            DEPLOYED,
            rollout(ready_at=None, pods="1 of 3 pods are Ready"),
            ("unknown", "Settling", "Begun 2027-01-15T06:00:00Z; 1 of 3 pods are Ready."),
        ),
        (ALERTS, rollout(), ("pass", "", "No condition of its pods was true for as long as its alert waits.")),
        (
            ALERTS,
            rollout(alerts=(FiredAlert("MemoryHigh", "a", BEGAN), FiredAlert("CPUHigh", "b", BEGAN))),
            ("fail", "Violated", "MemoryHigh on a was true from 2027-01-15T06:00:00Z on, so its alert fired (1 more)."),
        ),
        (
            ALERTS,
            rollout(hour_is_over=False),
            ("unknown", "Settling", "The first hour is not over; no alert fired so far."),
        ),
        (
            ALERTS,
            rollout(hour_was_seen=False),
            ("unknown", "NoData", "The watcher did not see all of the first hour."),
        ),
    ],
)
def test_what_the_template_asks_beside_the_lines(
    control: str, value: RolloutRecord, expected: tuple[str, str, str]
) -> None:
    assert told(judged(control, value)) == expected


BACK = rollout(FAILED, end="rolled_back", ended_at=NOW - 600, runs=False, others_run=True)


@pytest.mark.parametrize("control", [EXECUTED, HEALTHY])
def test_a_rollback_is_asked_of_what_was_taken_back_alone(control: str) -> None:
    over = judged(control, rollout(PASSED, is_over=True))
    assert told(over) == ("not_applicable", "", "Does not apply: the newest rollout was not taken back.")
    assert judged(control, rollout(PASSED, end="superseded", ended_at=NOW)).state is State.NOT_APPLICABLE
    still = judged(control, rollout(FAILED))
    assert (still.state, still.reason) == (State.UNKNOWN, "Settling")


def test_a_rollback_is_executed_once_no_pod_is_left_and_healthy_within_a_quarter_of_an_hour() -> None:
    gone = ("pass", "", "No pod of revision 0123456789ab is left since 2027-01-15T07:50:00Z.")
    assert told(judged(EXECUTED, BACK)) == gone
    waits = judged(HEALTHY, BACK)
    assert (waits.state, waits.reason, waits.next_decided_at) == (State.UNKNOWN, "Settling", NOW + 300)
    late = judged(HEALTHY, BACK, now=NOW + 300)
    assert told(late)[0] == "fail"
    assert late.message == "15 min after the rollback the pods of the revision before are not all Ready."
    well = rollout(end="rolled_back", ended_at=NOW - 6000, others_run=True, runs=False, previous_healthy_at=NOW - 3600)
    assert told(judged(HEALTHY, well, late)) == (
        "pass",
        "",
        "All pods of the revision before were Ready 2027-01-15T07:00:00Z.",
    )
    nobody = rollout(end="rolled_back", ended_at=NOW - 6000, runs=False)
    assert told(judged(HEALTHY, nobody)) == ("unknown", "NoData", "No pod of the revision before runs.")


def test_what_was_decided_is_frozen_and_other_evidence_refutes_only_before_that() -> None:
    own = tuple(each for each in JUDGES.controls[BREAKERS] if SourceName.ROLLOUT in each.sources)
    speaks = RegisteredJudge(
        lambda *_: [Statement(SourceName.CONDITIONS, Says.BAD, "One is open.")], frozenset({SourceName.CONDITIONS})
    )
    judges = Judges({BREAKERS: (*own, speaks)}, {})
    for value, state in ((PASSED, State.PASS), (FAILED, State.FAIL), (SETTLING, State.FAIL), (TOO_FEW, State.FAIL)):
        finding = judge_control(CATALOGUE.by_id[BREAKERS], found(rollout(value), conditions=seen()), facts(), judges)
        assert finding.state is state
        assert (finding.message == "One is open.") == (value in (SETTLING, TOO_FEW))


def test_what_the_record_is_not_made_of_refutes_it_also_afterwards_and_hinders_a_pass_where_it_is_withheld() -> None:
    control = CATALOGUE.by_id["postdeploy.immediate.metrics-available"]
    own = tuple(each for each in JUDGES.controls[control.id] if SourceName.ROLLOUT in each.sources)
    speaks = RegisteredJudge(
        lambda *_: [Statement(SourceName.PROMETHEUS, Says.BAD, "It is down.")], frozenset({SourceName.PROMETHEUS})
    )
    judges = Judges({control.id: (*own, speaks)}, {})
    down = judge_control(control, found(rollout(PASSED), prometheus=seen()), facts(), judges)
    assert told(down) == ("fail", "Violated", "It is down.")
    withheld = missing(UnknownReason.FORBIDDEN)
    assert judge_control(control, found(rollout(PASSED), prometheus=withheld), facts(), judges).state is State.UNKNOWN
    assert judge_control(control, found(rollout(PASSED)), facts(), judges).state is State.PASS


def test_a_new_rollout_begins_anew_and_a_fail_of_the_one_before_is_none_of_it() -> None:
    failed = judged(ERRORS, rollout(FAILED))
    assert judged(ERRORS, rollout(SETTLING), failed).state is State.FAIL, "the same rollout"
    again = judged(ERRORS, rollout(SETTLING, began_at=NOW + 10), failed, now=NOW + 20)
    assert (again.state, again.reason, again.since) == (State.UNKNOWN, "Settling", NOW + 20)
    back = judged(ERRORS, rollout(FAILED, end="rolled_back", ended_at=NOW + 10), failed, now=NOW + 20)
    assert (back.state, back.reason) == (State.UNKNOWN, "NoData")


def test_what_failed_stays_so_while_rollouts_cannot_be_told_and_no_rollout_at_all_is_unknown() -> None:
    failed = judged(ERRORS, rollout(FAILED))
    lost = judged(ERRORS, missing(UnknownReason.SOURCE_MISSING), failed, now=NOW + 5)
    assert (lost.state, lost.evidence_lost_since) == (State.FAIL, NOW + 5)
    none = judged(ERRORS, missing(UnknownReason.NO_DATA), failed)
    assert (none.state, none.reason) == (State.UNKNOWN, "NoData")


def test_the_boxes_of_the_template_are_those_of_their_lines_and_of_records() -> None:
    approved = record("release.pre.change-approved")
    all_pass = judge_agent(CATALOGUE, found(rollout(PASSED, is_over=True)), facts(), JUDGES, frozenset(), [approved])
    boxes = {
        name: all_pass[f"release.{name}"].state.value for name in ("deploy.health-passing", "post.error-rate-normal")
    }
    assert boxes == {"deploy.health-passing": "pass", "post.error-rate-normal": "pass"}
    assert all_pass["release.pre.change-approved"].state is State.ATTESTED
    assert all_pass["release.rollback.decision-by"].state is State.NOT_APPLICABLE
    failed = judge_agent(CATALOGUE, found(rollout(FAILED)), facts(), JUDGES, frozenset(), previous=all_pass)
    assert failed["release.post.error-rate-normal"].state is State.FAIL
    other = found(rollout(SETTLING, began_at=NOW + 10))
    anew = judge_agent(CATALOGUE, other, facts(NOW + 20), JUDGES, frozenset(), previous=failed)
    box = anew["release.post.error-rate-normal"]
    assert (box.state, box.reason, box.since) == (State.UNKNOWN, "Settling", NOW + 20)


def test_pods_change_nothing_of_what_the_record_says() -> None:
    given = EvidenceSet(AGENT, found(rollout(PASSED)).sources, {"a": pod("a"), "b": pod("b", since=None)})
    assert judge_control(CATALOGUE.by_id[ERRORS], given, facts(), JUDGES).state is State.PASS


def test_records_of_a_rollback_are_bound_to_what_was_taken_back_and_those_of_a_release_to_what_it_brought() -> None:
    brought, before = f"sha256:{'b' * 64}", SHA
    taken_back = rollout(PASSED, image=brought, end="rolled_back", ended_at=NOW - 60)
    of_new = record(DECISION, image_digests=frozenset({brought}))
    of_old = record(DECISION, image_digests=frozenset({before}), id="records.yaml:2")
    facts_now = facts(NOW)

    def said(value: RolloutRecord, *records: Record, control: str = DECISION) -> tuple[str, str]:
        finding = judge_control(CATALOGUE.by_id[control], found(value), facts_now, JUDGES, records)
        return finding.state.value, finding.reason

    assert said(taken_back, of_new) == ("attested", "")
    assert said(taken_back, of_old) == ("expired", "DigestChanged"), "what runs again is not what was taken back"
    assert said(rollout(PASSED, image=brought, is_over=True), of_new) == ("not_applicable", "")
    assert said(replace(taken_back, image=""), of_new) == ("unknown", "NoData")
    approval = "release.pre.change-approved"
    released = record(approval, image_digests=frozenset({brought}))
    assert said(rollout(PASSED, image=brought), released, control=approval) == ("attested", "")
    assert said(rollout(PASSED, image=before), released, control=approval) == ("expired", "DigestChanged")


def test_another_rollout_lapses_what_was_said_of_the_one_before_with_the_reason() -> None:
    of_old = record(DECISION, image_digests=frozenset({SHA}))
    taken_back = rollout(PASSED, image=f"sha256:{'b' * 64}", end="rolled_back", ended_at=NOW - 60)
    finding = judge_control(CATALOGUE.by_id[DECISION], found(taken_back), facts(NOW), JUDGES, [of_old])
    assert finding.message == "The newest record is bound to another image than the newest rollout brought."
