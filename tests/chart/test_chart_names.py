"""Names and labels of the chart's objects: whatever a release is called, and whatever is installed beside it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.golden import cases
from tests.chart.render import HELMS, Document, Documents, Values, rendered, rendered_text
from watcher.cli import main

SCATTERED: Values = {
    "rbac": {"scope": "namespaces", "namespaces": ["prod", "staging"]},
    "agentNetworkPolicy": {"namespaces": ["prod"]},
    "serviceMonitor": {"enabled": True, "namespace": "monitoring"},
    "prometheusRule": {"enabled": True, "namespace": "monitoring"},
    "vmRule": {"enabled": True, "namespace": "monitoring"},
    "rulesConfigMap": {"enabled": True},
    "grafana": {
        "dashboards": {"enabled": True, "namespace": "grafana"},
        "operator": {"enabled": True, "namespace": "grafana"},
    },
    "networkPolicy": {"enabled": True},
    "podDisruptionBudget": {"enabled": True},
    "replicas": 2,
}
"""All that puts objects into other namespaces."""

LONG = "r" * 52
NOT_TEXT = ("2024", "1e3", "on", "null", "0x1f", "1.5")
"""Names that YAML takes for something else where nobody quotes them."""

SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")  # RFC 1035, as Kubernetes up to 1.33 asks for
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


class OnceEach(yaml.CSafeLoader):
    """Refuses a mapping that has a key twice, as a strict API server does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(keys) == len(set(keys)), f"twice: {sorted(keys)}"
        return super().construct_mapping(node, deep)


def _mapping(loader: Any, node: Any) -> Any:
    return loader.construct_mapping(node, deep=True)


OnceEach.add_constructor("tag:yaml.org,2002:map", _mapping)


def strict(text: str) -> list[Document]:
    return [each for each in yaml.load_all(text, Loader=OnceEach) if each]


def words(document: Document) -> Iterator[tuple[str, object]]:
    """Everything that must be text: names, namespaces, labels, annotations and selectors."""
    for path, key, value in _entries(document, ""):
        if key in {"name", "namespace", "serviceName", "serviceAccountName", "claimName", "secretName"}:
            yield f"{path}.{key}", value
        elif key in {"labels", "annotations", "matchLabels", "selector"} and isinstance(value, dict):
            yield from ((f"{path}.{key}.{each}", value[each]) for each in value if not isinstance(value[each], dict))


