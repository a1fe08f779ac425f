"""Which SPIFFE IDs a pod may have by ClusterSPIFFEID objects: a table, in the words of their CRD."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.discovery.pods.test_target import LIMITS, NOW, pod
from watcher.config.kubernetes import ClusterSpiffeIdSettings, KubernetesSettings
from watcher.discovery.identities.cluster_spiffe_ids import (
    Declared,
    declare,
    named_annotations,
    read_cluster_spiffe_id,
    reduced,
)
from watcher.discovery.pod.labels import MOST_LABELS
from watcher.discovery.pod.pod import read_pod
from watcher.discovery.pods.details import Details
from watcher.discovery.pods.target import Surroundings, find_target

TEMPLATE = "spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}"
ID = "spiffe://example.org/ns/agentweave/sa/agentweave-example"
NAMESPACE = {"team": "search"}
AGENT = {"app.kubernetes.io/component": "agent"}

Spec = Mapping[str, Any]


def declared(
    *specs: Spec, raw: Mapping[str, Any] | None = None, namespace: Mapping[str, str] | str = NAMESPACE, **settings: str
) -> Declared:
    """What these objects, called c0, c1 and so on, say of the example pod."""
    objects = [
        read_cluster_spiffe_id(reduced({"metadata": {"uid": f"u{at}", "name": f"c{at}"}, "spec": spec}))
        for at, spec in enumerate(specs)
    ]
    known = ClusterSpiffeIdSettings(**{"trust_domain": "example.org", **settings})
    return declare(objects, read_pod(raw or pod(), named_annotations(objects)), namespace, known)


def object_of(spec: Spec | None = None, **changes: object) -> Spec:
    """A spec that is about every pod, with some fields replaced."""
    return {"spiffeIDTemplate": TEMPLATE, **(spec or {}), **changes}


def expressions(key: str, operator: str, *values: str) -> Mapping[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("spec", "matches"),
    [
        (object_of(), True),
        (object_of(podSelector={"matchLabels": AGENT}), True),
        (object_of(podSelector={"matchLabels": {"app.kubernetes.io/component": "gateway"}}), False),
        (object_of(podSelector=expressions("app.kubernetes.io/component", "In", "agent", "worker")), True),
        (object_of(podSelector=expressions("app.kubernetes.io/component", "DoesNotExist")), False),
        (object_of(namespaceSelector={"matchLabels": NAMESPACE}), True),
        (object_of(namespaceSelector={"matchLabels": {"team": "billing"}}), False),
        (object_of(namespaceSelector=expressions("team", "NotIn", "search")), False),
        (object_of(namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "agentweave"}}), True),
        (object_of(namespaceSelector=expressions("kubernetes.io/metadata.name", "NotIn", "agentweave")), False),
        (object_of(className="blue"), True),
        (object_of(ttl="1h", jwtTtl="5m", dnsNameTemplates=["a"], federatesWith=["b"], admin=True, downstream=True,
                   autoPopulateDNSNames=True, hint="x"), True),
    ],
)  # fmt: skip
def test_an_object_is_about_the_pods_that_both_its_selectors_select(spec: Spec, *, matches: bool) -> None:
    assert declared(spec) == Declared(ids=(ID,) if matches else ())


def test_only_objects_of_the_class_count_where_one_is_given() -> None:
    blue, none = object_of(className="blue"), object_of(spiffeIDTemplate="spiffe://example.org/none")
    assert declared(blue, none, class_name="blue").ids == (ID,)
    assert declared(blue, none, class_name="green").ids == ()
    assert set(declared(blue, none).ids) == {ID, "spiffe://example.org/none"}


def test_all_objects_that_are_about_a_pod_make_one_set() -> None:
    others = [object_of(spiffeIDTemplate=f"spiffe://example.org/{name}") for name in "ab"]
    assert declared(*others, object_of(), object_of()).ids == ("spiffe://example.org/a", "spiffe://example.org/b", ID)


def test_a_fallback_counts_only_where_no_other_object_is_about_the_pod() -> None:
    fallback = object_of(spiffeIDTemplate="spiffe://example.org/fallback", fallback=True)
    assert declared(fallback, object_of()).ids == (ID,)
    elsewhere = object_of(podSelector={"matchLabels": {"app": "other"}})
    assert declared(fallback, elsewhere).ids == ("spiffe://example.org/fallback",)


def test_an_object_for_some_containers_counts_only_beside_one_for_the_whole_pod() -> None:
    narrowed = object_of(
        spiffeIDTemplate="spiffe://example.org/proxy", workloadSelectorTemplates=["k8s:container-name:proxy"]
    )
    assert declared(narrowed, object_of()).ids == (ID, "spiffe://example.org/proxy")
    alone = declared(narrowed)
    assert alone.ids == ()
    assert "c0" in alone.problems[0]
    assert "workloadSelectorTemplates" in alone.problems[0]


def test_labels_and_annotations_of_the_pod_are_rendered() -> None:
    raw = pod(metadata__annotations={"example.org/env": "live", "other": "x"})
    env, of = "{{ index .PodMeta.Annotations `example.org/env` }}", "{{ index .PodMeta.Labels `pod-template-hash` }}"
    template = f"spiffe://example.org/{env}/{of}"
    assert declared(object_of(spiffeIDTemplate=template), raw=raw).ids == ("spiffe://example.org/live/6d5b9c7f8b",)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (object_of(spiffeIDTemplate="spiffe://{{ .NodeMeta.Name }}/x"), r"\{\{ \.NodeMeta\.Name \}\}.*only text"),
        (object_of(spiffeIDTemplate=None), "expected text, got nothing"),
        (object_of(spiffeIDTemplate="x" * 3000), "2048"),
        (object_of(spiffeIDTemplate="x", podSelector={"matchLabels": {"x": "y" * 70_000}}), "over 64 KiB"),
        (object_of(spiffeIDTemplate='spiffe://example.org/{{ index .PodMeta.Labels "none" }}'), "SPIFFE ID such as"),
        (object_of(spiffeIDTemplate="spiffe://example.org/{{ .PodMeta.Labels.none }}"), "<no value>"),
        (object_of(spiffeIDTemplate="spiffe://example.org/{{ .ClusterName }}"), r"\.ClusterName is not known"),
        (object_of(spiffeIDTemplate="spiffe://other.org/x"), "not of the trust domain example.org"),
        (object_of(podSelector="all"), "podSelector: expected matchLabels"),
        (object_of(namespaceSelector=expressions("a", "Near", "b")), "namespaceSelector: expected one of In"),
        (object_of(onlyOnTuesdays=True), "spec.'onlyOnTuesdays' is not understood"),
        (object_of(fallback="yes"), "expected true or false as fallback"),
    ],
)
def test_what_is_not_understood_is_said_and_nothing_is_expected(spec: Spec, why: str) -> None:
    for others in ((), (object_of(),)):
        found = declared(*others, spec)
        assert found.ids == ()
        assert len(found.problems) == 1
        assert re.search(why, found.problems[0]), found.problems
        assert found.problems[0].startswith(f"ClusterSPIFFEID c{len(others)}")


def test_an_object_that_is_not_understood_does_not_matter_where_it_is_not_about_the_pod() -> None:
    odd = object_of(spiffeIDTemplate="{{ end }}", podSelector={"matchLabels": {"app": "other"}})
    assert declared(odd, object_of()).ids == (ID,)


def test_labels_of_a_namespace_that_cannot_be_read_are_a_problem_only_where_they_matter() -> None:
    by_label, by_name = (
        object_of(namespaceSelector={"matchLabels": labels})
        for labels in (NAMESPACE, {"kubernetes.io/metadata.name": "agentweave"})
    )
    assert declared(by_name, namespace="403: forbidden").ids == (ID,)
    told = declared(by_label, namespace="403: forbidden")
    assert told.ids == ()
    assert told.problems == ("ClusterSPIFFEID c0: it selects by labels of the namespace agentweave: 403: forbidden",)
    elsewhere = {**by_label, "podSelector": {"matchLabels": {"app": "other"}}}
    assert declared(elsewhere, namespace="403: forbidden") == Declared()


def test_a_pod_with_more_labels_than_are_kept_is_not_judged_by_some_of_them() -> None:
    raw = pod(metadata__labels={f"l{number}": "x" for number in range(MOST_LABELS + 1)})
    assert declared(object_of(), raw=raw).problems


def test_an_annotation_that_was_not_looked_for_is_not_taken_for_absent() -> None:
    template = "spiffe://example.org/a{{ index .PodMeta.Annotations `late` }}"
    spec = object_of(spiffeIDTemplate=template)
    late = read_cluster_spiffe_id(reduced({"metadata": {"uid": "u", "name": "c"}, "spec": spec}))
    before = read_pod(pod(), frozenset())
    known = ClusterSpiffeIdSettings(trust_domain="example.org")
    assert "not read yet" in declare([late], before, {}, known).problems[0]


def test_pods_that_are_alike_share_what_is_kept_of_their_labels() -> None:
    one, other = (read_pod(pod(metadata__uid=uid), frozenset()) for uid in "ab")
    assert one.described is other.described
    assert read_pod(pod()).described is None


TEMPLATED = {"spiffe_id_template": "spiffe://corp.example/${agent}"}


@pytest.mark.parametrize(
    ("settings", "found", "service_id", "ids"),
    [
        (TEMPLATED, Declared((ID,)), "spiffe://s/x", ("spiffe://corp.example/agentweave-example",)),
        ({}, Declared((ID, "spiffe://example.org/b")), "spiffe://s/x", (ID, "spiffe://example.org/b")),
        ({}, Declared(problems=("c: what?",)), "spiffe://s/x", ()),
        ({}, Declared(), "spiffe://s/x", ("spiffe://s/x",)),
        ({}, Declared(), None, ()),
    ],
)
def test_the_first_who_says_it_is_believed(
    settings: dict[str, object], found: Declared, service_id: str | None, ids: tuple[str, ...]
) -> None:
    around = Surroundings(settings=KubernetesSettings.model_validate(settings), limits=LIMITS)
    target = find_target(read_pod(pod()), Details(service_id=service_id), around, None, NOW, found).target
    assert target is not None
    assert target.spiffe_ids == ids
    assert [problem for problem in target.problems if problem in found.problems] == list(found.problems)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from((*object_of(), "podSelector", "namespaceSelector", "className", "fallback",
       "workloadSelectorTemplates", "x")), _JSON) | _JSON)  # fmt: skip
def test_an_object_of_any_shape_gives_ids_or_problems(spec: Any) -> None:
    found = declared(spec)
    assert not (found.ids and found.problems)
