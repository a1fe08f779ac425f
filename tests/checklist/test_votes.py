"""Whose template decides what an agent is: pods that end, have ended or are of an older revision have no vote."""

import pytest

from tests.checklist.test_manifests import PATH, fleet_of
from watcher.checklist.manifests.gathering import Fleet

NOW = "2026-11-30T12:00:00Z"
LONG_AGO = "1969-01-01T00:00:00Z"
SPEC = f"spec: {{containers: [{{name: agent, env: [{PATH}]}}]}}"
READY = f"phase: Running, conditions: [{{type: Ready, status: 'True', lastTransitionTime: '{LONG_AGO}'}}]"
STARTING = "phase: Running, conditions: [{type: Ready, status: 'False'}]"
NOT_JUDGED = "not judged, for what ends, has ended, is not settled or is of an older revision has no vote: "


def _made(
    kind: str, name: str, spec: str, meta: str = "", owner: str = "", status: str = "", api: str = "apps/v1"
) -> str:
    owned = f", ownerReferences: [{{controller: true, {owner}}}]" if owner else ""
    meta = f"name: {name}, namespace: prod{owned}{', ' if meta else ''}{meta}"
    seen = f", status: {{{status}}}" if status else ""
    return f"{{apiVersion: {api}, kind: {kind}, metadata: {{{meta}}}, {spec}{seen}}}"


def deployment(meta: str = "uid: d") -> str:
    """A Deployment called search."""
    return _made("Deployment", "search", f"spec: {{template: {{{SPEC}}}}}", meta)


def replica_set(revision: int, replicas: int = 1) -> str:
    """One of the Deployment; its uid is its name."""
    meta = f"uid: search-{revision}, annotations: {{deployment.kubernetes.io/revision: '{revision}'}}"
    spec = f"spec: {{replicas: {replicas}, template: {{{SPEC}}}}}"
    return _made("ReplicaSet", f"search-{revision}", spec, meta, "kind: Deployment, name: search, uid: d")


def pod(name: str, revision: int = 1, status: str = READY, meta: str = "", made: str = LONG_AGO) -> str:
    """One of a ReplicaSet."""
    own = f"creationTimestamp: '{made}', labels: {{pod-template-hash: '{revision}'}}{', ' if meta else ''}{meta}"
    owner = f"kind: ReplicaSet, name: search-{revision}, uid: search-{revision}"
    return _made("Pod", name, SPEC, own, owner, status, "v1")


def job(name: str, status: str = "", made: str = LONG_AGO) -> str:
    """A run of the CronJob nightly."""
    spec, own = f"spec: {{template: {{{SPEC}}}}}", f"creationTimestamp: '{made}'"
    return _made("Job", name, spec, own, "kind: CronJob, name: nightly, uid: c", status, "batch/v1")


def judged(fleet: Fleet) -> list[str]:
    """The names of the objects that are judged."""
    return sorted(each.workload.name for several in fleet.agents.values() for each in several)


ENDS = f"deletionTimestamp: '{NOW}'"
DONE = "conditions: [{type: Complete, status: 'True'}]"
LATER = "1969-01-01T00:00:01Z"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([pod("a"), pod("b", meta=ENDS)], ["a"]),
        ([pod("a"), pod("b", status="phase: Failed")], ["a"]),
        ([pod("a"), pod("b", status="phase: Succeeded")], ["a"]),
        ([pod("a", meta=ENDS)], []),
        ([pod("a"), pod("b")], ["a", "b"]),
        ([pod("a"), pod("b", 2, made=LATER)], ["b"]),
        ([pod("a"), pod("b", 2, STARTING, made=LATER)], ["a"]),
        ([pod("a", status=STARTING), pod("b", 2, STARTING, made=LATER)], ["b"]),
        ([deployment(), pod("a")], ["search"]),
        ([deployment(""), replica_set(2), pod("a", 2)], ["search"]),
        ([deployment("uid: other"), replica_set(2)], ["search", "search-2"]),
        ([replica_set(1), replica_set(2), pod("a"), pod("b", 2)], ["search-2"]),
        ([replica_set(3), replica_set(2)], ["search-3"]),
        ([deployment(f"uid: x, {ENDS}"), pod("a", 2)], []),
        ([job("nightly-29410100"), job("nightly-29410101", made=LATER)], ["nightly-29410101"]),
        ([job("nightly-29410100"), job("nightly-29410101", DONE, LATER)], ["nightly-29410100"]),
        ([job("nightly-29410100", DONE)], ["nightly-29410100"]),
    ],
)  # fmt: skip
def test_only_what_is_settled_and_newest_decides(given: list[str], expected: list[str]) -> None:
    assert judged(fleet_of(*given)) == expected


def test_a_bare_pod_that_was_never_made_decides() -> None:
    assert judged(fleet_of(_made("Pod", "a", SPEC, api="v1"))) == ["a"]


def test_who_has_no_vote_is_told_and_who_is_made_by_what_is_given_is_not() -> None:
    fleet = fleet_of(deployment(), pod("a", meta=ENDS))
    assert fleet.notes == []
    alone = fleet_of(*(pod(name, meta=ENDS) for name in "abcde"))
    named = ", ".join(f"Pod prod/{name} (standard input:{line})" for name, line in (("a", 1), ("b", 3), ("c", 5)))
    assert alone.notes == [f"{NOT_JUDGED}{named} and 2 more"]


@pytest.mark.parametrize("status", ["phase: 1, conditions: 3", "conditions: [1, {type: Ready, status: 'True'}]"])
def test_a_status_that_is_none_takes_no_vote_away(status: str) -> None:
    assert judged(fleet_of(pod("a", status=status))) == ["a"]


def test_pods_of_one_workload_are_not_said_to_be_several_workloads() -> None:
    assert fleet_of(pod("a"), pod("b")).notes == []
