"""The verdict on one control, step by step: states, reasons, assurance, votes of pods, records, what is remembered."""

from dataclasses import replace

import pytest

from probes.controls.catalogue.control import Assurance, FactKey, SourceName, UnknownReason
from probes.controls.catalogue.terms import AttestableWhen, Bind, FailReason, RecordKind
from probes.controls.evidence import Missing, RolloutRecord
from probes.controls.finding import State
from probes.controls.judging import Judges
from probes.controls.verdict.control import judge_control
from probes.controls.verdict.not_applicable import WHY, not_applicable
from tests.probes.controls.made import (
    CATALOGUE,
    DAY,
    NOW,
    OTHER_SHA,
    RUNNING,
    SHA,
    evidence,
    facts,
    judged,
    judges,
    missing,
    pod,
    record,
    seen,
)

TLS13 = "security.transport.tls13-enforced"  # tls_posture needed; handshake, agent_config can refute; two looks
CPU = "deployment.resources.cpu-limits"  # pod or template; declared may pass
AUDIT = "security.authz.audit-logging-enabled"  # OPA's config or logs; opt-in logs
STRICT = "security.transport.peer-verification-strict"  # refutable, bound to the config
REVIEW = "security.authz.opa-policies-reviewed"  # human, bound to the policy
UNIT = "testing.unit.pass"  # pipeline, bound to the image
ROTATED = "security.secrets.rotated"  # applies only where there are secrets
TRUST = "security.transport.certificate-validation"  # opt-in hostile_handshakes


def test_all_evidence_good_passes_with_the_weakest_assurance_that_proved_it() -> None:
    finding = judged(TLS13, evidence(tls_posture=seen(), handshake=seen(), agent_config=seen()))
    assert (finding.state, finding.reason, finding.assurance) == (State.PASS, "", Assurance.OBSERVED)
    assert finding.message == "tls_posture is good."
    assert [each.source for each in finding.evidence] == [SourceName.TLS_POSTURE]


def test_a_declared_pass_is_one_only_where_the_control_is_about_the_config() -> None:
    assert judged(CPU, evidence(kubernetes_object=seen())).assurance is Assurance.DECLARED
    finding = judged(TLS13, evidence(agent_config=seen()))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.DECLARED_ONLY)
    assert finding.message == "The config says so, and nothing observed it: agent_config is good."


def test_the_weaker_of_two_that_prove_it_counts() -> None:
    both = judged(CPU, evidence(kubernetes_pod=seen(), kubernetes_object=seen()))
    assert both.assurance is Assurance.DECLARED
    assert judged(CPU, evidence(kubernetes_pod=seen())).assurance is Assurance.REPORTED


def test_what_is_declared_proves_no_behaviour_and_so_does_not_weaken_what_was_seen() -> None:
    control = replace(CATALOGUE.by_id[CPU], declared_pass=False)
    found = evidence(kubernetes_pod=seen(), kubernetes_object=seen())
    assert judge_control(control, found, facts(), judges(control)).assurance is Assurance.REPORTED


def test_what_is_missing_and_needed_is_unknown_for_its_reason() -> None:
    finding = judged(TLS13, evidence(handshake=seen()))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.SOURCE_MISSING)
    assert judged(TLS13, evidence(tls_posture=missing(UnknownReason.NOT_ENABLED))).reason == UnknownReason.NOT_ENABLED


@pytest.mark.parametrize("reason", ["Forbidden", "Unreachable", "Stale", "Unparseable"])
def test_what_is_withheld_hinders_a_pass_even_where_it_could_be_absent(reason: str) -> None:
    withheld = missing(UnknownReason(reason))
    finding = judged(TLS13, evidence(tls_posture=seen(), handshake=withheld))
    assert (finding.state, finding.reason) == (State.UNKNOWN, reason)
    assert judged(TLS13, evidence(tls_posture=seen(), handshake=missing())).state is State.PASS


