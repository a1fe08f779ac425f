"""Facts of a pod: what is given and not what is asked for, fields of one record together, names that last."""

import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.discovery.pods.test_target import CONFIG, find, pod
from watcher.discovery.pod.pod import KNATIVE_SERVICE, read_pod
from watcher.discovery.pod.workload import series, workload, workload_object
from watcher.discovery.pods.agent_names import AgentNames, Workload

MI = 2**20
STATUS = "status__containerStatuses__0"


def given_to(limits: Mapping[str, str] | None, **changes: object) -> tuple[int | None, float | None]:
    """Memory and CPU of the example pod (asked for: 512Mi and 500m), whose kubelet reports these limits."""
    raw = pod(**changes)
    reported = {} if limits is None else {"resources": {"limits": limits} if limits else {}}
    raw["status"]["containerStatuses"][0] |= reported
    found = read_pod(raw)
    return found.memory_limit, found.cpu_limit


@pytest.mark.parametrize(
    ("limits", "changes", "expected"),
    [
        (None, {}, (512 * MI, 0.5)),
        ({"memory": "256Mi", "cpu": "250m"}, {}, (256 * MI, 0.25)),
        ({"memory": "256Mi"}, {}, (256 * MI, None)),
        ({}, {}, (None, None)),
        (None, {"spec__containers__0__resources": None, "spec__resources": {"limits": {"memory": "300Mi", "cpu": "1"}}},
         (300 * MI, 1.0)),
        ({"memory": "256Mi"}, {"spec__resources": {"limits": {"memory": "1Gi", "cpu": "2"}}}, (256 * MI, 2.0)),
        ({}, {"spec__resources": {"limits": {"memory": "1Gi"}}, "status__resources": {"limits": {"memory": "700Mi"}}},
         (700 * MI, None)),
    ],
)  # fmt: skip
def test_a_limit_is_what_was_given_and_not_what_was_asked_for(
    limits: Mapping[str, str] | None, changes: dict[str, object], expected: tuple[int | None, float | None]
) -> None:
    assert given_to(limits, **changes) == expected


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"conditions": [
            {"type": "PodResizePending", "status": "True", "reason": "Infeasible", "message": "No room."}]},
         "its resize is pending (Infeasible: No room.): its previous value counts"),
        ({"conditions": [{"type": "PodResizeInProgress", "status": "True", "reason": "Error", "message": "cgroup"}]},
         "its resize is pending (Error: cgroup): its previous value counts"),
        ({"resize": "Deferred"}, "its resize is pending (Deferred): its previous value counts"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("reported", [True, False])
def test_a_resize_that_was_not_done_is_said(status: dict[str, object], said: str, reported: bool) -> None:
    raw = pod()
    raw["status"] |= status
    if reported:
        raw["status"]["containerStatuses"][0]["resources"] = {"limits": {"memory": "256Mi"}}
    else:
        before, now = "its previous value counts", "its previous value is unknown, so the requested one counts"
        said = said.replace(before, now)
    target = find(raw, CONFIG).target
    assert target is not None
    assert said in target.problems


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "PodResizeInProgress", "status": "True"},
        {"type": "PodResizePending", "status": "False", "reason": "Deferred"},
    ],
)
def test_a_resize_that_goes_on_or_is_done_is_no_problem(condition: dict[str, object]) -> None:
    target = find(pod(status__conditions=[condition]), CONFIG).target
    assert target is not None
    assert not any("resize" in each for each in target.problems)


NATIVE = {
    "spec__initContainers": [
        {
            "name": "sidecar",
            "image": "agent:1",
            "restartPolicy": "Always",
            "env": [{"name": "AGENTWEAVE_CONFIG_PATH", "value": "/etc/agentweave/config.yaml"}],
            "ports": [{"name": "https", "containerPort": 9443}],
            "resources": {"limits": {"memory": "64Mi"}},
        }
    ],
    "spec__containers": [{"name": "job", "image": "busybox"}],
    "status__containerStatuses": [{"name": "job", "restartCount": 0, "state": {"running": {}}}],
}


