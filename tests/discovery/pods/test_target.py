"""What the watcher makes of pods, configs and annotations: a table of pods as the public manifests make them."""

import time
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from probes import load_probes
from probes.contract import Limits
from watcher.config.kubernetes import KubernetesSettings, Override
from watcher.discovery.pod.agent_config import AgentConfig, read_config
from watcher.discovery.pod.allowed_addresses import refusal
from watcher.discovery.pod.annotations import read_overrides
from watcher.discovery.pod.pod import read_pod
from watcher.discovery.pod.resources import quantity
from watcher.discovery.pods.details import Details
from watcher.discovery.pods.target import FoundPod, Known, PodState, Surroundings, find_target
from watcher.kube.objects import MALFORMED_OBJECT

NOW = 1_795_000_000.0
STARTED = "2026-11-18T08:00:00Z"
LIMITS: dict[str, Limits] = {probe.name: probe.limits() for probe in load_probes()}

POD: dict[str, Any] = yaml.load(
    """
metadata:
  uid: 1f0
  namespace: agentweave
  name: agentweave-example-6d5b9c7f8b-x2x7p
  labels: {app.kubernetes.io/name: agentweave-example, app.kubernetes.io/component: agent,
           pod-template-hash: 6d5b9c7f8b}
  annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090", prometheus.io/path: /metrics}
  ownerReferences: [{kind: ReplicaSet, name: agentweave-example-6d5b9c7f8b, controller: true}]
spec:
  nodeName: node-a
  serviceAccountName: agentweave-example
  initContainers: [{name: wait-for-spire, image: "busybox:latest"}]
  containers:
    - name: agent
      image: agentweave/example-agent:1.0.0
      ports: [{name: https, containerPort: 8443, protocol: TCP}, {name: metrics, containerPort: 9090, protocol: TCP}]
      env: [{name: OPA_ENDPOINT, value: "http://localhost:8181"},
            {name: AGENTWEAVE_CONFIG_PATH, value: /etc/agentweave/config.yaml}]
      volumeMounts: [{name: spire-agent-socket, mountPath: /run/spire/sockets},
                     {name: agent-config, mountPath: /etc/agentweave}, {name: tmp, mountPath: /tmp}]
      resources: {requests: {memory: 256Mi}, limits: {memory: 512Mi, cpu: 500m}}
    - name: opa
      image: openpolicyagent/opa:0.62.0
      args: [run, --server, "--addr=0.0.0.0:8181", --config-file=/etc/opa/config.yaml, /etc/opa/policies]
      ports: [{name: http, containerPort: 8181}]
      resources: {limits: {memory: 256Mi}}
  volumes:
    - {name: agent-config, configMap: {name: agentweave-example-config}}
    - {name: opa-config, configMap: {name: opa-default-policies, items: [{key: config.yaml, path: config.yaml}]}}
status:
  phase: Running
  podIP: 10.1.2.3
  conditions: [{type: Ready, status: "True", lastTransitionTime: "2026-11-18T08:00:30Z"},
               {type: Initialized, status: "True", lastTransitionTime: "2026-11-18T07:59:00Z"}]
  containerStatuses:
    - {name: agent, restartCount: 0, state: {running: {startedAt: "2026-11-18T08:00:00Z"}}}
    - {name: opa, restartCount: 0, state: {running: {startedAt: "2026-11-18T08:00:00Z"}}}
""",
    Loader=yaml.CSafeLoader,
)
CONFIG = """
agent: {name: "example-agent", trust_domain: hvs.solutions}
authorization: {provider: opa, opa_endpoint: "http://localhost:8181", policy_path: "hvs/authz", default_action: deny}
transport:
  connection_pool: {max_connections: 100, idle_timeout_seconds: 60}
  circuit_breaker: {failure_threshold: 5, recovery_timeout_seconds: 45}
"""


def pod(**changes: object) -> dict[str, Any]:
    """The example pod with some parts replaced: `status__podIP="::1"`; None takes a part away."""
    raw = deepcopy(POD)
    for path, value in changes.items():
        *way, last = (int(part) if part.isdigit() else part for part in path.split("__"))
        place: Any = raw
        for part in way:
            place = place[part]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return raw