def test_the_first_reason_of_the_list_is_told() -> None:
    finding = judged(
        TLS13, evidence(tls_posture=missing(UnknownReason.UNREACHABLE), handshake=missing(UnknownReason.FORBIDDEN))
    )
    assert finding.reason == UnknownReason.FORBIDDEN


def test_of_evidence_that_was_not_given_what_is_known_of_the_rest_is_told_too() -> None:
    known = Missing(
        UnknownReason.SOURCE_MISSING, "Its config is not known: its ConfigMap c is not among what was given."
    )
    none = "There is no evidence from tls_posture here."
    assert judged(TLS13, evidence(agent_config=known)).message == f"{none} {known.message}"
    assert judged(TLS13, evidence()).message == none
    assert judged(TLS13, evidence(tls_posture=known)).message == known.message
    assert judged(TLS13, evidence(agent_config=missing(UnknownReason.FORBIDDEN))).message == none
    long = judged(TLS13, evidence(agent_config=Missing(UnknownReason.SOURCE_MISSING, "x" * 200))).message
    assert (len(long), long[-1]) == (200, "…")


def test_evidence_that_is_too_old_is_stale() -> None:
    old = judged(TLS13, evidence(tls_posture=seen(at=NOW - 3601)))
    assert (old.state, old.reason) == (State.UNKNOWN, UnknownReason.STALE)
    assert judged(TLS13, evidence(tls_posture=seen(at=NOW - 3600))).state is State.PASS
    silent = judged(TLS13, evidence(tls_posture=seen(), handshake=seen("silent", at=NOW - 901)))
    assert silent.reason == UnknownReason.STALE, "what might have spoken against it is too old"


def test_either_of_two_is_enough_and_one_must_be_there() -> None:
    assert judged(AUDIT, evidence(opa=seen())).state is State.PASS
    assert judged(AUDIT, evidence(opa=missing(), logs=seen())).state is State.PASS
    neither = judged(AUDIT, evidence(opa=missing(), logs=missing(UnknownReason.NOT_ENABLED)))
    assert (neither.state, neither.reason) == (State.UNKNOWN, UnknownReason.SOURCE_MISSING)
    assert judged(AUDIT, evidence(opa=seen(), logs=seen("silent"))).state is State.PASS
    assert judged(AUDIT, evidence(opa=seen(), logs=seen("NoData"))).reason == UnknownReason.NO_DATA


def test_config_and_objects_fail_at_once() -> None:
    finding = judged(TLS13, evidence(tls_posture=seen(), agent_config=seen("bad")))
    assert (finding.state, finding.reason, finding.message) == (State.FAIL, FailReason.VIOLATED, "agent_config is bad.")


def test_the_config_says_yes_and_the_wire_says_no() -> None:
    first = judged(TLS13, evidence(tls_posture=seen("bad"), agent_config=seen()))
    second = judged(
        TLS13, evidence(tls_posture=seen("bad", at=NOW + 60), agent_config=seen()), previous=first, now=NOW + 60
    )
    assert (second.state, second.reason) == (State.FAIL, FailReason.DECLARED_NOT_OBSERVED)


def test_what_is_probed_fails_at_the_second_bad_look_and_is_observing_between() -> None:
    good = judged(TLS13, evidence(tls_posture=seen()))
    once = judged(TLS13, evidence(tls_posture=seen("bad", at=NOW + 60, next_at=NOW + 120)), previous=good, now=NOW + 60)
    assert (once.state, once.reason, once.next_decided_at) == (State.UNKNOWN, UnknownReason.OBSERVING, NOW + 120)
    assert once.message == "One bad look, a second one decides: tls_posture is bad."
    same = judged(TLS13, evidence(tls_posture=seen("bad", at=NOW + 60)), previous=once, now=NOW + 90)
    assert same.reason == UnknownReason.OBSERVING, "the same look, judged again, is no second one"
    twice = judged(TLS13, evidence(tls_posture=seen("bad", at=NOW + 120)), previous=same, now=NOW + 120)
    assert (twice.state, twice.reason, twice.since) == (State.FAIL, FailReason.VIOLATED, NOW + 120)
    mended = judged(TLS13, evidence(tls_posture=seen(at=NOW + 180)), previous=twice, now=NOW + 180)
    assert mended.state is State.PASS, "one good look ends it"
    again = judged(TLS13, evidence(tls_posture=seen("bad", at=NOW + 240)), previous=mended, now=NOW + 240)
    assert again.state is State.UNKNOWN, "the count begins anew"