def test_an_agent_in_a_native_sidecar_is_found_with_its_ports_limits_and_start() -> None:
    running = {"name": "sidecar", "restartCount": 2, "state": {"running": {"startedAt": "2026-11-18T08:00:00Z"}}}
    target = find(pod(**NATIVE, status__initContainerStatuses=[running])).target
    assert target is not None
    assert (target.address, target.memory_limit) == ("10.1.2.3:9443", 64 * MI)
    assert read_pod(pod(**NATIVE, status__initContainerStatuses=[running])).restarts == 2
    assert find(pod(**NATIVE)).state.value == "pending"


PORTS = "spec__containers__0__ports"
NAMED = [{"name": "metrics", "containerPort": 9090}]
MESH = {"prometheus.io/port": "15020", "prometheus.io/path": "/stats/prometheus", "prometheus.io/scheme": "https"}


@pytest.mark.parametrize(
    ("ports", "annotations", "url", "origin"),
    [
        (NAMED, MESH, "http://10.1.2.3:9090/metrics", "its port named metrics"),
        (None, MESH, "https://10.1.2.3:15020/stats/prometheus", "its annotations prometheus.io"),
        (NAMED, {"prometheus.io/port": "9090", "prometheus.io/path": "/m"}, "http://10.1.2.3:9090/m",
         "its port named metrics; of its path: its annotations prometheus.io"),
        (NAMED, {"prometheus.io/path": "/m", "prometheus.io/scheme": "https"}, "http://10.1.2.3:9090/metrics",
         "its port named metrics"),
        (NAMED, {**MESH, "prometheus.io/port": "http-envoy-prom"}, "http://10.1.2.3:9090/metrics",
         "its port named metrics"),
        (None, {**MESH, "prometheus.io/port": "http-envoy-prom"}, "http://10.1.2.3:9090/metrics",
         "none: the default port is assumed"),
        (None, {"prometheus.io/path": "/m", "prometheus.io/scheme": "https"}, "https://10.1.2.3:9090/m",
         "none: the default port is assumed; of its path: its annotations prometheus.io"),
        (None, {"prometheus.io/path": "/m", "prometheus.io/scheme": "https",
                "agentweave.io/watch-metrics-port": "7070"}, "http://10.1.2.3:7070/metrics",
         "the annotation agentweave.io/watch-metrics-port"),
        (NAMED, {**MESH, "agentweave.io/watch-metrics-path": "/own"}, "http://10.1.2.3:9090/own",
         "its port named metrics; of its path: the annotation agentweave.io/watch-metrics-path"),
        (NAMED, {**MESH, "agentweave.io/watch-metrics-port": "7070"}, "http://10.1.2.3:7070/metrics",
         "the annotation agentweave.io/watch-metrics-port"),
        (NAMED, {**MESH, "agentweave.io/watch-metrics-port": "15020"}, "https://10.1.2.3:15020/stats/prometheus",
         "the annotation agentweave.io/watch-metrics-port; of its path: its annotations prometheus.io"),
        (None, {}, "http://10.1.2.3:9090/metrics", "none: the default port is assumed"),
    ],
)  # fmt: skip
def test_port_path_and_scheme_of_prometheus_are_one_record_and_it_is_told_who_says_the_url(
    ports: object, annotations: dict[str, str], url: str, origin: str
) -> None:
    target = find(pod(**{PORTS: ports}, metadata__annotations=annotations)).target
    assert target is not None
    assert (target.metrics, target.origins["metrics"]) == (url, origin)


