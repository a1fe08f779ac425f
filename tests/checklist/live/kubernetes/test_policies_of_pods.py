"""Which policies are about the pods of an agent, of which some differ in their labels."""

from collections.abc import Mapping, Sequence

import pytest

from probes.controls.evidence import AgentRef, Listing, Missing, Seen
from tests.checklist.live.kubernetes.test_collection import policy
from tests.checklist.live.kubernetes.test_sources_up import followed
from tests.discovery.pods.test_target import pod
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader
from watcher.checklist.live.kubernetes.objects.surroundings import MOST_LABELS, objects_of, subject_of
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