def test_a_source_that_vanishes_after_one_bad_look_leaves_the_suspicion() -> None:
    once = judged(TLS13, evidence(tls_posture=seen(), handshake=seen("bad")))
    gone = judged(TLS13, evidence(tls_posture=seen(at=NOW + 60)), previous=once, now=NOW + 60)
    assert (gone.state, gone.reason) == (State.UNKNOWN, UnknownReason.OBSERVING)
    assert gone.message == "One bad look, and since then none at handshake."
    back = judged(
        TLS13, evidence(tls_posture=seen(at=NOW + 90), handshake=seen(at=NOW + 90)), previous=gone, now=NOW + 90
    )
    assert back.state is State.PASS


def test_a_wrong_allow_counts_at_once_though_it_is_probed() -> None:
    finding = judged("predeploy.smoke.authorization-works", evidence(opa=seen("bad at once")))
    assert finding.state is State.FAIL


def test_a_fail_is_left_by_contrary_evidence_only() -> None:
    failed = judged(CPU, evidence(kubernetes_object=seen("bad")))
    for gone in (
        missing(UnknownReason.FORBIDDEN),
        missing(),
        seen("NoData"),
        seen("silent"),
        seen("bad", at=NOW - 1e6),
    ):
        finding = judged(CPU, evidence(kubernetes_object=gone, kubernetes_pod=seen()), previous=failed, now=NOW + 60)
        assert (finding.state, finding.evidence_lost_since, finding.since) == (State.FAIL, NOW + 60, NOW)
        assert finding.message == "kubernetes_object is bad."
    later = judged(CPU, evidence(), previous=finding, now=NOW + 99)
    assert later.evidence_lost_since == NOW + 60
    mended = judged(CPU, evidence(kubernetes_object=seen(at=NOW + 120)), previous=later, now=NOW + 120)
    assert (mended.state, mended.evidence_lost_since, mended.since) == (State.PASS, None, NOW + 120)


def test_evidence_that_can_only_refute_shows_the_contrary_by_showing_nothing_bad() -> None:
    failed = judged(TLS13, evidence(tls_posture=seen(), agent_config=seen("bad")))
    mended = judged(TLS13, evidence(tls_posture=seen(), agent_config=seen("silent")), previous=failed)
    assert mended.state is State.PASS


def test_a_judge_that_raises_costs_one_finding_and_its_words_are_not_told() -> None:
    finding = judged(TLS13, evidence(tls_posture=seen("raises")))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.EVALUATOR_ERROR)
    assert "ValueError in made.py:" in finding.message
    assert "secret" not in finding.message
    failed = judged(CPU, evidence(kubernetes_object=seen("bad")))
    assert judged(CPU, evidence(kubernetes_object=seen("raises")), previous=failed).state is State.FAIL


def test_a_judge_that_says_what_its_evidence_cannot_say_is_a_fault_of_ours() -> None:
    wrong = judged("observability.metrics.slo-defined", evidence(prometheus=seen("bad")))
    assert wrong.reason == UnknownReason.EVALUATOR_ERROR


def test_evidence_that_no_judge_speaks_of_is_never_a_pass() -> None:
    control = CATALOGUE.by_id[CPU]
    finding = judge_control(control, evidence(kubernetes_object=seen()), facts(), Judges({}, {}))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.SOURCE_MISSING)
    assert finding.message == "This version does not judge this evidence."


# Pods