def find(
    raw: Mapping[str, Any],
    config: str | None = None,
    service_id: str | None = None,
    known: Known | None = None,
    ahead: float = 0.0,
    **settings: object,
) -> FoundPod:
    around = Surroundings(
        settings=KubernetesSettings.model_validate(settings), limits=LIMITS, api_servers=("10.0.0.1",)
    )
    details = Details(AgentConfig() if config is None else read_config(config), service_id)
    return find_target(read_pod(raw), details, around, known, NOW, ahead=ahead)


def test_the_public_manifests_pod_is_a_target_with_all_its_facts() -> None:
    target = find(pod(), CONFIG, "spiffe://hvs.solutions/agent/example/prod").target
    assert target is not None
    assert target.key == ("agentweave", "example-agent", "agentweave-example-6d5b9c7f8b-x2x7p")
    assert (target.address, target.metrics) == ("10.1.2.3:8443", "http://10.1.2.3:9090/metrics")
    assert target.opa == "http://10.1.2.3:8181"
    assert target.spiffe_ids == ("spiffe://hvs.solutions/agent/example/prod",)
    assert (target.memory_limit, target.cpu_limit, target.pool_capacity) == (512 * 2**20, 0.5, 100)
    assert (target.workload, target.node) == ("agentweave-example", "node-a")
    assert target.limits["breaker"].open_for == 90  # type: ignore[attr-defined]  # the breaker's own limit
    assert target.inferred == {"opa"}
    assert [problem for problem in target.problems if "policy_path" in problem]
    assert target.grace_until == 0


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, PodState.TARGET),
        ({"spec__containers__0__env": None}, PodState.NOT_AGENT),
        ({"spec__containers__0__env": None, "metadata__annotations": {"agentweave.io/watch": "true"}}, PodState.TARGET),
        ({"metadata__annotations": {"agentweave.io/watch": "false"}}, PodState.TARGET),
        ({"status__podIP": None}, PodState.PENDING),
        ({"status__containerStatuses": None}, PodState.PENDING),
        ({"status__containerStatuses__0__state": {"waiting": {"reason": "ContainerCreating"}}}, PodState.PENDING),
        ({"status__containerStatuses__0": {"name": "agent", "restartCount": 7,
          "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"startedAt": STARTED}}}},
         PodState.TARGET),
        ({"status__conditions": []}, PodState.TARGET),
        ({"metadata__deletionTimestamp": STARTED}, PodState.TERMINATING),
        ({"status__phase": "Succeeded"}, PodState.FINISHED),
        ({"status__phase": "Failed", "status__podIP": None}, PodState.FINISHED),
        ({"status__podIP": "169.254.169.254"}, PodState.REFUSED),
        ({"status__podIP": "10.0.0.1"}, PodState.REFUSED),
        ({"status__podIP": "fd00::7"}, PodState.TARGET),
        ({"spec__hostNetwork": True}, PodState.TARGET),
    ],
)  # fmt: skip
def test_every_pod_that_is_seen_has_one_state(changes: dict[str, object], state: PodState) -> None:
    found = find(pod(**changes))
    assert found.state is state
    assert (found.target is not None) == (state is PodState.TARGET)
    assert bool(found.why) == (state is not PodState.TARGET)


@pytest.mark.parametrize(
    "ip",
    ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "fe80::1%eth0", "224.0.0.1", "ff02::1", "0.0.0.0", "::",
     "0.1.2.3", "255.255.255.255", "10.0.0.1", "fd00:ec2::254", "100.100.100.200", "::ffff:169.254.169.254",
     "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "10.1.2.3\nx", "search.prod.svc", "", "999.1.1.1"],
)  # fmt: skip
def test_nobody_can_aim_the_watcher_at_an_address_that_is_no_pods(ip: str) -> None:
    assert refusal(ip, (), ("10.0.0.1",))


def test_an_allowed_network_may_be_looked_at() -> None:
    allowed = ["127.8.0.0/16"]
    assert find(pod(status__podIP="127.8.0.7"), allow_cidrs=allowed).state is PodState.TARGET
    assert find(pod(status__podIP="127.9.0.7"), allow_cidrs=allowed).state is PodState.REFUSED


