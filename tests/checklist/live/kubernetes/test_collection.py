"""A collection of objects: what is there, what selects pods, and why it may not be all."""

from sys import getsizeof
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from probes.controls.catalogue.control import UnknownReason
from tests.checklist.live.kubernetes.cluster import deployment
from tests.checklist.live.kubernetes.test_kept import spire_agent as made_spire_agent
from watcher.checklist.live.kubernetes.objects.collection import OLD, Collection
from watcher.checklist.live.kubernetes.objects.kinds import MOST_BYTES, kinds
from watcher.checklist.live.kubernetes.objects.room import Room, size_of
from watcher.checklist.live.kubernetes.objects.workloads import reduce_workload
from watcher.kube.errors import RefusedError
from watcher.kube.objects import MALFORMED_OBJECT

KINDS = {kind.name: kind for kind in kinds(reduce_workload)}


class Followed:
    """A collection whose time a test sets."""

    def __init__(self, kind: str, room: Room | None = None) -> None:
        self.now, self.changed = 0.0, list[str]()
        self.of = Collection(KINDS[kind], "", lambda: self.now, self.changed.append, room or Room())

    def lacks(self, namespace: str = "prod") -> str:
        """Why the objects of a namespace may not be all."""
        missing = self.of.lacks_in(namespace)
        return "" if missing is None else str(missing.reason)

    def list(self, *raws: dict[str, Any]) -> None:
        for raw in raws:
            self.of.put(raw)
        self.of.listed({raw["metadata"]["uid"] for raw in raws})
        self.of.answered()


def policy(
    name: str, selector: object = None, uid: str = "", namespace: str = "prod", **spec: object
) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": uid or f"{namespace}/{name}"}
    return {"metadata": meta, "spec": {"podSelector": selector or {}, **spec}}


def names(followed: Followed, **labels: str) -> list[str]:
    return sorted(each.name for each in followed.of.of("prod", labels))


def test_what_is_of_a_node_concerns_those_on_it_alone() -> None:
    agents = Followed("SpireAgentPod")
    agents.list(spire_agent(number=1), spire_agent(number=2))
    agents.changed.clear()
    agents.of.changed_nodes.clear()
    agents.of.put(spire_agent(number=2, conditions=[]))
    assert (agents.changed, agents.of.changed_nodes) == ([], {"node-2"})
    agents.of.changed_nodes.clear()
    agents.of.put(spire_agent(number=2, conditions=[]))
    assert agents.of.changed_nodes == set()
    agents.of.remove("1")
    assert (agents.changed, agents.of.changed_nodes) == ([], {"node-1"})