def test_all_settled_pods_must_agree_and_the_bad_one_is_named() -> None:
    finding = judged(CPU, evidence(pod("a", kubernetes_pod=seen()), pod("b", kubernetes_pod=seen("bad"))))
    assert (finding.state, finding.message) == (State.FAIL, "b: kubernetes_pod is bad.")
    assert finding.pods == {"a": State.PASS, "b": State.FAIL}
    assert finding.all_pods == 2


def test_a_settled_pod_that_was_not_judged_makes_it_unknown() -> None:
    finding = judged(
        TLS13, evidence(pod("a", tls_posture=seen()), pod("b", tls_posture=missing(UnknownReason.UNREACHABLE)))
    )
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.UNREACHABLE)
    absent = judged(TLS13, evidence(pod("a", tls_posture=seen()), pod("b")))
    assert (absent.state, absent.reason) == (State.UNKNOWN, UnknownReason.SOURCE_MISSING)


def test_pods_of_an_older_revision_young_ones_and_those_that_terminate_have_no_vote() -> None:
    good = pod("new", kubernetes_pod=seen(), revision_at=2)
    old = pod("old", kubernetes_pod=seen("bad"), revision_at=1)
    young = pod("young", kubernetes_pod=seen("bad"), revision_at=2, since=NOW - 59)
    waiting = pod("waiting", kubernetes_pod=seen("bad"), revision_at=3, since=None)
    finding = judged(CPU, evidence(good, old, young, waiting))
    assert (finding.state, finding.pods, finding.all_pods) == (State.PASS, {"new": State.PASS}, 4)


def test_a_pod_that_was_not_watched_for_long_enough_leaves_it_to_one_that_was() -> None:
    finding = judged(TLS13, evidence(pod("a", tls_posture=seen()), pod("b", tls_posture=seen("Observing"))))
    assert finding.state is State.PASS
    alone = judged(TLS13, evidence(pod("b", tls_posture=seen("Observing"))))
    assert alone.reason == UnknownReason.OBSERVING


def test_without_a_settled_pod_a_pass_is_kept_until_its_evidence_is_too_old() -> None:
    passed = judged(TLS13, evidence(pod("a", tls_posture=seen())))
    starting = evidence(pod("b", since=NOW + 590, tls_posture=seen("good", at=NOW + 600)))
    assert judged(TLS13, starting, previous=passed, now=NOW + 600).state is State.PASS
    late = judged(TLS13, starting, previous=passed, now=NOW + 3601)
    assert late.state is State.PASS, "b is settled by then"
    nobody = evidence(pod("b", since=None, tls_posture=missing(UnknownReason.UNREACHABLE)))
    finding = judged(TLS13, nobody, previous=passed, now=NOW + 3601)
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.OBSERVING)


def test_a_pass_is_kept_while_the_same_pod_was_not_looked_at_again_after_a_restart() -> None:
    passed = judged(TLS13, evidence(pod("a", tls_posture=seen())))
    waiting = missing(UnknownReason.OBSERVING)
    kept = judged(TLS13, evidence(pod("a", tls_posture=waiting)), previous=passed, now=NOW + 600)
    assert (kept.state, kept.evidence) == (State.PASS, passed.evidence)
    for what, found, now in (
        ("another pod", evidence(pod("a", tls_posture=seen()), pod("b", tls_posture=waiting)), NOW + 600),
        ("too old", evidence(pod("a", tls_posture=waiting)), NOW + 3601),
        ("gone", evidence(pod("a", tls_posture=missing(UnknownReason.UNREACHABLE))), NOW + 600),
        ("not given", evidence(pod("a")), NOW + 600),
    ):
        assert judged(TLS13, found, previous=passed, now=now).state is State.UNKNOWN, what
    bad = evidence(pod("a", tls_posture=waiting), agent_config=seen("bad"))
    assert judged(TLS13, bad, previous=passed, now=NOW + 600).state is State.FAIL


