"""A collection of objects: what is there, what selects pods, and why it may not be all."""

from typing import Any

import pytest

from probes.controls.catalogue.control import UnknownReason
from watcher.checklist.live.kubernetes.objects.collection import MOST_OBJECTS, OLD, Collection
from watcher.checklist.live.kubernetes.objects.kinds import MOST_BYTES, kinds
from watcher.checklist.live.kubernetes.objects.workloads import reduce_workload
from watcher.kube.errors import RefusedError
from watcher.kube.objects import MALFORMED_OBJECT

KINDS = {kind.name: kind for kind in kinds(reduce_workload)}


class Followed:
    """A collection whose time a test sets."""

    def __init__(self, kind: str) -> None:
        self.now, self.changed = 0.0, list[str]()
        self.of = Collection(KINDS[kind], "", lambda: self.now, self.changed.append)

    def list(self, *raws: dict[str, Any]) -> None:
        for raw in raws:
            self.of.put(raw)
        self.of.listed({raw["metadata"]["uid"] for raw in raws})
        self.of.answered()


def policy(name: str, selector: object = None, uid: str = "", **spec: object) -> dict[str, Any]:
    meta = {"name": name, "namespace": "prod", "uid": uid or name}
    return {"metadata": meta, "spec": {"podSelector": selector or {}, **spec}}


def names(followed: Followed, **labels: str) -> list[str]:
    return sorted(each.name for each in followed.of.of("prod", labels))


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
    followed.of.remove("one")
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
    assert followed.of.down == "Unparseable"
    followed.of.remove("large")
    with pytest.raises(ValueError, match="expected matchLabels"):
        followed.of.put(policy("odd", {"matchFields": []}))
    assert followed.of.down == "Unparseable"
    followed.list(policy("one"))
    assert followed.of.down == ""


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
    assert followed.of.down == "Unparseable"
    assert "prod" in followed.changed
    followed.of.put(policy("one"))
    assert (names(followed), followed.of.down) == (["one", "two"], "")


def test_more_objects_than_are_kept_are_said() -> None:
    followed = Followed("NetworkPolicy")
    followed.list(*(policy(f"p{n}") for n in range(MOST_OBJECTS + 1)))
    assert len(followed.of.of("prod")) == MOST_OBJECTS
    assert followed.of.down == "Unparseable"


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
