"""What is kept of a pod for the checklist: enough to judge it as its own object is judged, and no value of it."""

import gc
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import (
    AgentConfigFile,
    AgentObjects,
    AgentRef,
    EvidenceSet,
    Listing,
    PodTemplate,
    Seen,
)
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.judges.stand_ins import EXAMPLES
from probes.controls.judging import Facts, Statement, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from tests.discovery.pods.test_target import pod
from tests.probes.controls.made import CATALOGUE, NOW
from watcher.discovery.pod.kept.cost import MOST_WORK
from watcher.discovery.pod.kept.pod import keep_pod, seconds
from watcher.discovery.pod.kept.template import MOST_BYTES, keep_template

SECRET = "hunter2-of-production"
OF_TEMPLATES = [
    control
    for control in CATALOGUE.controls
    if {SourceName.KUBERNETES_OBJECT, SourceName.KUBERNETES_POD} <= {spec.source for spec in control.evidence}
]


def statements(template: PodTemplate) -> list[tuple[str, Statement]]:
    """What all judges say of a template, and whether it needs secrets."""
    listings = {"ConfigMap": Seen(Listing(()), NOW, ""), "LimitRange": Seen(Listing(()), NOW, "")}
    objects = AgentObjects(NOT_GIVEN, Seen(template, NOW, "t"), listings)
    config = AgentConfigFile({}, {}, "1.0.0", in_place=True)
    sources = {SourceName.KUBERNETES_OBJECT: Seen(objects, NOW, ""), SourceName.AGENT_CONFIG: Seen(config, NOW, "")}
    evidence, facts = EvidenceSet(AgentRef("prod", "search"), sources), Facts(now=NOW, sdk=load_sdk_facts())
    judges = load_judges()
    return [
        (control.id, said)
        for control in OF_TEMPLATES
        for registered in judges.controls[control.id]
        if SourceName.KUBERNETES_OBJECT in registered.sources
        for said in registered.judge(control, evidence, facts)
    ]


NAMES = st.sampled_from(["DB_PASSWORD", "AGENTWEAVE_DEBUG", "AGENTWEAVE_LOG_LEVEL", "AUTH", "TOKEN_FILE", "MODE"])
VALUES = st.sampled_from(
    ["", " ", "true", "DEBUG", "basic", SECRET, "/run/token", "vault:a/b", "$(MODE)", "a$(AUTH)", *EXAMPLES.values()]
)
WORDS = st.lists(
    st.sampled_from(["sh", "-c", "sleep 5", "sleep $X", "--password", SECRET, f"--token={SECRET}", "--port=1"]),
    max_size=4,
)
CONTAINERS = st.builds(
    lambda env, command, args, stop, more: {
        "name": "agent",
        "env": [{"name": name, "value": value} for name, value in env],
        "command": command,
        "args": args,
        "lifecycle": {"preStop": {"exec": {"command": stop}}},
        **more,
    },
    st.lists(st.tuples(NAMES, VALUES), max_size=3),
    WORDS,
    WORDS,
    WORDS,
    st.sampled_from(
        [
            {},
            {"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "0"}}},
            {"securityContext": {"runAsUser": 0}},
            {"livenessProbe": {"httpGet": {"path": f"/h?t={SECRET}", "port": 1}}, "readinessProbe": {"grpc": {}}},
            {"envFrom": [{"secretRef": {"name": "db"}}, {"configMapRef": {"name": "settings"}}]},
        ]
    ),
)
SPECS = st.builds(
    lambda containers, more: {"containers": containers, **more},
    st.lists(CONTAINERS, min_size=1, max_size=2),
    st.sampled_from(
        [
            {},
            {"serviceAccountName": "search", "terminationGracePeriodSeconds": 60},
            {"volumes": [{"name": "s", "secret": {"secretName": "db", "defaultMode": 0o440}}]},
            {"volumes": [{"name": "s", "projected": {"sources": [{"secret": {"name": "db"}}], "defaultMode": 0o644}}]},
            {"volumes": [{"name": "s", "csi": {"driver": "secrets-store.csi.k8s.io"}}]},
            {"securityContext": {"runAsNonRoot": True}, "hostAliases": [{"ip": "1.1.1.1", "hostnames": [SECRET]}]},
        ]
    ),
)


@given(SPECS)
def test_judges_say_the_same_of_what_is_kept_as_of_the_template(spec: dict[str, Any]) -> None:
    kept = keep_template({}, spec).read()
    whole = PodTemplate({"annotations": {}}, spec, kept.agent_container)
    assert _told(statements(kept)) == _told(statements(whole))


def _told(said: list[tuple[str, Statement]]) -> set[tuple[str, str, str]]:
    """What options of a command are called beside the secret ones is not kept, so its places are not compared."""
    return {
        (control, str(each.says), "its command" if ": its " in each.message else each.message) for control, each in said
    }


@given(SPECS)
def test_no_value_of_a_template_is_kept(spec: dict[str, Any]) -> None:
    kept = keep_template({"annotations": {"vault.hashicorp.com/agent-inject": SECRET, "note": SECRET}}, spec)
    assert SECRET not in kept.packed.decode()


def test_pods_of_one_template_share_what_is_kept_of_it_and_nobody_keeps_it_longer() -> None:
    def made(number: int) -> dict[str, Any]:
        raw = pod(metadata__name=f"search-{number}", metadata__uid=str(number), spec__nodeName=f"node-{number}")
        raw["spec"]["volumes"].append({"name": f"kube-api-access-abc{number}x", "projected": {"sources": []}})
        raw["spec"]["volumes"].append({"name": "data", "persistentVolumeClaim": {"claimName": f"data-search-{number}"}})
        mounts = raw["spec"]["containers"][0]["volumeMounts"]
        mounts.append({"name": f"kube-api-access-abc{number}x", "mountPath": "/var/run/secrets/x"})
        return raw

    kept = [keep_pod(made(number)).template for number in range(3)]
    assert kept[0] is kept[1] is kept[2]
    other = made(3)
    other["spec"]["containers"][0]["image"] = "agentweave/example-agent:2.0.0"
    assert keep_pod(other).template is not kept[0]
    packed = kept[0].packed
    del kept
    gc.collect()
    assert keep_pod(made(0)).template.packed == packed


def test_what_a_kubelet_says_of_a_pod_is_kept() -> None:
    raw = pod(
        metadata__deletionTimestamp="2026-11-18T09:00:30Z",
        metadata__deletionGracePeriodSeconds=30,
        metadata__creationTimestamp="2026-11-18T07:58:00Z",
        status__qosClass="Burstable",
    )
    agent = raw["status"]["containerStatuses"][0]
    agent |= {"restartCount": 2, "ready": True, "started": True, "imageID": "docker.io/a@sha256:1"}
    agent["lastState"] = {
        "terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": None, "finishedAt": "2026-11-18T08:00:00Z"}
    }
    kept = keep_pod(raw)
    run, own = kept.run, kept.run.container("agent")
    assert own is not None
    assert own.ended is not None
    assert (run.revision, run.node, run.quality) == ("6d5b9c7f8b", "node-a", "Burstable")
    assert run.ends_since == seconds("2026-11-18T09:00:00Z")
    assert run.ready_since == seconds("2026-11-18T08:00:30Z")
    assert (own.restarts, own.image_id, own.ended.code, own.ended.reason) == (
        2,
        "docker.io/a@sha256:1",
        137,
        "OOMKilled",
    )
    assert own.running_since == seconds("2026-11-18T08:00:00Z")
    assert (kept.template.opa, kept.template.opa_on_loopback) == ("opa", False)
    assert kept.labels.labels["app.kubernetes.io/component"] == "agent"


