"""Which policies are about the pods of an agent, of which some differ in labels, and which workloads they have."""

from collections.abc import Mapping, Sequence

import pytest

from probes.controls.evidence import AgentRef, Listing, Missing, Seen
from tests.checklist.live.kubernetes.test_collection import policy
from tests.checklist.live.kubernetes.test_sources_up import followed
from tests.discovery.pods.test_target import pod
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader
from watcher.checklist.live.kubernetes.objects.surroundings import (
    MOST_LABELS,
    MOST_WORKLOADS,
    Subject,
    objects_of,
    subject_of,
)
from watcher.discovery.pod.kept.pod import keep_pod
from watcher.discovery.pod.pod import read_pod
from watcher.discovery.pods.scope import SeenPod
from watcher.kube.access import Access

POD_NAME = "statefulset.kubernetes.io/pod-name"


def policies(
    selectors: Sequence[object], labels: Sequence[Mapping[str, str]], **meta: object
) -> Seen[Listing] | Missing:
    """The NetworkPolicies about pods with these labels; `meta`: what else their metadata has."""
    made = followed([""])
    [collection] = made.every(["NetworkPolicy"])
    for number, selector in enumerate(selectors):
        collection.put(policy(f"p{number}", selector))
    reader = ConfigMapReader(Access(None), 300.0, lambda: 0.0, float, lambda _: None)
    pods = [_seen(number, own, meta) for number, own in enumerate(labels)]
    subject = subject_of(AgentRef("prod", "search"), pods, None, made, 0.0)
    return objects_of(subject, made, reader, ()).listings["NetworkPolicy"]


def _seen(number: int, labels: Mapping[str, str], meta: Mapping[str, object]) -> SeenPod:
    raw = pod()
    raw["metadata"] |= {"uid": str(number), "name": f"search-{number}", "namespace": "prod", "labels": labels, **meta}
    return SeenPod(read_pod(raw), kept=keep_pod(raw))


def numbered(count: int) -> list[dict[str, str]]:
    """As those of the pods of a StatefulSet."""
    return [{"app": "search", POD_NAME: f"search-{number}"} for number in range(count)]


def test_a_pod_beyond_any_number_that_no_policy_selects_is_seen() -> None:
    labels = [*numbered(MOST_LABELS + 20), {"app": "other", POD_NAME: "search-99"}]
    found = policies([{"matchLabels": {"app": "search"}}], labels)
    assert isinstance(found, Seen)
    assert found.value.objects == ()


def test_labels_that_no_policy_names_tell_no_pods_apart() -> None:
    found = policies([{"matchLabels": {"app": "search"}}], numbered(200))
    assert isinstance(found, Seen)
    assert [each.name for each in found.value.objects] == ["p0"]


@pytest.mark.parametrize(("count", "reason"), [(MOST_LABELS, ""), (MOST_LABELS + 1, "Unparseable")])
def test_more_sets_of_labels_than_are_asked_for_are_unknown(count: int, reason: str) -> None:
    found = policies([{"matchExpressions": [{"key": POD_NAME, "operator": "Exists"}]}], numbered(count))
    assert (str(found.reason) if isinstance(found, Missing) else "") == reason


def test_policies_of_pods_that_all_end_are_still_theirs() -> None:
    found = policies([{}], numbered(2), deletionTimestamp="2026-11-18T09:00:00Z")
    assert isinstance(found, Seen)
    assert [each.name for each in found.value.objects] == ["p0"]


def _subject(*owners: str) -> Subject:
    """Of pods of these Deployments, the newest last."""
    made, pods = followed([""]), list[SeenPod]()
    for number, owner in enumerate(owners):
        labels = {"pod-template-hash": "6d5b9c7f8b"}
        meta = {
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{owner}-6d5b9c7f8b", "uid": "1", "controller": True}],
            "creationTimestamp": f"2026-11-18T08:00:{number:02}Z",
        }
        pods.append(_seen(number, labels, meta))
    return subject_of(AgentRef("prod", "search"), pods, None, made, 0.0)


def test_the_other_workloads_of_an_agent_are_told_by_their_newest_pods() -> None:
    subject = _subject("search-primary", "search-primary", "search", "search")
    assert isinstance(subject.template, Seen)
    assert subject.template.ref == "pod/prod/search-3"
    [other] = subject.others
    assert isinstance(other.template, Seen)
    assert other.template.ref == "pod/prod/search-1"
    assert _subject("search", "search").others == ()


def test_more_workloads_of_one_agent_than_are_judged_are_said() -> None:
    many = [f"search{chr(97 + number)}" for number in range(MOST_WORKLOADS + 2)]
    assert all(isinstance(each.template, Seen) for each in _subject(*many[1:]).others)
    last = _subject(*many).others[-1].template
    assert isinstance(last, Missing)
    assert last.message == "Its pods are of more than 6 workloads."
