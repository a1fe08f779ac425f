"""What is kept of ConfigMaps, workloads and roles, and when a process is known to have started with its config."""

import json
from base64 import b64encode
from typing import Any

import pytest

from probes.controls.evidence import KubeObject
from probes.controls.evidence.agent_config import NOT_SET
from probes.controls.judges.stand_ins import EXAMPLES
from probes.readings.opa.policies import policy_digest
from tests.checklist.live.kubernetes.cluster import config_map, deployment
from tests.discovery.pods.test_target import CONFIG, pod
from watcher.checklist.live.kubernetes.configs.agent_files import in_place
from watcher.checklist.live.kubernetes.configs.kept_config_map import keep_config, keep_config_map
from watcher.checklist.live.kubernetes.objects.kinds import Group, Kind, kinds
from watcher.checklist.live.kubernetes.objects.report_kinds import report_kinds
from watcher.checklist.live.kubernetes.objects.workloads import Workload, owner_of, reduce_workload
from watcher.discovery.pod.kept.pod import keep_pod, seconds
from watcher.discovery.pod.pod import read_pod
from watcher.discovery.pods.scope import SeenPod

SECRET = "hunter2-of-production"
KINDS = {kind.name: kind for kind in (*kinds(reduce_workload), *report_kinds())}
EARLY, CHANGED = "2026-11-18T08:00:00Z", "2026-11-18T09:00:00Z"


def test_no_text_of_a_config_map_is_kept_but_what_is_to_be_judged_of_it_is() -> None:
    raw = config_map(f"{CONFIG}db_password: {SECRET}\n", key=EXAMPLES["AWS access key"], motd=SECRET)
    raw["binaryData"] = {"a.bin": b64encode(b"\xff\x00").decode(), "b.txt": b64encode(SECRET.encode()).decode()}
    managed = {"manager": "kubectl-edit", "time": CHANGED, "fieldsV1": {"f:data": {"f:key": {}}}}
    raw["metadata"] |= {"creationTimestamp": "2026-11-18T08:00:00Z", "managedFields": [managed]}
    kept = keep_config_map(raw, ["config.yaml"], 1.0)
    body = kept.object().body
    assert SECRET not in json.dumps(body)
    data: Any = body["data"]
    assert data["motd"] == "x"
    assert data["key"] == f"x {EXAMPLES['AWS access key']}"
    assert "db_password: x" in data["config.yaml"]
    assert (kept.changed_at, kept.ref) == (seconds(CHANGED), "configmap/agentweave/agentweave-example-config")
    assert list(kept.configs) == ["config.yaml"]


def _managed(time: str | None, *fields: str) -> dict[str, Any]:
    return {"manager": "m", "time": time, "fieldsV1": {field: {} for field in fields}}


@pytest.mark.parametrize(
    ("managed", "changed_at"),
    [
        (None, None),
        ([], None),
        ([_managed(CHANGED, "f:metadata")], None),
        ([_managed(None, "f:data")], None),
        ([_managed(EARLY, "f:data"), _managed(None, "f:data")], None),
        ([_managed(EARLY, "f:data"), _managed(CHANGED, "f:metadata")], EARLY),
        ([_managed("2026-11-18T07:00:00Z", "f:data")], EARLY),
        ([_managed(EARLY, "f:data"), _managed(CHANGED, "f:binaryData")], CHANGED),
    ],
    ids=[
        "stripped",
        "empty",
        "of labels",
        "without time",
        "one without time",
        "data before labels",
        "restored",
        "the last counts",
    ],
)
def test_when_a_config_map_was_changed_is_told_by_those_who_changed_it_or_not_at_all(
    managed: list[dict[str, Any]] | None, changed_at: str | None
) -> None:
    raw = config_map()
    raw["metadata"] |= {"creationTimestamp": EARLY, "managedFields": managed}
    kept = keep_config_map(raw, (), 1.0)
    assert kept.changed_at == (None if changed_at is None else seconds(changed_at))