def _entries(part: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield path, str(key), value
        yield from _entries(value, f"{path}.{key}")


@pytest.mark.parametrize("version", HELMS)
@pytest.mark.parametrize("name", NOT_TEXT)
def test_a_release_or_a_namespace_may_be_called_what_yaml_takes_for_a_number_or_a_truth(
    name: str, version: str
) -> None:
    namespace = name.replace(".", "-")
    for values in (SCATTERED, {"shards": 2}):
        documents = strict(rendered_text(values, version, name, namespace))
        assert [(path, word) for each in documents for path, word in words(each) if not isinstance(word, str)] == []
        labels = {each["metadata"]["labels"]["app.kubernetes.io/instance"] for each in documents}
        assert labels == {name}
        namespaces = {each["metadata"].get("namespace") for each in documents}
        assert namespace in namespaces


@pytest.mark.parametrize("release", [*NOT_TEXT, "a.b", LONG, "x", "agentweave-watcher"])
@pytest.mark.parametrize("namespace", ["watch", "n" * 63])
def test_all_names_are_such_as_kubernetes_takes(release: str, namespace: str) -> None:
    for values in (SCATTERED, {"shards": 100}):
        for name, document in rendered(values, release, namespace).items():
            kind, its_name = document["kind"], document["metadata"]["name"]
            assert len(its_name) <= (63 if kind in {"Service", "Pod", "Deployment", "StatefulSet"} else 200), name
            if kind in {"Service", "Deployment", "StatefulSet"}:
                assert SERVICE_NAME.fullmatch(its_name), name
            labels = document["metadata"]["labels"] | document.get("spec", {}).get("selector", {})
            assert [value for value in labels.values() if isinstance(value, str) and not LABEL.fullmatch(value)] == []
        pod = f"{its_name}-99"
        assert len(pod) <= 63


@pytest.mark.parametrize(
    ("release", "namespace"),
    [("2024", "2024"), ("1e3", "0x1f"), ("on", "null"), ("1.5", "1-5"), (LONG, "n" * 63), ("2" * 52, "0" * 63)],
)
def test_whatever_release_and_namespace_are_called_the_daemon_takes_the_config(
    release: str, namespace: str, tmp_path: Path
) -> None:
    for values in ({"replicas": 2}, {"shards": 100}, {"fullnameOverride": "f" * 63}):
        documents = rendered(values, release, namespace)
        [made] = [each for each in documents.values() if "config.yaml" in each.get("data", {})]
        (tmp_path / "config.yaml").write_text(made["data"]["config.yaml"])
        assert main(["config", "check", str(tmp_path / "config.yaml")]) == 0


def places(documents: Documents, namespace: str) -> set[tuple[str, str, str]]:
    """Kind, namespace and name of each object; a Role without a namespace is the cluster's."""
    cluster = {"ClusterRole", "ClusterRoleBinding"}
    return {
        (
            each["kind"],
            "" if each["kind"] in cluster else each["metadata"].get("namespace", namespace),
            each["metadata"]["name"],
        )
        for each in documents.values()
    }


CLASHES = [
    (("b-c", "a"), ("c", "a-b")),  # release, namespace
    (("w", "x"), ("w", "y")),
    (("x", "n"), ("x-agentweave-watcher", "n2")),
    ((LONG + "a", "n"), (LONG + "b", "n")),
    (("a.b", "n"), ("a-b", "n")),
    (("2024", "n"), ("watcher-2024", "n")),
]


@pytest.mark.parametrize(("one", "other"), CLASHES)
@pytest.mark.parametrize("scope", ["cluster", "namespaces"])
def test_no_two_releases_want_the_same_object(one: tuple[str, str], other: tuple[str, str], scope: str) -> None:
    rbac = SCATTERED["rbac"] if scope == "namespaces" else {}
    both = [places(rendered({**SCATTERED, "rbac": rbac}, *each), each[1]) for each in (one, other)]
    assert both[0] & both[1] == set()


def test_two_releases_of_one_name_that_is_the_end_of_the_other_differ_where_they_are_not_alone() -> None:
    """In one namespace Helm itself refuses the second; what is elsewhere still is of one only."""
    both = [places(rendered(SCATTERED, name, "n"), "n") for name in ("x", "x-agentweave-watcher")]
    assert {namespace for _, namespace, _ in both[0] & both[1]} == {"n"}


def _selectors(documents: Sequence[Document]) -> Iterator[tuple[str, dict[str, str]]]:
    for each in documents:
        for path, key, value in _entries(each, each["kind"]):
            if key == "matchLabels" or (key == "selector" and "matchLabels" not in value):
                yield path, value


def test_labels_of_ones_own_are_on_all_objects_and_in_no_selector() -> None:
    own = {"team": "ai", "app.kubernetes.io/part-of": "agentweave", "app.kubernetes.io/managed-by": "argo", "on": "1e3"}
    for values in (SCATTERED, {"shards": 2}):
        with_own = strict(rendered_text({**values, "commonLabels": own}))
        assert [each for each in with_own if not own.items() <= each["metadata"]["labels"].items()] == []
        assert list(_selectors(with_own)) == list(_selectors(strict(rendered_text(values))))


def test_labels_of_the_pod_and_of_monitors_stand_beside_ours_once() -> None:
    values = {
        "podLabels": {"a": "1"},
        "commonLabels": {"a": "2"},
        "serviceMonitor": {"enabled": True, "labels": {"a": "3"}},
    }
    found = {each["kind"]: each for each in strict(rendered_text(values))}
    assert found["Deployment"]["spec"]["template"]["metadata"]["labels"]["a"] == "1"
    assert found["ServiceMonitor"]["metadata"]["labels"]["a"] == "3"
    assert found["Service"]["metadata"]["labels"]["a"] == "2"


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_no_key_is_there_twice_whatever_is_switched(path: Any) -> None:
    values = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)["values"]
    assert strict(rendered_text(values))
