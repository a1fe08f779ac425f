"""Evidence from a real API server, asked with rights that are given and taken away meanwhile."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentConfigFile, AgentObjects, AgentRef, LivePod, Missing, Routed, Seen
from probes.controls.judges.spire_agents import SpireAgent, spire_agents_of
from probes.readings.opa.policies import policy_digest
from tests.checklist.live.judged import are_dated_alike
from tests.checklist.live.kubernetes import scanners
from tests.checklist.live.kubernetes.cluster import (
    ACCOUNT,
    AGENT,
    NAMESPACE,
    PROMPT,
    WATCH,
    Watched,
    config_map,
    deployment,
    policy,
    run_pod,
    status,
    until,
    watching,
)
from tests.checklist.live.logs.lines import line
from tests.discovery.pods.test_target import CONFIG, POD
from tests.repository import ROOT
from tests.servers.kube import Kubernetes, run_kubernetes
from tests.servers.kube_api import KubeApi, RefusedError
from tests.servers.kubelet import run_kubelet
from tests.servers.process import eventually
from watcher.checklist.live.accounts import UNLISTED, account
from watcher.checklist.live.kubernetes.objects.kinds import Group
from watcher.checklist.live.kubernetes.pods.live_pods import LivePods
from watcher.checklist.live.logs.pod_logs import PodLogs
from watcher.config.replicas import Shard
from watcher.discovery.pod.kept.pod import seconds
from watcher.discovery.pods.scope import Scope

SPIRE = [{"apiGroups": ["spire.spiffe.io"], "resources": ["clusterspiffeids"], "verbs": ["list", "watch"]}]
RBAC = "rbac.authorization.k8s.io"
READ = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["configmaps", "services"], "verbs": ["get"]},
]
WORKLOADS = [
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["limitranges"], "verbs": ["list", "watch"]},
]
POLICIES = [{"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["list", "watch"]}]
NETWORK = [
    *POLICIES,
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
]
CILIUM = [{"apiGroups": ["cilium.io"], "resources": ["ciliumnetworkpolicies"], "verbs": ["list", "watch"]}]
CILIUM_POLICIES = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "ciliumnetworkpolicies.cilium.io"},
    "spec": {
        "group": "cilium.io",
        "scope": "Namespaced",
        "names": {"kind": "CiliumNetworkPolicy", "plural": "ciliumnetworkpolicies", "singular": "ciliumnetworkpolicy"},
        "versions": [
            {
                "name": "v2",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
ROLES = ["roles", "rolebindings", "clusterroles", "clusterrolebindings"]
READERS = [{"apiGroups": [RBAC], "resources": ROLES, "verbs": ["list", "watch"]}]
DEFINED, DENY = "deployment.network.policies-defined", "deployment.network.default-deny"
ROLLBACK, LIMITS = "deployment.rollback.automation", "deployment.resources.memory-limits"
SECRET = "AKIAIOSFODNN7EXAMPLE"


def rights(*rules: dict[str, Any]) -> dict[str, Any]:
    """All that the watcher may do."""
    named = {"name": "watcher"}
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": named, "rules": [*READ, *rules]}


@pytest.fixture(scope="module")
def server() -> Iterator[Kubernetes]:
    with run_kubernetes() as kubernetes:
        admin = kubernetes.admin
        admin.namespace(WATCH)
        admin.namespace(NAMESPACE)
        admin.apply((ROOT / "tests" / "servers" / "cluster_spiffe_id.yaml").read_text())
        account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": WATCH}
        role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "watcher"}
        binding = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "watcher"}}
        admin.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": WATCH}},
            {**binding, "roleRef": role, "subjects": [account]},
        )
        yield kubernetes


@pytest.fixture
def kubernetes(server: Kubernetes) -> Iterator[Kubernetes]:
    """Without objects and pods of other tests; the watcher may read all that it can use."""
    admin = server.admin
    admin.apply(rights(*WORKLOADS, *NETWORK, *READERS), config_map())
    yield server
    within = f"namespaces/{NAMESPACE}"
    for place in (
        "/apis/spire.spiffe.io/v1alpha1/clusterspiffeids",
        f"/apis/apps/v1/{within}/deployments",
        f"/apis/networking.k8s.io/v1/{within}/networkpolicies",
        f"/apis/discovery.k8s.io/v1/{within}/endpointslices",
        f"/api/v1/{within}/configmaps",
        f"/api/v1/{within}/pods",
    ):
        eventually(partial(_is_cleared, admin, place))


def _is_cleared(admin: KubeApi, place: str) -> bool:
    """Delete what is there; False while a server that just started has not read its CRDs."""
    try:
        for each in admin.get(place)["items"]:
            admin.ask("DELETE", f"{place}/{each['metadata']['name']}", params={"gracePeriodSeconds": 0})
    except RefusedError as refused:
        if refused.status not in {429, 503}:
            raise
        return False
    return True


def endpoints(*, serving: bool, terminating: bool = False) -> dict[str, Any]:
    """The EndpointSlice of the Service of the example agent."""
    conditions = {"ready": serving and not terminating, "serving": serving, "terminating": terminating}
    reference = {"kind": "Pod", "name": "pod-1", "namespace": NAMESPACE}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "example-1", "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": "example"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": conditions, "targetRef": reference}],
        "ports": [],
    }


def routed(watched: Watched) -> Seen[tuple[Routed, ...]] | Missing:
    objects = watched.gathered().of(SourceName.KUBERNETES_OBJECT, AgentObjects)
    return objects if isinstance(objects, Missing) else objects.value.routed


def test_a_pod_that_is_asked_to_end_is_looked_up_in_its_endpoint_slices(kubernetes: Kubernetes, tmp_path: Path) -> None:
    admin = kubernetes.admin
    run_pod(kubernetes)
    admin.apply(endpoints(serving=True))

    async def script(watched: Watched) -> None:
        def ended() -> list[tuple[str, bool]]:
            watched.evidence.take_changed()
            found = routed(watched)
            return [] if isinstance(found, Missing) else [(each.pod, each.serving) for each in found.value]

        await until(lambda: isinstance(routed(watched), Seen), lambda: str(routed(watched)), within=3 * PROMPT)
        admin.terminate_pod("pod-1", namespace=NAMESPACE)
        await until(lambda: watched.gathered().pods["pod-1"].terminating, within=3 * PROMPT)
        admin.apply(endpoints(serving=False, terminating=True))
        await until(lambda: ended() == [("pod-1", False)], lambda: str(routed(watched)), within=3 * PROMPT)

    watching(kubernetes, tmp_path, script)


def test_without_the_right_to_endpoint_slices_ends_are_not_known(kubernetes: Kubernetes, tmp_path: Path) -> None:
    kubernetes.admin.apply(rights(*WORKLOADS, *POLICIES, *READERS))
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        denied = Missing(UnknownReason.FORBIDDEN, "EndpointSlice objects may not be listed.")
        await until(lambda: routed(watched) == denied, lambda: str(routed(watched)))
        await until(lambda: watched.evidence.sources_up()["kubernetes_network"] == "Forbidden", within=3 * PROMPT)

    watching(kubernetes, tmp_path, script)


def spire_agent() -> dict[str, Any]:
    """A pod of SPIRE's agent, as its manifests make it."""
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "spire-agent", "uid": "1", "controller": True}
    volume = {"name": "socket", "hostPath": {"path": "/run/spire/agent-sockets"}}
    meta = {"name": "spire-agent-1", "labels": {"app": "spire-agent"}, "ownerReferences": [owner]}
    containers = [{"name": "spire-agent", "image": "ghcr.io/spiffe/spire-agent:1.9.0"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": containers, "volumes": [volume]},
    }


def test_the_spire_agent_of_the_node_is_seen_and_when_it_is_ready_no_more(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    admin, reachable = kubernetes.admin, "predeploy.spire.reachable"
    run_pod(kubernetes)

    def ready(status: str) -> dict[str, Any]:
        return {"conditions": [{"type": "Ready", "status": status, "lastTransitionTime": "2026-11-18T08:00:00Z"}]}

    admin.run_pod(spire_agent(), ready("True"), namespace=WATCH)

    async def script(watched: Watched) -> None:
        def agents() -> object:
            [pod] = watched.gathered().pods.values()
            return spire_agents_of(watched.gathered(), pod)

        since = seconds("2026-11-18T08:00:00Z")
        await until(lambda: agents() == [SpireAgent(ready=True, since=since)], lambda: str(agents()))
        watched.evidence.take_changed()
        admin.set_pod_status("spire-agent-1", ready("False"), namespace=WATCH)
        await until(lambda: agents() == [SpireAgent(ready=False, since=since)], lambda: str(agents()))
        changed = watched.evidence.take_changed()
        assert changed is None or AGENT in changed
        assert watched.finding(reachable).state == "unknown"  # nothing tells what the pod serves

    try:
        watching(kubernetes, tmp_path, script)
    finally:
        admin.delete_pod("spire-agent-1", namespace=WATCH)


def test_a_pod_is_seen_as_it_runs_with_its_digests_and_labels(kubernetes: Kubernetes, tmp_path: Path) -> None:
    kubernetes.admin.apply(deployment())
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        await watched.until_said(ROLLBACK, "pass")
        gathered = watched.gathered()
        [(pod, found)] = gathered.of_pods(SourceName.KUBERNETES_POD, LivePod)
        assert isinstance(found, Seen)
        assert (pod.name, pod.revision, found.ref) == ("pod-1", "6d5b9c7f8b", f"pod/{NAMESPACE}/pod-1")
        assert found.value.opa == "opa"
        assert gathered.digests[Bind.IMAGE_DIGEST] == frozenset({f"sha256:{'a' * 64}"})
        provided = watched.evidence.evidence_of(AGENT, watched.discoverer.targets())
        are_dated_alike(provided.pods)
        assert provided.labels == {"team": "search"}
        assert watched.finding("predeploy.smoke.agent-starts", after=400).state == "pass"
        assert watched.said(LIMITS) == "fail Violated"  # its init container has none
        await until(lambda: set(watched.evidence.sources_up().values()) == {""})

    watching(kubernetes, tmp_path, script)


def test_findings_turn_when_trivy_operator_reports_a_critical_vulnerability_and_with_the_right_to_its_reports(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    admin, scanned = kubernetes.admin, "deployment.image.scanned"
    kinds = [("VulnerabilityReport", "vulnerabilityreports"), ("SbomReport", "sbomreports")]
    group, version = scanners.TRIVY.split("/")
    admin.apply(*[scanners.definition(*each, group, version) for each in kinds])
    reports = [{"apiGroups": [group], "resources": [each for _, each in kinds], "verbs": ["list", "watch"]}]
    admin.apply(rights(*WORKLOADS, *NETWORK))
    run_pod(kubernetes)
    made = {"agent": "agentweave/example-agent", "opa": "openpolicyagent/opa", "init": "library/busybox"}

    async def script(watched: Watched) -> None:
        await watched.until_said(scanned, "unknown Forbidden")
        await until(lambda: watched.evidence.sources_up().get("kubernetes_VulnerabilityReport") == "Forbidden")
        admin.apply(rights(*WORKLOADS, *NETWORK, *reports))
        await watched.until_said(scanned, "unknown NoData")
        for name, repository in made.items():
            admin.apply(scanners.vulnerabilities(at=time.time(), name=name, repository=repository))
        await watched.until_said(scanned, "unknown NoData")
        admin.set_pod_status("pod-1", with_init_container(), namespace=NAMESPACE)
        await watched.until_said(scanned, "pass")
        watched.evidence.take_changed()
        found = {"vulnerabilityID": "CVE-2026-1", "severity": "CRITICAL", "fixedVersion": "2.0"}
        admin.apply(scanners.vulnerabilities(found, at=time.time() + 1, name="agent"))
        await watched.until_said(scanned, "fail Violated")
        changed = watched.evidence.take_changed()
        assert changed is None or AGENT in changed
        assert watched.evidence.sources_up()["kubernetes_VulnerabilityReport"] == ""
        assert "kubernetes_ExposedSecretReport" not in watched.evidence.sources_up()  # it has no CRD

    try:
        watching(kubernetes, tmp_path, script)
    finally:
        for each in kinds:
            admin.delete(scanners.definition(*each, group, version))


def test_lines_of_a_pod_are_counted_by_the_right_to_its_logs_however_long_they_are(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    admin, secret = kubernetes.admin, b"AKIAIOSFODNN7EXAMPLE"
    logs = {"pod-1/agent": b"\n".join([b"a first one", *[line()] * 150, b"key " + secret, b"\xff\x00"])}
    right = {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        async def sampled() -> Any:
            assert watched.evidence.access is not None
            return await PodLogs(watched.evidence.access, 200).sample(AGENT, watched.evidence.pods.of(AGENT))

        async def refused() -> Missing:
            found = await sampled()
            assert isinstance(found, Missing)
            return found

        def is_placed() -> bool:
            watched.evidence.take_changed()
            return bool(watched.evidence.pods.of(AGENT))

        await until(is_placed)
        assert (await refused()).reason is UnknownReason.FORBIDDEN
        admin.apply(rights(*WORKLOADS, *NETWORK, right))
        found: Any = Missing(UnknownReason.OBSERVING, "")
        while isinstance(found, Missing):  # until the API server goes by the right
            found = await sampled()
            assert not isinstance(found, Missing) or found.reason is UnknownReason.FORBIDDEN
        sample, ref = found
        assert (sample.lines, sample.objects, sample.found) == (153, 150, {"AWS access key": 1})
        assert ref == f"pod/{NAMESPACE}/pod-1 container agent"
        assert secret.decode() not in repr(found)
        logs["pod-1/agent"] = b"{" + b"a" * (100 * 2**20)
        sample, _ = await sampled()
        assert (sample.lines, sample.objects, sample.cut) == (1, 0, 1)
        del logs["pod-1/agent"]
        gone = await refused()
        assert gone.reason is UnknownReason.UNREACHABLE
        assert gone.message.startswith("The logs of its pods cannot be read: ")

    with run_kubelet(kubernetes, tmp_path, logs):
        watching(kubernetes, tmp_path, script)


def with_init_container() -> dict[str, Any]:
    """The status of the example pod, with its init container that has ended."""
    given = status()
    ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    image_id = f"docker.io/library/busybox@{scanners.RUNNING}"
    init = {"name": "wait-for-spire", "image": "busybox:latest", "imageID": image_id, "ready": True, "restartCount": 0}
    return given | {"initContainerStatuses": [init | {"started": False, "state": ended}]}


def test_a_network_policy_that_is_deleted_is_seen_at_once(kubernetes: Kubernetes, tmp_path: Path) -> None:
    kubernetes.admin.apply(policy("default-deny"), policy("others", {"matchLabels": {"app": "other"}}))
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        await watched.until_said(DEFINED, "pass")
        assert watched.finding(DEFINED).message == "NetworkPolicy default-deny selects its pods."
        await watched.until_said(DENY, "pass")
        watched.evidence.take_changed()
        kubernetes.admin.delete(policy("default-deny"))
        await watched.until_said(DEFINED, "fail Violated")
        assert watched.finding(DEFINED).message == "No NetworkPolicy selects its pods."
        assert watched.said(DENY) == "fail Violated"
        changed = watched.evidence.take_changed()
        assert changed is None or AGENT in changed
        kubernetes.admin.apply(
            policy("mine", {"matchExpressions": [{"key": "pod-template-hash", "operator": "Exists"}]})
        )
        await watched.until_said(DEFINED, "pass")

    watching(kubernetes, tmp_path, script)


def test_a_right_that_is_taken_away_leaves_its_controls_unknown_until_it_is_given_again(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.admin.apply(rights(*WORKLOADS), deployment(), policy("default-deny"))
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        await watched.until_said(DEFINED, "unknown Forbidden")
        await watched.until_said(ROLLBACK, "pass")
        await until(lambda: watched.evidence.sources_up()["kubernetes_workloads"] == "", within=20)
        assert watched.evidence.sources_up()["kubernetes_network"] == "Forbidden"
        assert watched.said(LIMITS) == "fail Violated"  # pods tell it
        kubernetes.admin.apply(rights(*WORKLOADS, *NETWORK))
        await watched.until_said(DEFINED, "pass")
        await until(lambda: watched.evidence.sources_up()["kubernetes_network"] == "")
        kubernetes.admin.apply(rights(*NETWORK))
        kubernetes.stop()  # a watch that runs is not ended by a right that is taken away
        kubernetes.start()
        await watched.until_said(ROLLBACK, "unknown Forbidden")
        await watched.until_said(DEFINED, "pass")

    watching(kubernetes, tmp_path, script)


def test_what_is_not_turned_on_is_not_asked_for(kubernetes: Kubernetes, tmp_path: Path) -> None:
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        await until(lambda: watched.said(DEFINED) == "unknown NotEnabled")
        assert watched.said(ROLLBACK) == "unknown NotEnabled"
        assert watched.said("deployment.secrets.rbac-configured") == "unknown NotEnabled"
        assert watched.said(LIMITS) == "fail Violated"
        assert set(watched.evidence.sources_up()) == {"kubernetes_pods", "kubernetes_configmaps"}

    watching(kubernetes, tmp_path, script, groups=())


def test_the_config_of_an_agent_is_read_with_its_lines_and_without_its_secrets(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.admin.apply(config_map(f"{CONFIG}custom: {{key: {SECRET}, db_password: hunter2}}\n"))
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        def config() -> object:
            found = watched.gathered().of(SourceName.AGENT_CONFIG, AgentConfigFile)
            return found.value if isinstance(found, Seen) else None

        await until(lambda: config() is not None)
        read = config()
        assert isinstance(read, AgentConfigFile)
        assert read.get("agent.name") == "example-agent"
        assert (read.line("agent.name"), read.line("custom.key")) == (2, 7)
        assert read.in_place is True
        assert SECRET not in str(read)
        assert "hunter2" not in str(read)
        failed = watched.finding("security.secrets.none-in-config")
        assert failed.state == "fail"
        assert "AWS access key" in failed.message
        assert SECRET not in str(failed)
        before = watched.gathered().digests[Bind.CONFIG_DIGEST]
        kubernetes.admin.apply(config_map(CONFIG.replace("deny", "allow")))
        await until(lambda: watched.gathered().digests[Bind.CONFIG_DIGEST] != before)
        changed = config()
        assert isinstance(changed, AgentConfigFile)
        assert changed.get("authorization.default_action") == "allow"

    watching(kubernetes, tmp_path, script)


def test_a_config_that_only_some_pods_have_is_said_to_be_and_records_are_bound_to_those_of_all(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.admin.apply(config_map(CONFIG.replace("100", "50"), "other-config"))
    names = ("agentweave-example-config", "other-config")
    for number, name in enumerate(names, 1):
        volumes = [{"name": "agent-config", "configMap": {"name": name}}]
        volumes += [{"name": each, "emptyDir": {}} for each in ("opa-config", "spire-agent-socket", "tmp")]
        run_pod(kubernetes, number, volumes=volumes)

    async def script(watched: Watched) -> None:
        def digests() -> object:
            return watched.gathered().digests[Bind.CONFIG_DIGEST]

        def has(number: int) -> bool:
            return isinstance(found := digests(), frozenset) and len(found) == number

        await until(lambda: has(2), lambda: str(digests()), within=40)
        config = watched.gathered().of(SourceName.AGENT_CONFIG, AgentConfigFile)
        assert isinstance(config, Seen)
        assert (config.value.of_some, config.value.in_place) == (True, False)
        valid = watched.finding("predeploy.config.valid")
        assert (valid.state, valid.message) == ("unknown", "Not all pods of the agent are known to have this config.")
        kubernetes.admin.apply(config_map(CONFIG, "other-config"))
        await until(lambda: has(1), lambda: str(digests()), within=40)
        alike = watched.gathered().of(SourceName.AGENT_CONFIG, AgentConfigFile)
        assert isinstance(alike, Seen)
        assert alike.value.of_some is False

    watching(kubernetes, tmp_path, script)


def test_the_policy_of_an_opa_that_cannot_be_asked_is_told_by_the_config_maps_that_it_mounts(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    agent, opa = POD["spec"]["containers"]
    mounts = [{"name": "opa-config", "mountPath": "/etc/opa"}]
    run_pod(kubernetes, containers=[agent, opa | {"volumeMounts": mounts, "args": [*opa["args"], "--watch"]}])
    mounted, module = "opa-default-policies", "package agentweave.authz\ndefault allow := false\n"
    kubernetes.admin.apply(config_map(name=mounted, **{"authz.rego": module}))

    async def script(watched: Watched) -> None:
        def digest() -> object:
            return watched.gathered().digests[Bind.POLICY_DIGEST]

        await until(lambda: digest() == frozenset({policy_digest({"authz.rego": module})}), lambda: str(digest()))
        kubernetes.admin.apply(config_map(name=mounted, **{"authz.rego": f"{module}allow if true\n"}))
        await until(
            lambda: digest() == frozenset({policy_digest({"authz.rego": f"{module}allow if true\n"})}),
            lambda: str(digest()),
        )

    watching(kubernetes, tmp_path, script, every=0.5)


def test_a_reload_with_a_shorter_interval_brings_the_next_reading_of_config_maps_forward(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        def digest() -> object:
            return watched.gathered().digests[Bind.CONFIG_DIGEST]

        await until(lambda: isinstance(digest(), frozenset))
        before = digest()
        kubernetes.admin.apply(config_map(CONFIG.replace("deny", "allow")))
        watched.evidence.config_maps.adopt(0.5)
        await until(lambda: digest() != before)

    watching(kubernetes, tmp_path, script, every=600.0)


def test_an_agent_that_is_scaled_to_zero_is_known_by_its_workload(kubernetes: Kubernetes, tmp_path: Path) -> None:
    kubernetes.admin.apply(deployment(0), policy("default-deny"))

    async def script(watched: Watched) -> None:
        def idle() -> set[AgentRef]:
            return set(watched.evidence.agents())

        def asked() -> set[AgentRef]:
            for agent in idle():  # while the workloads are still listed nothing is known of them
                watched.evidence.evidence_of(agent, ())
            return idle()

        await until(lambda: asked() == {AGENT}, lambda: str(idle()), within=40)  # its config says how it is called
        await watched.until_said(ROLLBACK, "pass")
        await watched.until_said(DEFINED, "pass")
        assert watched.said(LIMITS) == "fail Violated"
        run_pod(kubernetes)
        await until(lambda: not idle())
        kubernetes.admin.delete_pod("pod-1", namespace=NAMESPACE)
        await until(lambda: idle() == {AGENT})

    watching(kubernetes, tmp_path, script)


@pytest.mark.parametrize("index", [0, 1])
def test_pods_of_another_shard_are_pods_of_their_workload_and_agents_all_the_same(
    kubernetes: Kubernetes, tmp_path: Path, index: int
) -> None:
    shard = Shard(index=index, count=2)
    number = next(each for each in range(1, 100) if not shard.owns(NAMESPACE, f"pod-{each}"))
    kubernetes.admin.apply(deployment(1))
    run_pod(kubernetes, number)

    async def script(watched: Watched) -> None:
        await watched.evidence.followed.tried()
        assert (list(watched.evidence.agents()), watched.discoverer.targets()) == ([], [])
        assert list(watched.evidence.accounts()) == [account(NAMESPACE, "agentweave-example")]
        kubernetes.admin.delete_pod(f"pod-{number}", namespace=NAMESPACE)
        await until(lambda: len(watched.evidence.agents()) == 1)
        assert list(watched.evidence.accounts()) == [account(NAMESPACE, "agentweave-example")]
        kubernetes.admin.ask("DELETE", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/agentweave-example")
        await until(lambda: not list(watched.evidence.accounts()))

    watching(kubernetes, tmp_path, script, shard=shard)


def test_as_whom_agents_run_is_not_known_until_pods_were_listed_and_of_variables_not_by_another_shard(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    shard = Shard(index=0, count=2)
    theirs = next(each for each in range(1, 100) if not shard.owns(NAMESPACE, f"pod-{each}"))
    containers = [{"name": "agent", "image": "agent", "envFrom": [{"configMapRef": {"name": "settings"}}]}]
    run_pod(kubernetes, theirs, containers=containers, initContainers=[])

    async def script(watched: Watched) -> None:
        assert list(watched.evidence.accounts()) == [account(NAMESPACE, "agentweave-example", certain=False)]
        pods = LivePods([Scope("", lambda _: None, float, shard, lambda: None)], None, float)
        assert list(pods.accounts()) == [UNLISTED]
        pods = LivePods([Scope("prod", lambda _: None, float, shard, lambda: None)], None, float)
        assert list(pods.accounts()) == [account("prod")]

    watching(kubernetes, tmp_path, script, shard=shard)


def test_how_a_pod_ended_is_remembered_when_it_is_gone(kubernetes: Kubernetes, tmp_path: Path) -> None:
    run_pod(kubernetes, 1)
    run_pod(kubernetes, 2)

    async def script(watched: Watched) -> None:
        control = "reliability.shutdown.sigterm-handler"
        await watched.until_said(control, "unknown Observing")
        kubernetes.admin.terminate_pod("pod-2", namespace=NAMESPACE)
        ended = status(2, ready=False)
        meta = kubernetes.admin.get(f"/api/v1/namespaces/{NAMESPACE}/pods/pod-2")["metadata"]
        how = {"exitCode": 137, "reason": "Error", "startedAt": "2026-11-18T08:00:00Z"}
        ended["containerStatuses"][0]["state"] = {"terminated": how | {"finishedAt": meta["deletionTimestamp"]}}
        kubernetes.admin.set_pod_status("pod-2", ended, namespace=NAMESPACE)
        await watched.until_said(control, "fail Violated")
        kubernetes.admin.delete_pod("pod-2", namespace=NAMESPACE)
        await until(lambda: "pod-2" not in watched.gathered().pods)
        assert watched.said(control) == "fail Violated"

    watching(kubernetes, tmp_path, script)


def test_a_pod_that_crashes_and_never_was_ready_fails_the_agent(kubernetes: Kubernetes, tmp_path: Path) -> None:
    run_pod(kubernetes)
    kubernetes.admin.set_pod_status(
        "pod-1",
        status(restarts=4, ready=False, waiting="CrashLoopBackOff") | {"conditions": []},
        namespace=NAMESPACE,
    )

    async def script(watched: Watched) -> None:
        await watched.until_said("predeploy.smoke.agent-starts", "fail Violated")

    watching(kubernetes, tmp_path, script)


def test_who_may_read_secrets_is_told_by_roles_alone_and_secrets_are_never_asked_for(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    run_pod(kubernetes)
    role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "nosy", "namespace": NAMESPACE}}
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    binding = {"apiVersion": f"{RBAC}/v1", "kind": "RoleBinding", "metadata": role["metadata"]}
    bound = {"roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "nosy"}}
    subjects = [{"kind": "User", "apiGroup": RBAC, "name": "mallory"}]

    async def script(watched: Watched) -> None:
        control = "deployment.secrets.rbac-configured"
        await until(lambda: watched.said(control) in ("pass", "fail Violated"))
        before = watched.finding(control)
        kubernetes.admin.apply({**role, "rules": rules}, {**binding, **bound, "subjects": subjects})
        await until(lambda: "mallory may read Secrets" in watched.finding(control).message)
        assert watched.said(control) == "fail Violated"
        kubernetes.admin.delete({**binding, **bound})
        await until(lambda: watched.finding(control).message == before.message)

    watching(kubernetes, tmp_path, script, groups=[Group.RBAC])


def cilium_policy(name: str, selector: object) -> dict[str, Any]:
    """A policy of Cilium."""
    named = {"name": name, "namespace": NAMESPACE}
    spec = {"endpointSelector": selector, "ingress": [{}]}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": named, "spec": spec}


def test_kinds_of_policies_come_and_go_and_one_that_may_not_be_listed_leaves_others_open(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.admin.apply(policy("default-deny"))
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        await watched.until_said(DENY, "pass")
        kubernetes.admin.apply(CILIUM_POLICIES)
        await until(lambda: watched.said(DENY) == "unknown Forbidden", within=30)
        assert watched.finding(DENY).message == "CiliumNetworkPolicy objects may not be listed."
        kubernetes.admin.apply(rights(*NETWORK, *CILIUM))
        await until(lambda: watched.said(DENY) == "pass", within=30)
        kubernetes.admin.apply(cilium_policy("others", {"matchLabels": {"k8s:app": "other"}}))
        kubernetes.admin.apply(cilium_policy("all-in", {}))
        await watched.until_said(DENY, "unknown SourceMissing")
        assert (
            "CiliumNetworkPolicy all-in is about its pods, and its rules are not judged."
            in watched.finding(DENY).message
        )
        assert watched.said(DEFINED) == "pass"
        kubernetes.admin.delete(CILIUM_POLICIES)
        await until(lambda: watched.said(DENY) == "pass", within=30)

    watching(kubernetes, tmp_path, script, groups=[Group.NETWORK])


def test_no_pod_of_a_tenant_passes_for_an_api_server(kubernetes: Kubernetes, tmp_path: Path) -> None:
    control = "deployment.secrets.encrypted-at-rest"
    kubernetes.admin.apply(deployment())
    run_pod(kubernetes)
    labels = {"metadata": {"labels": {"component": "kube-apiserver"}}}
    kubernetes.admin.ask("PATCH", f"/api/v1/namespaces/{NAMESPACE}/pods/pod-1", labels, patch="merge-patch+json")

    async def script(watched: Watched) -> None:
        await watched.until_said(ROLLBACK, "pass")
        await until(lambda: watched.evidence.sources_up()["kubernetes_workloads"] == "")
        assert watched.said(control) == "unknown AttestationMissing"

    watching(kubernetes, tmp_path, script)


def test_entries_of_a_pod_are_told_by_cluster_spiffe_ids(kubernetes: Kubernetes, tmp_path: Path) -> None:
    control = "security.identity.workload-attestation-configured"
    kubernetes.admin.apply(rights(*SPIRE))
    run_pod(kubernetes)

    def cluster_spiffe_id(name: str, **spec: object) -> dict[str, Any]:
        given = {"spiffeIDTemplate": "spiffe://example.org/a", **spec}
        named = {"name": name}
        return {"apiVersion": "spire.spiffe.io/v1alpha1", "kind": "ClusterSPIFFEID", "metadata": named, "spec": given}

    selects = {
        "podSelector": {"matchLabels": {"app.kubernetes.io/component": "agent"}},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
    }

    async def script(watched: Watched) -> None:
        await until(lambda: "No ClusterSPIFFEID selects the pod." in watched.finding(control).message)
        kubernetes.admin.apply(cluster_spiffe_id("agents", **selects))
        await watched.until_said(control, "pass")
        watched.evidence.take_changed()
        kubernetes.admin.apply(cluster_spiffe_id("all"))
        await watched.until_said(control, "fail Violated")
        assert watched.evidence.take_changed() is None
        assert watched.evidence.sources_up()["kubernetes_ClusterSPIFFEID"] == ""

    watching(kubernetes, tmp_path, script, groups=(), ids={"trust_domain": "example.org"})


def test_entries_that_may_not_be_read_or_nobody_asked_for_are_unknown(kubernetes: Kubernetes, tmp_path: Path) -> None:
    control = "security.identity.workload-attestation-configured"
    kubernetes.admin.apply(rights())
    run_pod(kubernetes)

    async def forbidden(watched: Watched) -> None:
        await watched.until_said(control, "unknown Forbidden")

    async def off(watched: Watched) -> None:
        await watched.until_said(control, "unknown NotEnabled")

    watching(kubernetes, tmp_path, forbidden, groups=(), ids={"trust_domain": "example.org"})
    watching(kubernetes, tmp_path, off, groups=())


def test_all_is_asked_for_once_where_somebody_waits(kubernetes: Kubernetes, tmp_path: Path) -> None:
    kubernetes.admin.apply(deployment(), policy("default-deny"))
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        await watched.evidence.settled()
        assert watched.said(DEFINED) == "pass"
        assert watched.said(ROLLBACK) == "pass"
        assert isinstance(watched.gathered().of(SourceName.AGENT_CONFIG, AgentConfigFile), Seen)

    watching(kubernetes, tmp_path, script)


def test_one_pod_that_no_policy_selects_fails_the_agent_and_pods_of_different_policies_are_not_judged(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.admin.apply(policy("green", {"matchLabels": {"colour": "green"}}))
    run_pod(kubernetes, 1)
    run_pod(kubernetes, 2)

    def paint(number: int, colour: str) -> None:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/pod-{number}"
        kubernetes.admin.ask("PATCH", path, {"metadata": {"labels": {"colour": colour}}}, patch="merge-patch+json")

    paint(1, "green")

    async def script(watched: Watched) -> None:
        await watched.until_said(DEFINED, "fail Violated")
        paint(2, "green")
        await watched.until_said(DEFINED, "pass")
        kubernetes.admin.apply(policy("blue", {"matchLabels": {"colour": "blue"}}))
        paint(2, "blue")
        await watched.until_said(DEFINED, "unknown SourceMissing")

    watching(kubernetes, tmp_path, script, groups=[Group.NETWORK])
