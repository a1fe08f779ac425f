"""What kube-score and checkov have against the chart's manifests, each with why it stays."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.render import Values, is_custom, rendered
from tests.servers.tools import tool

CRITICAL, WARNING = 1, 5
"""Grades of kube-score; 10 is good."""

ALL: Values = {
    "replicas": 2,
    "podDisruptionBudget": {"enabled": True},
    "networkPolicy": {"enabled": True},
    "agentNetworkPolicy": {"namespaces": ["prod"]},
    "ingress": {"enabled": True, "hosts": ["watcher.example.org"], "tls": [{"secretName": "page"}]},
    "rulesConfigMap": {"enabled": True},
}
ACCEPTED = {
    "Container Resources": "no CPU limit: throttled looks are late looks (README, Sizes)",
    "Container Ephemeral Storage Request and Limit": "all that is written is an emptyDir with a sizeLimit",
    "Container Image Pull Policy": "tags of releases do not move; `image.pullPolicy` and `image.digest` are values",
    "Pod NetworkPolicy": "`networkPolicy.enabled` is a value; the pod of `helm test` lives for seconds",
    "NetworkPolicy targets Pod": "that for agents selects pods of another chart",
    "Deployment Replicas": "one is enough for most fleets (README, More than one replica)",
    "StatefulSet has PodDisruptionBudget": "a value; shards start anew by themselves",
}


ACCEPTED_OF_CHECKOV = {
    "CKV_K8S_8": "liveness probe: the pod of `helm test` lives for seconds; all others have one",
    "CKV_K8S_9": "readiness probe: the same",
    "CKV_K8S_11": "no CPU limit: throttled looks are late looks (README, Sizes)",
    "CKV_K8S_15": "pull policy: tags of releases do not move; `image.pullPolicy` is a value",
    "CKV_K8S_38": "the token of its service account: it asks the API server which agents there are",
    "CKV_K8S_43": "image by digest: `image.digest` is a value",
    "CKV2_K8S_6": "NetworkPolicy: `networkPolicy.enabled` is a value; the pod of `helm test` lives for seconds",
}


def manifests(values: Values) -> str:
    """As YAML, without those that Kubernetes itself knows nothing of."""
    return "\n---\n".join(yaml.safe_dump(each) for each in rendered(values).values() if not is_custom(each))


def findings(values: Values) -> dict[str, str]:
    """Check -> the first object and comment, of all that is not good."""
    said = subprocess.run(
        [tool("kube-score"), "score", "--output-format", "json", "--kubernetes-version", "v1.30", "-"],
        input=manifests(values),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    found: dict[str, str] = {}
    for scored in json.loads(said.stdout):
        for check in scored["checks"]:
            if not check["skipped"] and check["grade"] <= WARNING:
                comments = "; ".join(each["summary"] for each in check["comments"] or ())
                found.setdefault(check["check"]["name"], f"{scored['object_name']}: {comments}")
    return found


@pytest.mark.parametrize(
    "values",
    [{}, ALL, {"shards": 3}, {"state": {"persistence": {"enabled": True}}}],
    ids=["default", "all", "shards", "one with a volume"],
)
def test_kube_score_has_nothing_against_the_chart_but_what_has_a_reason(values: Values) -> None:
    assert {name: said for name, said in findings(values).items() if name not in ACCEPTED} == {}


def test_no_reason_is_kept_for_what_nobody_says_any_more() -> None:
    said = {name for values in ({}, ALL, {"shards": 3}) for name in findings(values)}
    assert set(ACCEPTED) - said == set()


@pytest.mark.skipif(not shutil.which("checkov"), reason="needs checkov on PATH")  # a hundred packages of its own
def test_checkov_has_nothing_against_the_chart_but_what_has_a_reason(tmp_path: Path) -> None:
    for name, values in {"default": {}, "all": ALL, "shards": {"shards": 3}}.items():
        (tmp_path / f"{name}.yaml").write_text(manifests(values))
    command: list[str | Path] = [
        "checkov",
        "--directory",
        tmp_path,
        "--framework",
        "kubernetes",
        "--skip-download",
        "--output",
        "json",
    ]
    said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)
    assert said["summary"]["passed"] > 0
    assert {each["check_id"] for each in said["results"]["failed_checks"]} == ACCEPTED_OF_CHECKOV.keys()
