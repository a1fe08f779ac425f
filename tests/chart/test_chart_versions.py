"""What the chart renders, with its defaults and each switch, against the schemas of each version of Kubernetes."""

import json

import pytest
import yaml

from tests.chart.golden import cases
from tests.chart.kubernetes_schemas import VERSIONS, mistakes
from tests.chart.render import Document, is_custom, rendered
from tests.chart.test_chart import ALL


@pytest.fixture(scope="module")
def every_document() -> list[Document]:
    """All that any golden file's values make; equals once."""
    chosen = [{}, ALL, *(yaml.load(path.read_text(), Loader=yaml.CSafeLoader)["values"] for path in cases())]
    made = [document for values in chosen for document in rendered(values).values()]
    core = {json.dumps(each, sort_keys=True) for each in made if not is_custom(each)}
    return [json.loads(text) for text in sorted(core)]


def test_all_versions_that_we_promise_are_looked_at() -> None:
    assert tuple(f"1.{minor}" for minor in range(28, 38)) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_what_each_switch_makes(version: str, every_document: list[Document]) -> None:
    assert {"Deployment", "StatefulSet"} <= {document["kind"] for document in every_document}
    assert mistakes(every_document, version) == {}


def test_a_field_or_a_kind_that_a_version_does_not_know_is_told() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "strange"}, "spec": {"portz": []}}
    unknown = {"apiVersion": "v1", "kind": "Servant", "metadata": {"name": "unknown"}}
    found = mistakes([service, unknown], VERSIONS[0])
    assert "additional properties 'portz' not allowed" in found["Service strange"]
    assert "could not find schema" in found["Servant unknown"]