def owned(kind: str, name: str, **labels: str) -> dict[str, object]:
    return {"metadata__ownerReferences": [{"kind": kind, "name": name, "controller": True}], "metadata__labels": labels}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (owned("ReplicaSet", "search-6d5b", **{"pod-template-hash": "6d5b"}), "search"),
        (owned("ReplicaSet", "search-7f8c", **{"rollouts-pod-template-hash": "7f8c"}), "search"),
        (owned("ReplicaSet", "search-7f8c", **{"pod-template-hash": "other"}), "search-7f8c"),
        (owned("ReplicaSet", "search-2-deployment-6d5b", **{"pod-template-hash": "6d5b", KNATIVE_SERVICE: "search"}),
         "search"),
        (owned("StatefulSet", "search"), "search"),
        (owned("Job", "nightly-29413920") | {"metadata__creationTimestamp": "2025-12-04T00:00:05Z"}, "nightly"),
        (owned("Job", "nightly-29413920") | {"metadata__creationTimestamp": "2026-12-04T00:00:05Z"},
         "nightly-29413920"),
        (owned("Job", "import-2025") | {"metadata__creationTimestamp": "2025-12-04T00:00:05Z"}, "import-2025"),
        (owned("Node", "node-a") | {"metadata__name": "search-node-a"}, "search"),
    ],
)  # fmt: skip
def test_a_workload_has_a_name_that_the_next_rollout_and_the_next_run_have_too(
    changes: dict[str, object], expected: str
) -> None:
    assert workload(read_pod(pod(**changes))) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (owned("ReplicaSet", "search-6d5b", **{"pod-template-hash": "6d5b"}), "deployment/search"),
        (owned("ReplicaSet", "search-7f8c", **{"rollouts-pod-template-hash": "7f8c"}), "rollouts.argoproj.io/search"),
        (owned("ReplicaSet", "search-7f8c", **{"pod-template-hash": "other"}), "replicaset/search-7f8c"),
        (owned("ReplicaSet", "search-2-deployment-6d5b", **{"pod-template-hash": "6d5b", KNATIVE_SERVICE: "search"}),
         "deployment/search-2-deployment"),
        (owned("StatefulSet", "search"), "statefulset/search"),
        (owned("DaemonSet", "search"), "daemonset/search"),
        (owned("Job", "nightly-29413920"), "job/nightly-29413920"),
        (owned("Node", "node-a") | {"metadata__name": "search-node-a"}, ""),
        ({"metadata__ownerReferences": []}, ""),
    ],
)  # fmt: skip
def test_a_workload_is_known_as_kubectl_takes_it(changes: dict[str, object], expected: str) -> None:
    found = read_pod(pod(**changes))
    assert workload_object(found) == expected
    target = find(pod(**changes)).target
    assert target is not None
    assert target.workload_object == expected


def names(*claims: tuple[str, str, Workload]) -> tuple[AgentNames, list[str]]:
    """Claims of uid, agent and workload; and the uids that were touched."""
    touched: list[str] = []
    found = AgentNames(touched.append)
    for uid, agent, owner in claims:
        found.claim(uid, "prod", agent, owner)
    return found, touched


A, B = Workload("search", "search"), Workload("billing", "billing")


def test_one_name_of_two_unlike_workloads_is_a_problem_of_both_until_one_is_gone() -> None:
    found, touched = names(("u1", "agent", A), ("u2", "agent", A), ("u3", "agent", B), ("u4", "other", B))
    assert found.clash("u1") == "the workload billing has the agent's name agent, too: they are taken for one agent"
    assert "search" in found.clash("u3")
    assert found.clash("u4") == found.clash("unheard of") == ""
    assert set(touched) == {"u1", "u2"}
    touched.clear()
    found.claim("u5", "prod", "agent", Workload("billing-canary", "billing"))
    found.release("u3")
    assert "billing-canary" in found.clash("u1")
    assert set(touched) == {"u1", "u2"}
    touched.clear()
    found.release("u5")
    assert found.clash("u1") == found.clash("u2") == ""
    assert set(touched) == {"u1", "u2"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Workload("search-blue", "x"), Workload("search-green", "y")),
        (Workload("search", "default"), Workload("search-canary", "default")),
        (Workload("search", "default"), Workload("search-v2", "default")),
        (Workload("search-2-canary", "default"), Workload("search-1", "default")),
        (Workload("search-canary-deployment", "default"), Workload("search-deployment", "default")),
        (Workload("a", "search"), Workload("b", "search")),
    ],
)
def test_workloads_that_are_one_agent_in_several_versions_may_share_its_name(one: Workload, other: Workload) -> None:
    found, _ = names(("u1", "search", one), ("u2", "search", other))
    assert found.clash("u1") == found.clash("u2") == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("search-bluebird", "searchbird"),
        ("search-v2x", "searchx"),
        ("team-1-search", "team-2-search"),
        ("search-stablediffusion", "searchdiffusion"),
    ],
)
def test_a_part_of_a_word_is_no_version(one: str, other: str) -> None:
    found, _ = names(("u1", "search", Workload(one, "default")), ("u2", "search", Workload(other, "default")))
    assert other in found.clash("u1")
    assert one in found.clash("u2")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (owned("Job", "import-x7k2p"), "import"),
        ({"metadata__ownerReferences": None, "metadata__name": "import-x7k2p"}, "import"),
        ({"metadata__ownerReferences": None, "metadata__name": "import-a7k2p"}, "import-a7k2p"),
        ({"metadata__ownerReferences": None, "metadata__name": "-x7k2p"}, "-x7k2p"),
        (owned("StatefulSet", "proxy-https"), "proxy-https"),
        (owned("Job", "nightly-29413920") | {"metadata__creationTimestamp": "2025-12-04T00:00:05Z"}, "nightly"),
    ],
)
def test_pods_and_jobs_that_are_made_one_for_each_run_are_one_series(changes: dict[str, object], expected: str) -> None:
    assert series(read_pod(pod(**changes))) == expected