def test_nothing_passes_because_there_is_no_pod() -> None:
    starting = judged(TLS13, evidence(pod("b", since=NOW - 10, tls_posture=seen())))
    assert (starting.state, starting.reason) == (State.UNKNOWN, UnknownReason.OBSERVING)
    assert starting.next_decided_at == NOW + 50
    template = evidence(pod("b", since=None, kubernetes_pod=seen("bad")), kubernetes_object=seen())
    assert judged(CPU, template).state is State.PASS, "what templates say is judged"


# Records


def test_a_control_for_people_needs_a_record_and_says_so() -> None:
    finding = judged(REVIEW, evidence(opa=seen("silent"), digests=RUNNING))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.ATTESTATION_MISSING)
    attested = judged(REVIEW, evidence(opa=seen("silent"), digests=RUNNING), record(REVIEW))
    assert (attested.state, attested.reason, attested.assurance) == (State.ATTESTED, "", None)
    assert attested.message == "A valid attestation record by ann@example.org says so."
    assert attested.record is not None
    assert attested.record.id == "records.yaml:1"


def test_evidence_against_it_beats_any_record() -> None:
    finding = judged(REVIEW, evidence(opa=seen("bad"), digests=RUNNING), record(REVIEW))
    assert (finding.state, finding.reason) == (State.FAIL, FailReason.REFUTED)
    strict = judged(STRICT, evidence(agent_config=seen("bad"), digests=RUNNING), record(STRICT))
    assert (strict.state, strict.reason) == (State.FAIL, FailReason.REFUTED)


def test_a_suspicion_takes_the_attestation_away_until_it_is_decided() -> None:
    suspected = evidence(tls_posture=seen("bad"), digests=RUNNING)
    finding = judged(STRICT, suspected, record(STRICT))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.OBSERVING)


def test_a_record_lapses_with_time_and_with_its_digest() -> None:
    ended = judged(REVIEW, evidence(digests=RUNNING), record(REVIEW), now=NOW + 29 * DAY)
    assert (ended.state, ended.reason) == (State.EXPIRED, "AttestationExpired")
    moved = judged(REVIEW, evidence(digests=RUNNING), record(REVIEW, policy_digest=OTHER_SHA))
    assert (moved.state, moved.reason) == (State.EXPIRED, "DigestChanged")


def test_a_digest_that_cannot_be_read_leaves_it_open() -> None:
    found = evidence(digests={Bind.POLICY_DIGEST: missing(UnknownReason.FORBIDDEN)})
    finding = judged(REVIEW, found, record(REVIEW))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.FORBIDDEN)
    assert judged(REVIEW, found).reason == UnknownReason.ATTESTATION_MISSING, "without a record nothing is bound"


def test_each_digest_that_runs_needs_its_record() -> None:
    both = {Bind.IMAGE_DIGEST: frozenset({OTHER_SHA, *RUNNING[Bind.IMAGE_DIGEST]})}
    good = {"tests": 5.0, "failures": 0.0, "errors": 0.0}
    one = record(UNIT, RecordKind.PIPELINE, counts=good)
    other = record(UNIT, RecordKind.PIPELINE, counts=good, image_digests=frozenset({OTHER_SHA}), id="records.yaml:2")
    assert judged(UNIT, evidence(digests=both), one).reason == "DigestChanged"
    assert judged(UNIT, evidence(digests=both), one, other).state is State.ATTESTED


def test_the_newest_result_wins_and_a_failed_one_is_cleared_by_a_later_run_only() -> None:
    good, bad = {"tests": 5.0, "failures": 0.0, "errors": 0.0}, {"tests": 5.0, "failures": 2.0, "errors": 0.0}
    first = record(UNIT, RecordKind.PIPELINE, counts=good)
    second = record(UNIT, RecordKind.PIPELINE, counts=bad, at=NOW - 60, id="records.yaml:2")
    third = record(UNIT, RecordKind.PIPELINE, counts=good, at=NOW - 30, id="records.yaml:3")
    found = evidence(digests=RUNNING)
    failed = judged(UNIT, found, first, second)
    assert (failed.state, failed.reason) == (State.FAIL, FailReason.VIOLATED)
    assert failed.message == "The newest result breaks the rule: failures = 0 (is 2)."
    gone = replace(second, gone=UnknownReason.RECORD_REMOVED)
    taken = judged(UNIT, found, first, gone, previous=failed, now=NOW + 60)
    assert (taken.state, taken.evidence_lost_since) == (State.FAIL, NOW + 60)
    attestation = record(UNIT, at=NOW - 10, id="records.yaml:4")
    assert judged(UNIT, found, first, gone, attestation, previous=taken).state is State.FAIL
    assert judged(UNIT, found, first, gone, now=NOW + 400 * DAY).state is State.FAIL, "that it ends clears nothing"
    assert judged(UNIT, found, first, gone, third, previous=taken).state is State.ATTESTED


