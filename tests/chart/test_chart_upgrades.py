"""An upgrade from any values to any others: what nobody can change stays, or the chart says so with the way."""

from collections.abc import Iterator, Mapping
from itertools import pairwise, permutations
from typing import Any

import pytest

from tests.chart.render import CHART, Document, Documents, Values, helm, rendered
from tests.servers.kube import Kubernetes, run_kubernetes

NAME = "w-agentweave-watcher"
CLAIMED: Mapping[str, Any] = {"state": {"persistence": {"enabled": True}}}
UNCLAIMED: Mapping[str, Any] = {"state": {"persistence": {"enabled": False}}}
SETS: Mapping[str, Values] = {
    "default": {},
    "standby": {"replicas": 2, "podDisruptionBudget": {"enabled": True}},
    "history": CLAIMED,
    "history of two": {"replicas": 2, **CLAIMED},
    "shards": {"shards": 3},
    "more shards": {"shards": 5, "commonLabels": {"team": "ai"}},
    "shards without volumes": {"shards": 3, **UNCLAIMED},
    "namespaces": {"rbac": {"scope": "namespaces", "namespaces": ["prod"]}},
    "closed": {
        "networkPolicy": {"enabled": True},
        "server": {"tls": {"secretName": "a"}, "bearerToken": {"secretName": "b"}},
    },
    "its own config": {"existingConfigMap": "mine", "serviceAccount": {"create": False}},
    "static": {"discovery": {"kubernetes": {"enabled": False}}, "service": {"type": "NodePort", "port": 8080}},
    "elsewhere": {"openshift": True, "spire": {"mode": "csi"}, "podLabels": {"a": "b"}, "revisionHistoryLimit": 2},
    "other names": {"nameOverride": "eyes"},
}
FIXED = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
    "Service": ("clusterIP",),
}
"""Of the spec: what the API server lets nobody change, but for what it fills in."""


def fixed(document: Document) -> dict[str, Any]:
    """What of an object stays as it was made."""
    if document["kind"].endswith("RoleBinding"):
        return {"roleRef": document["roleRef"]}
    return {key: document["spec"].get(key) for key in FIXED.get(document["kind"], ())}


def conflicts(before: Documents, after: Documents) -> Iterator[str]:
    for name in before.keys() & after.keys():
        had, wanted = fixed(before[name]), fixed(after[name])
        yield from (f"{name} {key}" for key in had if had[key] != wanted[key])


def claims(documents: Documents) -> Any:
    return documents.get(f"StatefulSet/{NAME}", {}).get("spec", {}).get("volumeClaimTemplates")


def test_an_upgrade_between_any_two_sets_of_values_changes_nothing_that_cannot_be_changed_but_claims() -> None:
    made = {name: rendered(values) for name, values in SETS.items()}
    assert len(made) > 12
    found = {pair: set(conflicts(made[pair[0]], made[pair[1]])) for pair in permutations(made, 2)}
    changed = {pair for pair, said in found.items() if said}
    assert {said for each in found.values() for said in each} == {f"StatefulSet/{NAME} volumeClaimTemplates"}
    assert changed == {
        pair
        for pair in permutations(made, 2)
        if all(f"StatefulSet/{NAME}" in made[one] for one in pair) and claims(made[pair[0]]) != claims(made[pair[1]])
    }


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[Kubernetes]:
    with run_kubernetes() as server:
        for name in ("watch", "prod"):
            server.admin.namespace(name)
        yield server


def upgrade(kubernetes: Kubernetes, values: Values, namespace: str = "watch") -> str:
    """What Helm says against it; empty where it was done."""
    place = (f"--kubeconfig={kubernetes.kubeconfig()}", f"--namespace={namespace}")
    told = helm("helm4", "upgrade", "--install", "w", CHART, *place, values=values)
    return "" if told.returncode == 0 else told.stderr


def test_a_real_api_server_takes_each_upgrade_of_a_walk_through_all_sets_of_values(kubernetes: Kubernetes) -> None:
    names = [name for name in SETS if name != "shards without volumes"]
    for before, after in pairwise([*names, *reversed(names)]):
        assert upgrade(kubernetes, SETS[after]) == "", f"{before} -> {after}"


@pytest.mark.parametrize(
    ("persistence", "named"),
    [
        ({"enabled": False}, "enabled"),
        ({"size": "2Gi"}, "size (1Gi)"),
        (
            {"size": "2Gi", "storageClass": "fast", "accessModes": ["ReadWriteOncePod"]},
            "size (1Gi), storageClass (that of the cluster), accessModes (ReadWriteOnce)",
        ),
    ],
)
def test_what_cannot_be_changed_of_claims_is_told_before_anything_is_done_and_the_way_works(
    kubernetes: Kubernetes, persistence: Values, named: str
) -> None:
    place = f"claims-{len(named)}"
    path = f"/apis/apps/v1/namespaces/{place}/statefulsets/{NAME}"
    kubernetes.admin.namespace(place)
    assert upgrade(kubernetes, {"shards": 2}, place) == ""
    values = {"shards": 2, "logFormat": "text", "state": {"persistence": persistence}}
    told = upgrade(kubernetes, values, place)
    assert f"state.persistence: {named} of StatefulSet {NAME} cannot be changed in place" in told
    assert f"`kubectl -n {place} delete statefulset {NAME} --cascade=orphan`" in told
    assert "text" not in str(kubernetes.admin.get(path)["spec"]["template"]["spec"]["containers"][0]["args"])
    # `--cascade=orphan` is a finalizer, on which nobody acts here.
    kubernetes.admin.ask("DELETE", path, {"propagationPolicy": "Background"})
    assert upgrade(kubernetes, values, place) == ""


def test_a_size_in_other_words_is_the_same_size(kubernetes: Kubernetes) -> None:
    kubernetes.admin.namespace("sizes")
    for shards, size in ((2, "1Gi"), (3, "1024Mi")):
        assert upgrade(kubernetes, {"shards": shards, "state": {"persistence": {"size": size}}}, "sizes") == ""