def test_resources_are_those_that_a_kubelet_says_it_gave() -> None:
    raw = pod()
    raw["status"]["containerStatuses"][0]["resources"] = {"limits": {"memory": "256Mi"}}
    containers = list(keep_pod(raw).template.read().containers())
    agent = next(each for each in containers if each.agent)
    assert agent.body["resources"] == {"limits": {"memory": "256Mi"}}
    assert agent.name == "agent"


@pytest.mark.parametrize(("address", "loopback"), [("--addr=127.0.0.1:8181", True), ("--addr=:8181", False)])
def test_an_opa_that_listens_on_loopback_alone_is_told(address: str, loopback: bool) -> None:
    raw = pod()
    raw["spec"]["containers"][1]["args"] = ["run", "--server", address]
    assert keep_pod(raw).template.opa_on_loopback is loopback


def test_a_template_that_is_too_large_is_refused() -> None:
    spec = deepcopy(pod()["spec"])
    spec["containers"] = [{"name": f"c{n}", "image": "x" * 250} for n in range(MOST_BYTES // 250)]
    assert len(to_json(spec)) > MOST_BYTES
    with pytest.raises(ValueError, match="what is judged of its template is over 64 KiB"):
        keep_template({}, spec)


def _calls(work: Callable[[], object]) -> int:
    """How many functions were called: what it cost, on any machine."""
    counted = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


def _many(**parts: object) -> dict[str, Any]:
    return {"containers": [{"name": "agent", "image": "x", **parts}]}


@pytest.mark.parametrize(
    "spec",
    [
        _many(env=[{"name": f"N{n}", "value": f"a{n}=b"} for n in range(20_000)]),
        _many(args=[f"--a{n}=b" for n in range(20_000)]),
        _many(volumeMounts=[{} for _ in range(50_000)]),
        _many(lifecycle={"preStop": {"exec": {"command": [f"a{n}" for n in range(20_000)]}}}),
        _many() | {"volumes": [{"name": f"v{n}", "emptyDir": {}} for n in range(20_000)]},
    ],
    ids=["variables", "arguments", "empty", "hook", "volumes"],
)
def test_a_template_that_takes_long_to_read_is_refused_before_it_is_read(spec: dict[str, Any]) -> None:
    def refused() -> None:
        with pytest.raises(ValueError, match="its template has more variables, arguments or other parts than are read"):
            keep_template({}, spec)

    assert _calls(refused) < 10 * MOST_WORK


def test_a_template_that_was_refused_is_not_read_again() -> None:
    spec = _many(env=[{"name": f"N{n}{'z' * 250}", "value": "x", "key": "y" * 250} for n in range(200)])

    def refused() -> None:
        with pytest.raises(ValueError, match="what is judged of its template is over 64 KiB"):
            keep_template({}, spec)

    refused()
    assert _calls(refused) < 200


def test_a_large_annotation_is_looked_through_once_whatever_else_of_the_pod_changes() -> None:
    metadata = {"annotations": {"a": "AKIA eyJ sk- " * 10_000}}

    def cost(image: str) -> int:
        return _calls(partial(keep_template, metadata, _many(image=image)))

    first, again = cost("a"), cost("b")
    assert again < first
    secret = {"annotations": {"a": f"{'x ' * 1000}{EXAMPLES['AWS access key']}"}}
    for spec in (_many(image="a"), _many(image="b")):
        assert keep_template(secret, spec).read().metadata["annotations"] != {}
