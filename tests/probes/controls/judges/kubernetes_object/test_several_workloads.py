"""Several workloads of one agent, such as a primary and its canary: all of them must be right."""

import pytest
import yaml

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import (
    AgentConfigFile,
    AgentObjects,
    EvidenceSet,
    KubeObject,
    Missing,
    OtherWorkload,
    PodTemplate,
    Seen,
)
from probes.controls.finding import Finding
from probes.controls.judging import load_judges
from probes.controls.verdict.control import judge_control
from tests.probes.controls.judges.kubernetes_object.objects import listing
from tests.probes.controls.made import AGENT, CATALOGUE, NOW, facts

MEMORY, ROLLBACK = "deployment.resources.memory-limits", "deployment.rollback.automation"
TAGGED, MOUNTED = "deployment.rollback.previous-version-tagged", "deployment.secrets.mounted-securely"
RIGHT = ("{containers: [{name: agent, resources: {limits: {memory: 1Gi}}}]}", "{revisionHistoryLimit: 3}")
WRONG = ("{containers: [{name: agent, env: [{name: DB_PASSWORD, value: hunter2x}]}]}", "{revisionHistoryLimit: 0}")
UNREAD = Missing(UnknownReason.UNPARSEABLE, "Its pods are of more than 6 workloads.")


def _made(given: tuple[str, str] | Missing, name: str) -> OtherWorkload:
    if isinstance(given, Missing):
        return OtherWorkload(given, given)
    spec, of_workload = map(yaml.safe_load, given)
    workload = KubeObject("Deployment", "prod", name, {"spec": of_workload}, f"deployment/prod/{name}")
    return OtherWorkload(
        Seen(workload, NOW, workload.ref), Seen(PodTemplate({}, spec, "agent"), NOW, f"pod/prod/{name}")
    )


def _finding(control: str, *given: tuple[str, str] | Missing, of_some: bool = False) -> Finding:
    first, *others = [_made(each, f"search-{number}") for number, each in enumerate(given)]
    listings = {"ConfigMap": listing(), "LimitRange": listing()}
    objects = AgentObjects(first.workload, first.template, listings, others=tuple(others))
    config = AgentConfigFile({}, {}, "1.0.0", in_place=True, of_some=of_some)
    sources = {
        SourceName.KUBERNETES_OBJECT: Seen(objects, NOW, "here"),
        SourceName.AGENT_CONFIG: Seen(config, NOW, "config.yaml"),
    }
    return judge_control(CATALOGUE.by_id[control], EvidenceSet(AGENT, sources), facts(), load_judges())


@pytest.mark.parametrize("control", [MEMORY, ROLLBACK])
def test_one_workload_that_is_wrong_fails_the_agent_wherever_it_stands(control: str) -> None:
    assert _finding(control, RIGHT, RIGHT).state == "pass"
    assert _finding(control, RIGHT, WRONG).state == _finding(control, WRONG, RIGHT).state == "fail"
    assert _finding(control, RIGHT, UNREAD).reason == "Unparseable"


def test_that_no_secret_is_needed_is_a_fact_of_all_workloads() -> None:
    assert _finding(MOUNTED, RIGHT, RIGHT).state == "not_applicable"
    assert _finding(MOUNTED, RIGHT, WRONG).state == "fail"
    assert _finding(MOUNTED, RIGHT, UNREAD).state == "unknown"
    assert _finding(MOUNTED, RIGHT, of_some=True).message == "Not all pods of the agent are known to have this config."


def test_a_workload_without_revisions_has_no_version_before() -> None:
    assert _finding(TAGGED, RIGHT, WRONG).state == "fail"
    assert _finding(TAGGED, RIGHT, WRONG).message == "revisionHistoryLimit of Deployment search-1 is 0."