def test_ports_come_from_names_then_from_prometheus_then_by_guess() -> None:
    named = find(pod(spec__containers__0__ports=[{"name": "https", "containerPort": 9443},
                                                 {"name": "metrics", "containerPort": 9191}])).target  # fmt: skip
    scraped = find(pod(spec__containers__0__ports=None, metadata__annotations={"prometheus.io/port": "7070",
                       "prometheus.io/path": "/m", "prometheus.io/scheme": "https"})).target  # fmt: skip
    guessed = find(pod(spec__containers__0__ports=None, metadata__annotations=None)).target
    assert named is not None
    assert scraped is not None
    assert guessed is not None
    assert (named.address, named.metrics) == ("10.1.2.3:9443", "http://10.1.2.3:9191/metrics")
    assert (scraped.address, scraped.metrics) == ("10.1.2.3:8443", "https://10.1.2.3:7070/m")
    assert (guessed.address, guessed.metrics) == ("10.1.2.3:8443", "http://10.1.2.3:9090/metrics")
    assert guessed.inferred == {"address", "metrics", "opa"}
    assert scraped.inferred == {"address", "opa"}


@pytest.mark.parametrize(
    ("config", "labels", "agent"),
    [
        (CONFIG, {"app.kubernetes.io/instance": "i", "app.kubernetes.io/name": "n"}, "example-agent"),
        (None, {"app.kubernetes.io/instance": "i", "app.kubernetes.io/name": "n"}, "i"),
        (None, {"app.kubernetes.io/name": "n"}, "n"),
        (None, {"pod-template-hash": "6d5b9c7f8b"}, "agentweave-example"),
        ("agent: {name: a/b}", {"app.kubernetes.io/name": "n"}, "n"),
    ],
)
def test_an_agents_name_is_the_first_that_is_told(config: str | None, labels: dict[str, str], agent: str) -> None:
    target = find(pod(metadata__labels=labels), config).target
    assert target is not None
    assert target.key.agent == agent


def test_an_agents_name_stays_for_the_life_of_its_pod_once_its_config_was_read() -> None:
    first = find(pod(), CONFIG)
    later = find(pod(), "agent: {name: another}", known=first.known).target
    assert later is not None
    assert (later.key.agent, later.formerly) == ("example-agent", "")


@pytest.mark.parametrize(
    ("image", "arguments", "url", "problem"),
    [
        ("openpolicyagent/opa:0.62.0", [], "http://10.1.2.3:8181", False),
        ("openpolicyagent/opa:1.2.0", [], "http://10.1.2.3:8181", True),
        ("openpolicyagent/opa@sha256:ab", [], "http://10.1.2.3:8181", True),
        ("registry:5000/opa:1.2.0-static", ["run", "--addr", ":9191"], "http://10.1.2.3:9191", False),
        ("openpolicyagent/opa:1.2.0", ["-a", "localhost:8181"], "http://10.1.2.3:8181", True),
        ("openpolicyagent/opa:1.2.0", ["--addr=127.0.0.1:8181", "--addr=0.0.0.0:8181"], "http://10.1.2.3:8181", False),
        ("openpolicyagent/opa:1.2.0", ["--addr=[::]:8181", "--tls-cert-file=/c"], "https://10.1.2.3:8181", False),
        ("openpolicyagent/opa:1.2.0", ["--addr=unix:///s"], "http://10.1.2.3:8181", True),
    ],
)
def test_the_opa_beside_an_agent_is_where_its_arguments_say(
    image: str, arguments: list[str], url: str, *, problem: bool
) -> None:
    target = find(pod(spec__containers__1={"name": "opa", "image": image, "args": arguments})).target
    assert target is not None
    assert target.opa == url
    assert "opa" in target.inferred
    assert bool(target.problems) == problem


