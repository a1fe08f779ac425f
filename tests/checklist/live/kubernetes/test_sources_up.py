"""Which sources of objects are told to be down: those that somebody can give the watcher a right to."""

from collections.abc import Sequence

import pytest

from probes.controls.evidence import Missing
from watcher.checklist.live.kubernetes.objects.followed import Followed
from watcher.checklist.live.kubernetes.objects.kinds import Group, kinds
from watcher.checklist.live.kubernetes.objects.workloads import reduce_workload
from watcher.kube.access import Access
from watcher.kube.errors import RefusedError
from watcher.kube.list_watch import Patience

OUTSIDE = ("ControlPlanePod", "SpireAgentPod", "ClusterRole", "ClusterRoleBinding", "ClusterFederatedTrustDomain")
FORBIDDEN = RefusedError(403, "no")


def followed(namespaces: Sequence[str]) -> Followed:
    """All kinds in these namespaces; nothing was asked yet."""
    every = kinds(reduce_workload)
    made = Followed(
        Access(None),
        every,
        tuple(Group),
        namespaces,
        lambda: 0.0,
        float,
        lambda low, _: low,
        lambda _: None,
        Patience(),
    )
    for collection in made.every([kind.name for kind in every]):
        collection.not_there(understood=True) if collection.kind.custom else collection.answered()
    return made


def refuse(made: Followed, kind: str, *, was_read: bool = False) -> str:
    """Why these objects may not be judged once they are refused; empty where they may."""
    [collection] = made.every([kind])
    collection.not_there(understood=True)
    collection.was_read = was_read
    collection.failed("403: no", FORBIDDEN)
    found = made.of(kind, "prod")
    return "" if isinstance(found, Missing) or found.lacks is None else str(found.lacks.reason)


@pytest.mark.parametrize("kind", OUTSIDE)
def test_what_a_watcher_of_some_namespaces_cannot_be_given_is_unknown_and_no_source_is_down(kind: str) -> None:
    made = followed(["prod"])
    assert refuse(made, kind) == "Forbidden"
    assert set(made.up().values()) == {""}


@pytest.mark.parametrize("kind", OUTSIDE)
def test_a_right_that_is_missing_or_taken_away_is_told(kind: str) -> None:
    everywhere, was_given = followed([""]), followed(["prod"])
    assert refuse(everywhere, kind) == "Forbidden"
    assert "Forbidden" in everywhere.up().values()
    refuse(was_given, kind, was_read=True)
    assert "Forbidden" in was_given.up().values()


def test_the_namespace_of_api_servers_counts_where_it_is_followed() -> None:
    made = followed(["prod", "kube-system"])
    refuse(made, "ControlPlanePod")
    assert made.up()["kubernetes_workloads"] == "Forbidden"
    refuse(made, "ClusterRole")
    assert made.up()["kubernetes_rbac"] == ""