def test_a_failed_result_is_not_cleared_by_one_of_the_same_moment_nor_by_one_that_says_nothing() -> None:
    good, bad = {"tests": 5.0, "failures": 0.0, "errors": 0.0}, {"tests": 5.0, "failures": 2.0, "errors": 0.0}
    found = evidence(digests=RUNNING)
    mended = record(UNIT, RecordKind.PIPELINE, counts=good)
    failed = record(UNIT, RecordKind.PIPELINE, counts=bad, gone=UnknownReason.RECORD_REMOVED)
    assert judged(UNIT, found, failed, mended).state is judged(UNIT, found, mended, failed).state is State.FAIL
    slow, few = {"requests": 5000.0, "p95_seconds": 9.0}, {"requests": 9.0, "p95_seconds": 0.1}
    slow_run = record("loadtest.p95", RecordKind.PIPELINE, counts=slow)
    short_run = record("loadtest.p95", RecordKind.PIPELINE, counts=few, at=NOW - 60)
    assert judged("loadtest.p95", found, slow_run, short_run).state is State.FAIL


def test_a_failed_result_of_a_digest_is_not_left_behind_by_another_version_on_its_label() -> None:
    good, bad = {"tests": 5.0, "failures": 0.0, "errors": 0.0}, {"tests": 5.0, "failures": 2.0, "errors": 0.0}
    passed = record(UNIT, RecordKind.PIPELINE, counts=good)
    failed = record(UNIT, RecordKind.PIPELINE, counts=bad, at=NOW - 60, version="2.0")
    for version in ("2.0", "2.1", ""):
        assert judged(UNIT, replace(evidence(digests=RUNNING), version=version), passed, failed).state is State.FAIL
    again = record(UNIT, RecordKind.PIPELINE, counts=good, at=NOW - 30, version="2.0")
    assert (
        judged(UNIT, replace(evidence(digests=RUNNING), version="2.1"), passed, failed, again).state is State.ATTESTED
    )


def test_of_two_records_of_one_moment_the_one_that_ends_first_counts_in_any_order() -> None:
    short, long = record(REVIEW, expires_at=NOW + DAY), record(REVIEW, expires_at=NOW + 20 * DAY, id="elsewhere.yaml:1")
    for both in ((short, long), (long, short)):
        assert judged(REVIEW, evidence(digests=RUNNING), *both).state is State.ATTESTED
        ended = judged(REVIEW, evidence(digests=RUNNING), *both, now=NOW + 2 * DAY)
        assert (ended.state, ended.reason) == (State.EXPIRED, "AttestationExpired")


def test_a_record_that_was_taken_away_is_not_replaced_by_an_older_one() -> None:
    older = record(REVIEW, at=NOW - 3 * DAY, id="records.yaml:0")
    gone = record(REVIEW, gone=UnknownReason.RECORD_REMOVED)
    taken = judged(REVIEW, evidence(digests=RUNNING), older, gone)
    assert (taken.state, taken.reason) == (State.UNKNOWN, UnknownReason.RECORD_REMOVED)
    assert judged(REVIEW, evidence(digests=RUNNING), older, gone, record(REVIEW)).state is State.ATTESTED
    other_policy = {Bind.POLICY_DIGEST: frozenset({OTHER_SHA})}
    assert judged(REVIEW, evidence(digests=other_policy), gone).reason == UnknownReason.ATTESTATION_MISSING
    assert judged(REVIEW, evidence(digests=other_policy), gone, older).reason == "DigestChanged"