def test_a_central_opa_is_asked_only_if_its_host_is_allowed() -> None:
    config = "authorization: {opa_endpoint: 'http://opa.policy.svc:8181'}"
    refused, asked = find(pod(), config).target, find(pod(), config, allowed_hosts=["OPA.policy.svc"]).target
    assert refused is not None
    assert asked is not None
    assert (refused.opa, asked.opa) == (None, "http://opa.policy.svc:8181")
    assert refused.problems
    assert "opa" not in asked.inferred


def test_without_an_opa_in_pod_or_config_there_is_none() -> None:
    raw = pod()
    del raw["spec"]["containers"][1]
    assert (target := find(raw).target) is not None
    assert target.opa is None
    assert (target := find(pod(), "authorization: {provider: allow-all}").target) is not None
    assert target.opa is None


def test_the_operators_template_goes_before_the_services_annotation() -> None:
    template = "spiffe://corp.example/${namespace}/${service_account}/prod"
    target = find(pod(), CONFIG, "spiffe://other/agent", spiffe_id_template=template).target
    assert target is not None
    assert target.spiffe_ids == ("spiffe://corp.example/agentweave/agentweave-example/prod",)


def test_without_either_no_identity_is_expected_and_a_bad_one_is_a_problem() -> None:
    assert (plain := find(pod()).target) is not None
    assert (bad := find(pod(), None, "spiffe://a b").target) is not None
    assert plain.spiffe_ids == bad.spiffe_ids == ()
    assert "spiffe.io/service-id" in " ".join(bad.problems)


def test_a_pods_owner_may_set_ports_paths_and_pools_but_nothing_else() -> None:
    annotations = {
        "agentweave.io/watch-port": "9443",
        "agentweave.io/watch-metrics-path": "/stats",
        "agentweave.io/watch-pool-capacity": "a=5,b=7",
        "agentweave.io/watch-spiffe-id": "spiffe://evil/agent",
        "agentweave.io/watch-opa-port": "x" * 262_144,
    }
    target = find(pod(metadata__annotations=annotations), CONFIG).target
    assert target is not None
    assert (target.address, target.metrics) == ("10.1.2.3:9443", "http://10.1.2.3:9090/stats")
    assert target.pool_capacity == {"a": 5, "b": 7}
    assert target.spiffe_ids == ()
    problems = "\n".join(target.problems)
    assert "watch-spiffe-id is ignored" in problems
    assert "watch-opa-port: expected a port" in problems
    assert len(problems) < 1000


def test_an_operator_can_forbid_overrides() -> None:
    read = read_overrides({"agentweave.io/watch-port": "1"}, (Override.PATHS,))
    assert read.port is None
    assert "discovery.kubernetes.overrides" in read.problems[0]


def test_a_starting_pod_has_grace_until_it_was_ready_once() -> None:
    starting = find(pod(status__conditions=[]))
    assert starting.target is not None
    assert starting.known is not None
    assert starting.target.grace_until == starting.known.started_at + 120
    ready = find(pod(), known=starting.known)
    fallen = find(pod(status__conditions=[]), known=ready.known)
    assert ready.target is not None
    assert fallen.target is not None
    assert ready.target.grace_until == fallen.target.grace_until == 0


def test_a_clock_ahead_of_ours_gives_no_longer_grace() -> None:
    ahead = {"name": "agent", "restartCount": 0, "state": {"running": {"startedAt": "2031-01-01T00:00:00Z"}}}
    target = find(pod(status__conditions=[], status__containerStatuses__0=ahead)).target
    assert target is not None
    assert target.grace_until == NOW + 120


@pytest.mark.parametrize("ahead", [-7200.0, 0.0, 7200.0])
def test_a_date_that_was_set_gives_neither_more_grace_nor_less(ahead: float) -> None:
    started = f"{datetime.fromtimestamp(NOW + ahead - 30, UTC):%Y-%m-%dT%H:%M:%SZ}"
    young = {"name": "agent", "restartCount": 0, "state": {"running": {"startedAt": started}}}
    target = find(pod(status__conditions=[], status__containerStatuses__0=young), ahead=ahead).target
    assert target is not None
    assert target.grace_until == NOW - 30 + 120, "it started half a minute ago, by the date and by the steady scale"