def spire_agent(number: int, **parts: object) -> dict[str, Any]:
    raw = made_spire_agent(nodeName=f"node-{number}", **parts)
    raw["metadata"] |= {"name": f"spire-agent-{number}", "namespace": "spire", "uid": str(number)}
    return raw


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "search"}}, True),
        ({"matchLabels": {"app": "other"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["search"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["search"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_policies_of_every_form_of_selector_are_found_by_labels(selector: object, selected: bool) -> None:
    followed = Followed("NetworkPolicy")
    followed.list(policy("one", selector))
    assert names(followed, app="search") == (["one"] if selected else [])
    assert followed.of.of("other", {"app": "search"}) == ()


def test_what_is_not_listed_any_more_is_gone_and_one_made_anew_under_its_name_stays() -> None:
    followed = Followed("NetworkPolicy")
    followed.list(policy("one"), policy("two"))
    followed.of.put(policy("one", uid="new"))
    followed.of.remove("prod/one")
    assert names(followed) == ["one", "two"]
    followed.changed.clear()
    followed.list(policy("two"))
    assert (names(followed), followed.changed) == (["two"], ["prod"])


def test_nothing_changed_where_an_object_is_told_of_again_as_it_was() -> None:
    followed = Followed("NetworkPolicy")
    followed.list(policy("one"))
    followed.changed.clear()
    followed.of.put(policy("one"))
    assert followed.changed == []
    followed.of.put(policy("one", egress=[{}]))
    assert followed.changed == ["prod"]


def test_why_a_collection_may_not_be_all_is_told() -> None:
    followed = Followed("NetworkPolicy")
    assert followed.of.down == "Unreachable"
    followed.of.failed("403: no", RefusedError(403, "no"))
    assert followed.of.down == "Forbidden"
    followed.list(policy("one"))
    assert followed.of.lacks is None
    followed.of.failed("500: no", RefusedError(500, "no"))
    assert followed.of.lacks is None  # what was told of stays for a while
    followed.now = OLD + 1
    assert followed.of.down == "Stale"
    followed.of.answered()
    with pytest.raises(ValueError, match="NetworkPolicy large is over 256 KiB"):
        followed.of.put(policy("large", egress=["x" * MOST_BYTES]))
    assert followed.lacks() == "Unparseable"
    followed.of.remove("prod/large")
    assert followed.lacks() == ""
    with pytest.raises(ValueError, match="expected matchLabels"):
        followed.of.put(policy("odd", {"matchFields": []}))
    assert followed.lacks() == "Unparseable"
    followed.list(policy("one"))
    assert followed.lacks() == ""


@pytest.mark.parametrize(
    "spec",
    [
        {"egress": ["x" * MOST_BYTES]},
        {"podSelector": {"matchFields": []}},
        ["no mapping"],
        {"podSelector": {"matchExpressions": [5]}},
    ],
    ids=["too large", "a selector of later versions", "no object", "no selector"],
)
def test_what_can_be_read_no_more_is_not_kept_as_it_was(spec: object) -> None:
    followed = Followed("NetworkPolicy")
    followed.list(policy("one"), policy("two"))
    followed.changed.clear()
    with pytest.raises(MALFORMED_OBJECT):
        followed.of.put(policy("one") | {"spec": spec})
    assert names(followed) == ["two"]
    assert followed.lacks() == "Unparseable"
    assert "prod" in followed.changed
    followed.of.put(policy("one"))
    assert (names(followed), followed.lacks()) == (["one", "two"], "")


def test_an_object_that_cannot_be_read_concerns_its_namespace_alone() -> None:
    followed = Followed("NetworkPolicy")
    followed.list(policy("one"))
    followed.changed.clear()
    with pytest.raises(ValueError, match="over 256 KiB"):
        followed.of.put(policy("large", namespace="mallory", egress=["x" * MOST_BYTES]))
    assert (followed.lacks("mallory"), followed.lacks("prod"), followed.of.down) == ("Unparseable", "", "")
    assert followed.changed == ["mallory"]
    followed.of.remove("mallory/large")
    assert (followed.lacks("mallory"), followed.changed) == ("", ["mallory", "mallory"])


def test_one_of_a_kind_without_namespaces_concerns_all() -> None:
    followed = Followed("ClusterRoleBinding")
    subjects = [{"kind": "User", "name": f"user-{n}"} for n in range(10_000)]
    with pytest.raises(ValueError, match="over 256 KiB"):
        followed.of.put({"metadata": {"name": "a", "uid": "a"}, "roleRef": {}, "subjects": subjects})
    followed.list()
    with pytest.raises(ValueError, match="over 256 KiB"):
        followed.of.put({"metadata": {"name": "a", "uid": "a"}, "roleRef": {}, "subjects": subjects})
    assert (followed.lacks(), followed.of.down) == ("Unparseable", "Unparseable")


def test_what_takes_much_memory_and_little_json_is_not_kept() -> None:
    followed = Followed("NetworkPolicy")
    followed.list()
    with pytest.raises(ValueError, match="no room for NetworkPolicy prod/bloated"):
        followed.of.put(policy("bloated", egress=[{} for _ in range(60_000)]))
    assert followed.lacks() == "Unparseable"


def test_who_takes_most_loses_where_there_is_no_more_room_and_others_lose_nothing() -> None:
    room = Room(200_000)
    followed, beside = Followed("NetworkPolicy", room), Followed("LimitRange", room)
    followed.list(*(policy(f"p{n}") for n in range(10)))
    beside.list(*(policy(f"l{n}", namespace="other") for n in range(10)))
    refused = 0
    for n in range(200):
        try:
            (followed if n % 2 else beside).of.put(policy(f"m{n}", namespace="mallory"))
        except ValueError:
            refused += 1
    assert refused > 100
    for n in range(10, 20):
        followed.of.put(policy(f"p{n}"))
    assert len(followed.of.of("prod")) == 20
    assert len(beside.of.of("other")) == 10
    assert [each.lacks(namespace) for each in (followed, beside) for namespace in ("prod", "other", "mallory")] == [
        *("", "", "Unparseable"),
        *("", "", "Unparseable"),
    ]
    assert 0 < len(followed.of.of("mallory")) + len(beside.of.of("mallory")) < 60
    for each in (followed, beside):
        each.list(policy("p0"))
    followed.of.put(policy("m1", namespace="mallory"))
    assert followed.lacks("mallory") == ""


def test_what_is_gone_leaves_its_room_to_others() -> None:
    followed = Followed("NetworkPolicy", Room(20_000))
    followed.list()
    for n in range(100):
        followed.of.put(policy(f"p{n}"))
        followed.of.remove(f"prod/p{n}")
    assert (names(followed), followed.lacks()) == ([], "")


def _taken(value: object) -> int:
    """Bytes of memory, as Python has them."""
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return getsizeof(value) + sum(map(_taken, inner))


@pytest.mark.parametrize(
    "body",
    [
        {"egress": [{} for _ in range(1000)]},
        {"egress": [{"to": [{"ipBlock": {"cidr": f"10.0.{n}.0/24"}}]} for n in range(1000)]},
        {"egress": [[] for _ in range(1000)]},
        {"egress": [f"x{n}" for n in range(1000)]},
        {f"x{n}": "" for n in range(1000)},
        reduce_workload(deployment()),
    ],
    ids=["mappings", "networks", "lists", "texts", "keys", "workload"],
)
def test_the_size_of_an_object_is_told_by_its_json_rather_too_high(body: dict[str, Any]) -> None:
    assert _taken(body) <= size_of(to_json(body), ()) <= 5 * _taken(body) + 1000


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 30), st.booleans()), max_size=60))
def test_the_room_is_never_exceeded_and_never_forgotten(
    steps: list[tuple[str, int, int, bool]],
) -> None:
    most, kept = 50, dict[str, tuple[str, int]]()

    class Holder:
        def give_up(self, uid: str) -> None:
            del kept[uid]

    room, holder = Room(most), Holder()
    for namespace, number, size, leaves in steps:
        uid = f"{namespace}{number}"
        kept.pop(uid, None)
        if leaves:
            room.leave(holder, uid, namespace)
        elif room.take(holder, uid, namespace, size):
            kept[uid] = (namespace, size)
        assert sum(size for _, size in kept.values()) <= most
    for uid, (namespace, _) in list(kept.items()):
        room.leave(holder, uid, namespace)
    assert room.take(holder, "all", "d", most)


def test_a_kind_that_is_not_there_is_an_answer_and_one_of_an_unknown_version_is_none() -> None:
    followed = Followed("Certificate")
    followed.of.failed("404: no", RefusedError(404, "no"))
    assert (followed.of.absent, followed.of.lacks) == (True, None)
    followed.of.not_there(understood=False)
    missing = followed.of.lacks
    assert missing is not None
    assert missing.reason is UnknownReason.UNPARSEABLE
    followed.list()
    assert (followed.of.absent, followed.of.lacks) == (False, None)
    plain = Followed("NetworkPolicy")
    plain.of.failed("404: no", RefusedError(404, "no"))
    assert plain.of.down == "Unreachable"
