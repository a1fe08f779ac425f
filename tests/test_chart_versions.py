"""What the chart renders, with its defaults and each switch, against the schemas of each version of Kubernetes."""

import json

import pytest
import yaml

from tests.chart.golden import cases
from tests.chart.kubernetes_schemas import VERSIONS, mistakes
from tests.chart.render import Document, rendered
from tests.test_chart import ALL


@pytest.fixture(scope="module")
def every_document() -> list[Document]:
    """All that any golden file's values make; equals once."""
    chosen = [{}, ALL, *(yaml.safe_load(path.read_text())["values"] for path in cases())]
    made = [document for values in chosen for document in rendered(values).values()]
    core = {json.dumps(each, sort_keys=True) for each in made if not each["apiVersion"].startswith("monitoring.")}
    return [json.loads(text) for text in sorted(core)]


def test_all_versions_that_we_promise_are_looked_at() -> None:
    assert tuple(f"1.{minor}" for minor in range(28, 38)) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_what_each_switch_makes(version: str, every_document: list[Document]) -> None:
    assert {"Deployment", "StatefulSet"} <= {document["kind"] for document in every_document}
    wrong = {f"{each['kind']} {each['metadata']['name']}": mistakes(each, version) for each in every_document}
    assert {name: said for name, said in wrong.items() if said} == {}