def test_a_config_keeps_its_keys_and_lines_and_not_its_secrets_and_says_what_is_wrong_with_it() -> None:
    kept = keep_config(f"agent:\n  name: search\ndb:\n  password: {SECRET}\n  pin_token: 12345678\n")
    read = kept.read("1.0.0", in_place=True)
    assert (read.get("agent.name"), read.line("db.password"), read.sdk_version) == ("search", 4, "1.0.0")
    assert (read.get("db.password"), read.get("db.none")) == ("x", NOT_SET)
    assert kept.digest.startswith("sha256:")
    assert keep_config("a: [").read("1.0.0", in_place=None).broken[0][0] == 2
    assert SECRET.encode() not in kept.packed


def test_of_the_modules_of_a_config_map_the_digest_is_kept_and_tests_of_them_are_no_policy() -> None:
    modules = {"b.rego": "package b\n", "a.rego": "package a\n"}
    kept = keep_config_map(config_map(**modules, **{"a_test.rego": "package a_test\n"}), (), 1.0)
    assert kept.policy == policy_digest(modules)
    assert keep_config_map(config_map(), (), 1.0).policy == ""


def _seen(created: str, started: str, **more: object) -> SeenPod:
    raw = pod(metadata__creationTimestamp=created, **more)
    raw["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": started}} if started else {}
    return SeenPod(read_pod(raw), kept=keep_pod(raw))


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([], True),
        ([_seen("2026-11-18T09:00:00Z", "2026-11-18T09:00:05Z")], True),
        ([_seen("2026-11-18T08:00:00Z", "2026-11-18T08:00:05Z")], False),
        ([_seen("2026-11-18T08:00:00Z", "2026-11-18T09:00:30Z")], None),  # the kubelet may not have had it
        ([_seen("2026-11-18T08:00:00Z", "2026-11-18T09:02:00Z")], True),
        ([_seen("2026-11-18T08:00:00Z", "")], None),
        (
            [
                _seen("2026-11-18T09:01:00Z", "2026-11-18T09:01:05Z"),
                _seen("2026-11-18T08:00:00Z", "2026-11-18T08:01:00Z"),
            ],
            False,
        ),
        ([_seen("2026-11-18T08:00:00Z", "2026-11-18T08:01:00Z", metadata__deletionTimestamp=CHANGED)], True),
    ],
    ids=["none", "new pod", "old process", "just restarted", "restarted", "not running", "one of two", "ends"],
)
def test_a_process_started_with_a_config_that_was_there_before(pods: list[SeenPod], expected: bool | None) -> None:
    assert in_place(seconds(CHANGED), pods) is expected
    assert in_place(None, pods) is (None if any(_lasts(each) for each in pods) else True)


def _lasts(seen: SeenPod) -> bool:
    return seen.kept is not None and seen.kept.run.ends_since is None