def test_a_record_whose_source_is_silent_says_neither_yes_nor_no() -> None:
    unread = record(REVIEW, gone=UnknownReason.FORBIDDEN)
    finding = judged(REVIEW, evidence(digests=RUNNING), unread)
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.FORBIDDEN)
    assert finding.message == "There was a record; where it stood cannot be read now."
    waiver = record(CPU, RecordKind.WAIVER, gone=UnknownReason.FORBIDDEN)
    assert judged(CPU, evidence(kubernetes_object=seen("bad")), waiver).state is State.FAIL


def test_a_record_holds_for_the_versions_that_it_names() -> None:
    bound = record(REVIEW, version="2.*")
    found = evidence(digests=RUNNING)
    assert judged(REVIEW, replace(found, version="2.1.0"), bound).state is State.ATTESTED
    moved = judged(REVIEW, replace(found, version="3.0.0"), bound)
    assert (moved.state, moved.reason) == (State.EXPIRED, "DigestChanged")
    assert (judged(REVIEW, found, bound).state, judged(REVIEW, found, bound).reason) == (
        State.UNKNOWN,
        UnknownReason.SOURCE_MISSING,
    )


def test_a_result_of_too_few_requests_says_nothing() -> None:
    few = record("loadtest.p95", RecordKind.PIPELINE, counts={"requests": 999.0, "p95_seconds": 9.0})
    finding = judged("loadtest.p95", evidence(), few)
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.NO_DATA)
    assert finding.message == "The newest result says too little: expected requests >= 1000."


def test_an_attestation_of_an_automatic_control_counts_only_while_it_cannot_be_decided() -> None:
    off = evidence(tls_posture=missing(UnknownReason.NOT_ENABLED))
    assert judged(TRUST, off, record(TRUST)).state is State.ATTESTED
    assert judged(TRUST, off).reason == UnknownReason.NOT_ENABLED
    assert judged(TRUST, off, record(TRUST), now=NOW + 30 * DAY).state is State.EXPIRED
    unreachable = evidence(tls_posture=missing(UnknownReason.UNREACHABLE))
    assert judged(TRUST, unreachable, record(TRUST)).reason == UnknownReason.UNREACHABLE
    assert judged(TRUST, evidence(tls_posture=seen()), record(TRUST)).state is State.PASS
    assert judged(TRUST, evidence(tls_posture=seen("bad at once")), record(TRUST)).state is State.FAIL


def test_an_opa_on_loopback_may_be_attested() -> None:
    control = "security.authz.default-deny"
    hidden = missing(attestable=AttestableWhen.OPA_ON_LOOPBACK)
    assert judged(control, evidence(opa=hidden), record(control)).state is State.ATTESTED
    assert judged(control, evidence(opa=missing()), record(control)).reason == UnknownReason.SOURCE_MISSING


def test_what_shows_nothing_for_a_week_may_be_attested() -> None:
    control = "reliability.circuit-breaker.metrics-exposed"
    quiet = evidence(agent_metrics=seen("NoData"))
    first = judged(control, quiet, record(control, expires_at=NOW + 90 * DAY))
    assert first.reason == UnknownReason.NO_DATA
    week = evidence(agent_metrics=seen("NoData", at=NOW + 7 * DAY))
    later = judged(control, week, record(control, expires_at=NOW + 90 * DAY), previous=first, now=NOW + 7 * DAY)
    assert later.state is State.ATTESTED
    day = evidence(agent_metrics=seen("NoData", at=NOW + 8 * DAY))
    still = judged(control, day, record(control, expires_at=NOW + 90 * DAY), previous=later, now=NOW + 8 * DAY)
    assert still.state is State.ATTESTED, "that it was attested does not begin the week anew"


