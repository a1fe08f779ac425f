"""Agents of many pods and of several workloads: who has a vote, whose silence ends no fail, and work in short steps."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import count

import pytest

from probes.controls.catalogue.control import Control, FactKey, SourceName, UnknownReason
from probes.controls.checklist import judge_in_steps
from probes.controls.evidence import EvidenceSet, Missing, Pod
from probes.controls.evidence.revisions import newest_revisions
from probes.controls.finding import Finding, State
from probes.controls.judging import Facts, Judge, Judges, Statement
from probes.controls.steps import STEP
from probes.controls.verdict.control import judge_control
from probes.controls.verdict.voting import voters
from tests.probes.controls.made import CATALOGUE, NOW, evidence, facts, judged, judges, missing, pod, seen, speaking
from tests.probes.controls.test_verdict import CPU, ROTATED, TLS13

MANY = 2_000


def _of(workload: str, made: Pod) -> Pod:
    return replace(made, workload=workload)


def test_each_workload_of_an_agent_has_votes_by_its_own_newest_revision() -> None:
    primary = _of("ReplicaSet search-primary", pod("primary", revision_at=1.0, kubernetes_pod=seen("bad")))
    old = _of("ReplicaSet search", pod("old", revision_at=2.0, kubernetes_pod=seen("bad")))
    canary = _of("ReplicaSet search", pod("canary", revision_at=3.0, kubernetes_pod=seen()))
    assert voters({each.name: each for each in (primary, old, canary)}, NOW) == {"primary", "canary"}
    finding = judged(CPU, evidence(primary, old, canary))
    assert (finding.state, dict(finding.pods)) == (State.FAIL, {"primary": State.FAIL, "canary": State.PASS})


def _failed(*others: Pod) -> Finding:
    """Its pod b was seen to be bad twice."""
    b = pod("b", tls_posture=seen("bad at once"))
    finding = judged(TLS13, evidence(*others, b))
    assert (finding.state, dict(finding.pods)["b"]) == (State.FAIL, State.FAIL)
    return finding


@pytest.mark.parametrize("since", [None, NOW - 30])
def test_a_pod_that_failed_and_is_not_ready_any_more_is_not_cleared_by_what_others_show(since: float | None) -> None:
    good = pod("a", tls_posture=seen())
    before = _failed(good)
    finding = judged(TLS13, evidence(good, pod("b", since=since, tls_posture=seen())), previous=before)
    assert (finding.state, finding.message, finding.evidence_lost_since) == (State.FAIL, before.message, NOW)
    again = judged(TLS13, evidence(good, pod("b", tls_posture=seen())), previous=finding)
    assert again.state is State.PASS


def test_a_pod_that_failed_and_is_gone_or_ends_or_was_replaced_is_cleared_by_the_others() -> None:
    good = pod("a", tls_posture=seen())
    before = _failed(good)
    ends = replace(pod("b", since=None, tls_posture=missing()), terminating=True)
    newer = pod("a", revision_at=2.0, tls_posture=seen())
    old = pod("b", since=None, tls_posture=missing())
    for found in (evidence(good), evidence(good, ends), evidence(newer, old)):
        assert judged(TLS13, found, previous=before).state is State.PASS


@pytest.mark.parametrize(("age", "state"), [(900.0, State.NOT_APPLICABLE), (901.0, State.UNKNOWN)])
def test_what_is_too_old_to_pass_proves_no_fact_either(age: float, state: State) -> None:
    control = CATALOGUE.by_id[ROTATED]

    def needs(given: EvidenceSet, _: Facts) -> bool | Missing:
        found = given.sources[SourceName.KUBERNETES_OBJECT]
        return found if isinstance(found, Missing) else False

    with_fact = replace(judges(control), facts={FactKey.NEEDS_SECRETS: needs})
    finding = judge_control(control, evidence(kubernetes_object=seen(at=NOW - age)), facts(), with_fact)
    assert finding.state is state


class _Name(str):
    """A pod's name that counts how often it is compared."""

    compared = count()
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        next(self.compared)
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def _fleet(number: int, value: str = "good") -> EvidenceSet:
    names = (_Name(f"pod-{each}") for each in range(number))
    return evidence(*(pod(each, kubernetes_pod=seen(value)) for each in names))


def test_a_verdict_on_many_pods_compares_no_pod_with_each_other() -> None:
    found, before = _fleet(STEP), next(_Name.compared)
    assert judged(CPU, found).state is State.PASS
    assert next(_Name.compared) - before < 10 * STEP


def test_of_many_pods_a_few_are_judged_in_one_step() -> None:
    asked = count()
    most = 0

    def counting(control: Control) -> Judge:
        def judge(of: Control, found: EvidenceSet, given: Facts) -> Iterable[Statement]:
            for each in speaking(control)(of, found, given):
                next(asked)
                yield each

        return judge

    control = CATALOGUE.by_id[CPU]
    catalogue = replace(CATALOGUE, controls=(control,))
    every: Judges = judges(control, judge=counting)
    steps = judge_in_steps(catalogue, _fleet(MANY), facts(), every, frozenset())
    before = next(asked)
    for _ in steps:
        most, before = max(most, (now := next(asked)) - before), now
    assert next(asked) > MANY
    assert most <= 201


def test_what_a_judge_says_before_it_raises_is_not_told() -> None:
    def raising(control: Control) -> Judge:
        def judge(of: Control, found: EvidenceSet, given: Facts) -> Iterable[Statement]:
            yield from speaking(control)(of, found, given)
            raise ValueError("sk-secret")

        return judge

    control = CATALOGUE.by_id[CPU]
    finding = judge_control(control, _fleet(STEP + 1, "bad"), facts(), judges(control, judge=raising))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.EVALUATOR_ERROR)


def test_the_newest_revision_is_told_without_pods_that_end_or_are_not_ready() -> None:
    ends = replace(pod("a", revision_at=5.0), terminating=True)
    assert newest_revisions({"a": ends, "b": pod("b", since=None, revision_at=4.0), "c": pod("c")}) == {"": 1.0}


EITHER = "deployment.resources.memory-limits"  # pod or template


def test_of_two_sources_that_are_enough_each_pod_needs_one() -> None:
    a, b = pod("a", kubernetes_pod=seen()), pod("b", kubernetes_pod=missing())
    finding = judged(EITHER, evidence(a, b))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.SOURCE_MISSING)
    assert judged(EITHER, evidence(a, b, kubernetes_object=missing())).state is State.UNKNOWN
    assert judged(EITHER, evidence(a, b, kubernetes_object=seen())).state is State.PASS  # of the agent as a whole
    silent = pod("b", kubernetes_pod=seen("silent"))
    finding = judged(EITHER, evidence(a, silent, kubernetes_object=missing()))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.OBSERVING)
    assert judged(EITHER, evidence(a, kubernetes_object=missing())).state is State.PASS
    assert judged(EITHER, evidence(b, kubernetes_object=missing())).reason == UnknownReason.SOURCE_MISSING


def test_a_config_without_effect_is_none_of_two_sources_of_which_each_pod_needs_one() -> None:
    level = "observability.logging.level-appropriate"  # config or logs
    config = seen(UnknownReason.KEY_NOT_EFFECTIVE)
    a, b = pod("a", logs=seen()), pod("b", logs=missing())
    assert judged(level, evidence(a, agent_config=config)).state is State.PASS
    assert judged(level, evidence(a, b, agent_config=seen())).state is State.PASS
    finding = judged(level, evidence(a, b, agent_config=config))
    assert (finding.state, finding.reason) == (State.UNKNOWN, UnknownReason.SOURCE_MISSING)