def test_of_a_workload_its_template_is_kept_and_others_than_agents_are_not() -> None:
    raw = deployment(0, revisionHistoryLimit=3)
    raw["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "DB_PASSWORD", "value": SECRET})
    raw["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": SECRET}
    body = reduce_workload(raw)
    assert body is not None
    assert SECRET not in json.dumps(body)
    workload = Workload(KubeObject("Deployment", "agentweave", "agentweave-example", body, "d"))
    assert (workload.agent, workload.is_agent, workload.labels) == ("agentweave-example", True, {"team": "search"})
    assert workload.configs == [(("agentweave", "agentweave-example-config"), "config.yaml")]
    assert body["spec"] == {"replicas": 0, "revisionHistoryLimit": 3}
    assert [each.name for each in workload.template().containers()] == ["wait-for-spire", "agent", "opa"]
    plain = deployment()
    plain["spec"]["template"]["spec"]["containers"] = [{"name": "web", "image": "nginx"}]
    assert reduce_workload(plain) is None
    assert reduce_workload({**plain, "spec": {"workloadRef": {"kind": "Deployment", "name": "x"}}}) is None


def _controller(kind: str, name: str) -> dict[str, object]:
    return {"kind": kind, "name": name, "controller": True}


@pytest.mark.parametrize(
    ("changes", "owner"),
    [
        ({}, ("Deployment", "agentweave-example")),
        (
            {"metadata__ownerReferences": [{"kind": "StatefulSet", "name": "s", "controller": True}]},
            ("StatefulSet", "s"),
        ),
        ({"metadata__ownerReferences": [{"kind": "Job", "name": "j", "controller": True}]}, ("Job", "j")),
        ({"metadata__ownerReferences": []}, ("Pod", "agentweave-example-6d5b9c7f8b-x2x7p")),
    ],
)
def test_a_pod_tells_what_has_made_it(changes: dict[str, object], owner: tuple[str, str]) -> None:
    assert owner_of(read_pod(pod(**changes))) == owner


def _role(name: str, *resources: str, kind: str = "Role") -> dict[str, Any]:
    rules = [{"apiGroups": [""], "resources": list(resources), "verbs": ["get"]}]
    return {
        "metadata": {"name": name, "uid": name, **({"namespace": "prod"} if kind == "Role" else {})},
        "rules": rules,
    }


def test_of_thousands_of_roles_those_that_give_secrets_are_kept() -> None:
    assert KINDS["Role"].reduce(_role("a", "pods")) is None
    assert KINDS["Role"].reduce(_role("admin", "pods")) is None
    kept = KINDS["Role"].reduce(_role("b", "secrets", "pods"))
    assert kept == {"rules": [{"apiGroups": [""], "resources": ["secrets", "pods"], "verbs": ["get"]}]}
    assert KINDS["ClusterRole"].reduce(_role("edit", "pods", kind="ClusterRole")) == {"rules": []}


def test_nothing_that_is_encrypted_or_a_parameter_is_kept_of_what_makes_secrets() -> None:
    meta = {"name": "db", "namespace": "prod"}
    sealed = {"metadata": meta, "spec": {"encryptedData": {"a": SECRET}, "template": {"metadata": {"name": "db2"}}}}
    assert KINDS["SealedSecret"].reduce(sealed) == {
        "metadata": {"labels": {}, "annotations": {}, "ownerReferences": []},
        "spec": {"template": {"metadata": {"name": "db2"}}},
        "status": {},
    }
    provider = {"metadata": meta, "spec": {"parameters": {"a": SECRET}, "secretObjects": [{"secretName": "db"}]}}
    kept = KINDS["SecretProviderClass"].reduce(provider)
    assert kept is not None
    assert kept["spec"] == {"secretObjects": [{"secretName": "db"}]}


def test_no_kind_is_that_of_secrets() -> None:
    assert not [kind for kind in KINDS.values() if kind.plural == "secrets"]
    assert {kind.group for kind in KINDS.values()} == set(Group)
    assert Kind("X", Group.RBAC, "", "xs", lambda _: None).path("v1", "prod") == "/api/v1/namespaces/prod/xs"


def api_server(**meta: object) -> dict[str, Any]:
    """A static pod of an API server."""
    command = ["kube-apiserver", f"--token-auth-file={SECRET}", "--audit-log-path", SECRET]
    owned = [{"apiVersion": "v1", "kind": "Node", "name": "node-1", "controller": True}]
    static = {"name": "a", "annotations": {"kubernetes.io/config.mirror": "1"}, "ownerReferences": owned}
    return {"metadata": static | meta, "spec": {"containers": [{"name": "a", "command": command}]}}


def test_of_an_api_server_the_names_of_its_flags_are_kept_and_no_value() -> None:
    assert KINDS["ControlPlanePod"].reduce(api_server()) == {"flags": ["--audit-log-path", "--token-auth-file"]}


@pytest.mark.parametrize("meta", [{"annotations": {}}, {"annotations": None}, {"ownerReferences": []}])
def test_a_pod_that_only_calls_itself_an_api_server_is_none(meta: dict[str, Any]) -> None:
    assert KINDS["ControlPlanePod"].reduce(api_server(**meta)) is None


def spire_agent(**parts: object) -> dict[str, Any]:
    """A pod of SPIRE's agent, as its manifests make it."""
    owned = [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "spire-agent", "controller": True}]
    spec = {
        "nodeName": "node-1",
        "containers": [{"name": "a", "image": "ghcr.io/spiffe/spire-agent:1.9.0@sha256:0", "args": [SECRET]}],
        "volumes": [{"name": "socket", "hostPath": {"path": "/run/spire/agent-sockets"}}],
    }
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": EARLY}]
    given = {"owners": owned, "conditions": conditions} | parts
    meta = {"name": "spire-agent-1", "ownerReferences": given.pop("owners")}
    status = {"conditions": given.pop("conditions")}
    return {"metadata": meta, "spec": spec | given, "status": status}