def test_what_the_sdk_does_not_read_may_be_attested_where_the_control_says_so() -> None:
    control = "reliability.retry.jitter"
    dropped = evidence(agent_config=seen("KeyNotEffective"))
    assert judged(control, dropped).reason == UnknownReason.KEY_NOT_EFFECTIVE
    assert judged(control, dropped, record(control)).state is State.ATTESTED


def test_a_waiver_hides_nothing_and_touches_no_pass() -> None:
    waiver = record(CPU, RecordKind.WAIVER)
    finding = judged(CPU, evidence(kubernetes_object=seen("bad")), waiver)
    assert (finding.state, finding.underlying, finding.reason) == (State.WAIVED, State.FAIL, FailReason.VIOLATED)
    assert judged(CPU, evidence(kubernetes_object=seen()), waiver).state is State.PASS
    over = judged(CPU, evidence(kubernetes_object=seen("bad")), waiver, previous=finding, now=NOW + 30 * DAY)
    assert over.state is State.FAIL
    not_waivable = "security.transport.mtls-required"
    assert judged(not_waivable, evidence(), record(not_waivable, RecordKind.WAIVER)).state is State.UNKNOWN


def test_a_record_of_another_environment_does_not_count() -> None:
    elsewhere = record(REVIEW, environment="staging")
    assert judged(REVIEW, evidence(digests=RUNNING), elsewhere).reason == UnknownReason.ATTESTATION_MISSING
    waiver = record(CPU, RecordKind.WAIVER, environment="staging")
    assert judged(CPU, evidence(kubernetes_object=seen("bad")), waiver).state is State.FAIL


def test_a_waiver_of_an_agent_with_a_longer_name_does_not_apply() -> None:
    waiver = record(CPU, RecordKind.WAIVER, agents=("search-2",))
    assert judged(CPU, evidence(kubernetes_object=seen("bad")), waiver).state is State.FAIL


# Applicability, rollouts


def _needs_secrets(answer: bool | Missing) -> Judges:
    made = judges(CATALOGUE.by_id[ROTATED])
    return Judges(made.controls, {FactKey.NEEDS_SECRETS: lambda _, __: answer})


def test_a_control_does_not_apply_only_by_a_proven_fact() -> None:
    control = CATALOGUE.by_id[ROTATED]
    finding = judge_control(control, evidence(), facts(), _needs_secrets(False))
    assert (finding.state, finding.reason) == (State.NOT_APPLICABLE, "")
    forbidden = judge_control(control, evidence(), facts(), _needs_secrets(missing(UnknownReason.FORBIDDEN)))
    assert forbidden.state is State.UNKNOWN
    mounted = CATALOGUE.by_id["deployment.secrets.mounted-securely"]
    unsure = Judges(judges(mounted).controls, {FactKey.NEEDS_SECRETS: lambda _, __: missing(UnknownReason.FORBIDDEN)})
    finding = judge_control(mounted, evidence(kubernetes_object=seen()), facts(), unsure)
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.FORBIDDEN)


def test_a_line_of_a_rollout_waits_for_one() -> None:
    control = "release.pre.security-review"
    finding = judged(control, evidence(rollout=missing(UnknownReason.NO_DATA), digests=RUNNING), record(control))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.NO_DATA)
    brought = seen(RolloutRecord(revision="0123456789ab", image=SHA, began_at=NOW - 60))
    assert judged(control, evidence(rollout=brought, digests=RUNNING), record(control)).state is State.ATTESTED


@pytest.mark.parametrize("key", FactKey)
def test_of_what_does_not_apply_it_is_said_why_and_not_what_would_make_it_apply(key: FactKey) -> None:
    (control, *_) = [each for each in CATALOGUE.controls if each.applies_when and each.applies_when.key is key]
    assert control.applies_when is not None
    found = not_applicable(control, NOW)
    assert (found.state, found.message) == (State.NOT_APPLICABLE, f"Does not apply: {WHY[key]}")
    assert control.applies_when.words not in found.message
