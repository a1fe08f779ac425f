"""What docs/rollouts.md shows is so: its manifests fit their schemas, its commands parse, its requests are answered."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.chart.kubernetes_schemas import VERSIONS, mistakes
from tests.chart.render import rendered
from tests.repository import ROOT
from tests.rollouts.made_rollouts import FAILED, IMAGE, NOW, rollout
from tests.tools.build import crds
from tests.web.rollouts.served_rollouts import Served
from watcher.cli import make_parser
from watcher.config.settings import load_settings
from watcher.rollouts.reports.gate_answer import STATUSES, status_of
from watcher.rollouts.terms import Outcome

jsonschema = pytest.importorskip("jsonschema", reason="an independent validator is not installed")
PAGE = (ROOT / "docs" / "rollouts.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def objects(*groups: str) -> list[dict[str, Any]]:
    """The manifests of these groups of the API."""
    found = [yaml.safe_load(each) for each in blocks("yaml")]
    return [each for each in found if each.get("apiVersion", "").partition("/")[0] in groups]


def commands() -> Iterator[list[str]]:
    """The arguments of each call of ours, wherever on the page."""
    text = "\n".join([*blocks("sh"), *blocks("yaml"), *blocks("groovy")]).replace("\\\n", " ")
    for line in re.findall(r"agentweave-watcher (rollout .*)", text):
        yield shlex.split(line.partition(" > ")[0].replace("${IMAGE_DIGEST:?}", IMAGE))
    for job in objects("batch"):
        yield job["spec"]["template"]["spec"]["containers"][0]["args"]


def schema_of(folder: str, kind: str) -> Any:
    """The schema by which the API server judges a custom kind, in its newest version; unknown fields are refused."""
    documents = (each for file in crds(folder).glob("*.yaml") for each in yaml.safe_load_all(file.read_text()))
    found = next(each for each in documents if each and each.get("spec", {}).get("names", {}).get("kind") == kind)
    return strict(found["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items() if key != "format"}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    whole = "properties" in schema and schema.get("type") == "object" and "metadata" not in schema["properties"]
    keeps = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    return made | {"additionalProperties": False} if whole and not keeps else made


def test_every_call_of_the_command_parses() -> None:
    found = [make_parser().parse_args(each) for each in commands()]
    assert len(found) == 7
    assert {each.agent for each in found} == {"search"}


def test_jobs_fit_each_version_of_kubernetes_that_the_chart_fits() -> None:
    jobs = objects("batch")
    assert len(jobs) == 2
    for version in (VERSIONS[0], VERSIONS[-1]):
        assert {**mistakes(jobs, version)} == {}


@pytest.mark.parametrize(("folder", "group"), [("argo-rollouts", "argoproj.io"), ("flagger", "flagger.app")])
def test_manifests_of_others_fit_their_own_schemas(folder: str, group: str) -> None:
    values = {"analysisTemplate": {"enabled": True}, "metricTemplate": {"enabled": True, "prometheusUrl": "http://p"}}
    chart = [each for each in rendered({"rollouts": values}).values() if each["apiVersion"].startswith(group)]
    found = [*objects(group), *chart]
    assert len(found) == 2
    for each in found:
        jsonschema.validate(each, schema_of(folder, each["kind"]))
        wrong = each | {"spec": each["spec"] | {"wrong": 1}}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema_of(folder, each["kind"]))


def test_the_requests_of_argo_rollouts_and_flagger_are_answered_as_they_read_them(tmp_path: Path) -> None:
    canary = next(each for each in objects("flagger.app") if each["kind"] == "Canary")
    hooks = {each["type"]: urlsplit(each["url"]) for each in canary["spec"]["analysis"]["webhooks"]}
    template = rendered({"rollouts": {"analysisTemplate": {"enabled": True}}})["AnalysisTemplate/w-agentweave-watcher"]
    metric = template["spec"]["metrics"][0]
    for found, verdict in ((rollout(began_at=NOW - 3600), "verified"), (FAILED, "failed")):
        served = Served(tmp_path, found.__class__(**{**_fields(found), "began_at": NOW - 3600}))
        promoted = served.ask(
            f"{hooks['confirm-promotion'].path}?{hooks['confirm-promotion'].query}", "POST", health=True
        )
        taken_back = served.ask(f"{hooks['rollback'].path}?{hooks['rollback'].query}", "POST", health=True)
        assert (promoted.status_code == 200, taken_back.status_code == 200) == (
            verdict == "verified",
            verdict == "failed",
        )
        url = metric["provider"]["web"]["url"]
        for name, value in (("namespace", "prod"), ("agent", "search"), ("revision", found.revision.id)):
            url = url.replace(f"{{{{args.{name}}}}}", value)
        asked = urlsplit(url)
        answer = served.ask(f"{asked.path}?{asked.query}", health=True)
        assert (answer.status_code, answer.json()["verdict"]) == (200, verdict)
        assert (
            metric[{"verified": "successCondition", "failed": "failureCondition"}[verdict]] == f'result == "{verdict}"'
        )
    assert metric["inconclusiveLimit"] == metric["count"] - 1, "else a count that decided nothing ends in success"


def _fields(found: Any) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__dataclass_fields__}


def test_the_table_of_statuses_is_that_of_the_gate() -> None:
    rows = re.findall(r"^\| (\w+)[^|]*\| (\d+) \| (\d+)", PAGE, re.MULTILINE)
    told = {name: (int(plain), int(rollback)) for name, plain, rollback in rows if name in list(Outcome)}
    assert told == {each.value: (STATUSES[each], status_of(each, wants_rollback=True)) for each in Outcome}


def test_configs_and_values_are_taken(tmp_path: Path) -> None:
    config, *values = [each for each in blocks("yaml") if each.startswith(("# watcher.yaml", "# values.yaml"))]
    path = tmp_path / "watcher.yaml"
    path.write_text(config)
    assert load_settings(path, {}).rollouts.staging == ("staging",)
    assert len(values) == 2
    kinds = {name.partition("/")[0] for each in values for name in rendered(yaml.safe_load(each))}
    assert {"AnalysisTemplate", "MetricTemplate"} <= kinds


def test_the_way_to_the_template_is_by_its_label() -> None:
    [name] = {each["templateName"] for each in _analysis(objects("argoproj.io")[0])["templates"]}
    made = rendered({"rollouts": {"analysisTemplate": {"enabled": True, "namespaces": ["prod"]}}})
    [template] = [each for each in made.values() if each["kind"] == "AnalysisTemplate"]
    assert template["metadata"]["name"] == name
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] == "agentweave-watcher"
    given = {each["name"] for each in _analysis(objects("argoproj.io")[0])["args"]}
    assert given == {each["name"] for each in template["spec"]["args"]}


def _analysis(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["spec"]["strategy"]["canary"]["steps"][1]["analysis"]
    return found