_WORKLOADS = st.builds(
    Workload, st.sampled_from(["a", "b", "a-blue", "a-green", "c"]), st.sampled_from(["default", "x", "y"])
)


def _unlike(one: Workload, other: Workload) -> bool:
    same_account = one.service_account == other.service_account != "default"
    return not same_account and one.name.partition("-")[0] != other.name.partition("-")[0]


@given(st.lists(st.tuples(st.sampled_from("123456"), st.sampled_from(["p", "q"]), st.none() | _WORKLOADS), max_size=25))
def test_a_clash_is_told_of_exactly_those_that_have_an_unlike_one(
    steps: list[tuple[str, str, Workload | None]],
) -> None:
    touched: set[str] = set()
    found = AgentNames(touched.add)
    now: dict[str, tuple[str, Workload]] = {}
    before: dict[str, str] = {}
    for uid, agent, owner in steps:
        touched.clear()
        if owner is None:
            now.pop(uid, None)
            found.release(uid)
        else:
            now[uid] = (agent, owner)
            found.claim(uid, "prod", agent, owner)
        for each, (name, mine) in now.items():
            unlike = {other.name for of, other in now.values() if name == of and _unlike(mine, other)}
            said = found.clash(each).removeprefix("the workload ").partition(" ")[0]
            assert said in unlike if unlike else said == ""
            if each != uid and before.get(each, "") != found.clash(each):
                assert each in touched
        before = {each: found.clash(each) for each in now}


MANY = 1000


@pytest.mark.parametrize(
    "workloads",
    [
        [Workload(f"bare-x{number}", "default") for number in range(MANY)],
        [Workload("odd", "odd"), *(Workload(f"x{number}y", "shared") for number in range(MANY))],
        [Workload("odd", "odd"), *(Workload("search", f"account-{number}") for number in range(MANY))],
        [*(Workload("search", f"account-{number}") for number in range(MANY)), Workload("odd", "odd")],
    ],
    ids=["all-unlike", "one-account", "one-name", "unlike-at-last"],
)
def test_a_thousand_workloads_of_one_name_are_not_compared_each_with_each(workloads: list[Workload]) -> None:
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    touched: list[str] = []
    found = AgentNames(touched.append)
    sys.setprofile(count)
    try:
        for number, each in enumerate(workloads):
            found.claim(str(number), "prod", "agent", each)
        for number in range(len(workloads)):
            found.release(str(number))
    finally:
        sys.setprofile(None)
    assert calls < 300 * MANY, "of functions, of claims and releases"
    assert len(touched) < 3 * MANY


def test_a_second_container_that_says_where_a_config_is_is_a_problem_of_the_target() -> None:
    raw = pod()
    env = [{"name": "AGENTWEAVE_CONFIG_PATH", "value": "/b/config.yaml"}]
    raw["spec"]["containers"] += [{"name": "b", "env": env}, {"name": "c", "env": env}, {"name": "d"}]
    target = find(raw, CONFIG).target
    assert target is not None
    told = (
        "the containers b, c say where their config is, too (AGENTWEAVE_CONFIG_PATH): "
        "a pod is watched as one agent, agent, and b, c are not watched"
    )
    assert told in target.problems


def test_what_pods_of_a_workload_say_alike_is_kept_once() -> None:
    one, other = (read_pod(pod(metadata__name=name), None) for name in ("search-0", "search-1"))
    assert one.labels is other.labels
    assert one.annotations is other.annotations