@pytest.mark.parametrize("kind", ["SpireAgentPod", "SpireAgentPodOfChart"])
def test_of_an_agent_of_spire_its_node_is_kept_and_whether_it_is_ready(kind: str) -> None:
    reduce = KINDS[kind].reduce
    assert reduce(spire_agent()) == {"node": "node-1", "ready": True, "since": seconds(EARLY)}
    not_ready = [{"type": "Ready", "status": "False", "lastTransitionTime": CHANGED}]
    assert reduce(spire_agent(conditions=not_ready)) == {"node": "node-1", "ready": False, "since": seconds(CHANGED)}
    assert reduce(spire_agent(conditions=None)) == {"node": "node-1", "ready": False, "since": 0.0}


@pytest.mark.parametrize(
    "parts",
    [
        {"owners": []},
        {"owners": [{"kind": "ReplicaSet"}]},
        {"volumes": [{"name": "socket", "emptyDir": {}}]},
        {"containers": [{"name": "spire-agent", "image": "acme/search:1"}]},
        {"containers": [{"name": "a", "image": "ghcr.io/spire-agent/proxy:1"}]},
    ],
)
def test_a_pod_that_only_calls_itself_an_agent_of_spire_is_none(parts: dict[str, object]) -> None:
    assert KINDS["SpireAgentPod"].reduce(spire_agent(**parts)) is None


def test_the_spire_of_cilium_is_none_that_agents_have_their_identities_of() -> None:
    raw = spire_agent()
    raw["metadata"]["namespace"] = "cilium-spire"
    assert KINDS["SpireAgentPod"].reduce(raw) is None


def test_an_endpoint_serves_by_what_is_said_of_it_else_as_it_is_ready() -> None:
    def serves(pod: str = "p", kind: str = "Pod", **conditions: object) -> object:
        ends = [{"targetRef": {"kind": kind, "name": pod}, "conditions": conditions}, {"addresses": ["10.0.0.1"]}]
        return KINDS["EndpointSlice"].reduce({"metadata": {"name": "s"}, "endpoints": ends})

    assert serves(serving=True, terminating=True, ready=False) == {"serving": {"p": True}}
    assert serves(serving=False, terminating=True) == {"serving": {"p": False}}
    assert serves(ready=False) == {"serving": {"p": False}}
    assert serves() == {"serving": {"p": True}}
    assert serves(kind="Node") == {"serving": {}}
    assert KINDS["EndpointSlice"].reduce({"metadata": {}, "endpoints": None}) == {"serving": {}}


@pytest.mark.parametrize("namespace", ["", "prod"])
def test_api_servers_are_looked_for_where_no_tenant_makes_pods(namespace: str) -> None:
    kind = KINDS["ControlPlanePod"]
    assert kind.path("v1", namespace) == "/api/v1/namespaces/kube-system/pods"