def test_a_restart_gives_no_new_grace() -> None:
    again = {"name": "agent", "restartCount": 3, "state": {"running": {"startedAt": "2026-11-18T09:00:00Z"}}}
    status = read_pod(pod(status__containerStatuses__0=again))
    assert status.started_at == pytest.approx(read_pod(pod()).started_at or 0, abs=61)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "a: &a [*a]", "- x\n- y", "\tx", "agent: [", "agent: {name: 5}", "a: b\n---\nc: d", "\x00", "x" * 70_000,
     "agent: {name: ''}", "transport: {connection_pool: {max_connections: -1}}", "!!python/object:os.system x",
     "transport: {circuit_breaker: {recovery_timeout_seconds: 1e18}}", "authorization: {opa_endpoint: 'file:///x'}",
     "[" * 60_000, "? [a]\n: b"],
)  # fmt: skip
def test_a_config_that_is_none_says_nothing_and_why(text: str) -> None:
    config = read_config(text)
    assert config.problems or not text
    assert (config.name, config.max_connections, config.recovery, config.opa_endpoint) == (None,) * 4


def test_of_two_equal_keys_the_last_counts_as_for_the_agent_and_it_is_told() -> None:
    text = (
        "agent: {name: first}\nauthorization: {opa_endpoint: 'http://one:1'}\n"
        "agent:\n  name: second\nauthorization: {opa_endpoint: 'http://two:2'}\n"
    )
    config = read_config(text)
    assert yaml.safe_load(text)["agent"]["name"] == config.name == "second"
    assert config.opa_endpoint == "http://two:2"
    assert config.problems == (
        "config.yaml:3: agent: the same key as on line 1, expected it once; agents take the last",
        "config.yaml:5: authorization: the same key as on line 2, expected it once; agents take the last",
    )
    many = read_config("agent: {name: " + "x" * 60_000 + "}\n" + "".join(f"k: {n}\n" for n in range(99)))
    assert len(many.problems) == 6


def test_a_yaml_bomb_is_refused_at_once() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    merges = (
        "a: &a {"
        + ",".join(f"k{n}: 1" for n in range(4000))
        + "}\n"
        + "".join(f"b{n}: {{<<: *a}}\n" for n in range(900))
    )
    started = time.monotonic()
    assert read_config(bomb).problems
    assert read_config(merges).problems
    assert time.monotonic() - started < 2


@given(st.text(max_size=2000))
def test_any_text_is_read_without_an_error(text: str) -> None:
    read_config(text)


@given(st.dictionaries(st.sampled_from(("agentweave.io/watch-port", "agentweave.io/watch-pool-capacity",
       "agentweave.io/watch-metrics-path", "prometheus.io/path", "prometheus.io/port", "prometheus.io/scheme")),
       st.text(max_size=350)))  # fmt: skip
def test_any_annotation_gives_a_target_at_the_pods_own_address(annotations: dict[str, str]) -> None:
    target = find(pod(metadata__annotations=annotations)).target
    assert target is not None
    assert str(target.metrics).startswith(("http://10.1.2.3:", "https://10.1.2.3:"))
    assert str(target.address).startswith("10.1.2.3:")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(POD)), st.data())
def test_an_object_of_any_shape_is_a_pod_or_refused_with_one_of_four_errors(part: str, data: st.DataObject) -> None:
    raw = pod()
    raw[part] = {**raw[part], data.draw(st.sampled_from(sorted(raw[part]))): data.draw(_JSON)}
    try:
        facts = read_pod(raw)
    except MALFORMED_OBJECT:
        return
    assert facts == read_pod(raw)


@pytest.mark.parametrize(
    ("text", "number"),
    [("512Mi", 512 * 2**20), ("1Gi", 2**30), ("500m", 0.5), ("2", 2), ("1e9", 1e9), ("128974848", 128974848),
     ("1.5G", 1.5e9), ("0", None), ("", None), ("-1", None), ("1e99", 1e99), ("nan", None), ("1 Mi", None),
     (None, None)],
)  # fmt: skip
def test_quantities_are_read_as_kubernetes_writes_them(text: object, number: float | None) -> None:
    assert quantity(text) == number
