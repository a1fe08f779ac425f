"""Where pods are made: each template of each kind is judged, and what Kubernetes would refuse does not vanish."""

import pytest

from probes.controls.evidence import AgentRef, Seen
from tests.checklist.test_manifests import CONFIG_MAP, PATH, fleet_of, objects_of, workload


def _made(kind: str, body: str, api: str = "apps/v1") -> str:
    return f"{{apiVersion: {api}, kind: {kind}, metadata: {{name: x}}, {body}}}"


SPEC = f"spec: {{containers: [{{name: agent, env: [{PATH}]}}]}}"
KUSTOMIZE = "; of a patch, give what `kustomize build` prints"


@pytest.mark.parametrize(
    ("api", "kind", "body"),
    [
        ("keda.sh/v1alpha1", "ScaledJob", f"spec: {{jobTargetRef: {{template: {{{SPEC}}}}}}}"),
        ("v1", "PodTemplate", f"template: {{{SPEC}}}"),
        ("v1", "ReplicationController", f"spec: {{template: {{{SPEC}}}}}"),
        ("jobset.x-k8s.io/v1", "JobSet", f"spec: {{jobs: [{{template: {{spec: {{template: {{{SPEC}}}}}}}}}]}}"),
        ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", f"spec: {{both: {{workerTemplate: {{{SPEC}}}}}}}"),
        ("serving.knative.dev/v1", "Service", f"spec: {{template: {{{SPEC}}}}}"),
    ],
)  # fmt: skip
def test_a_pod_template_is_found_wherever_a_kind_keeps_it(api: str, kind: str, body: str) -> None:
    fleet = fleet_of(_made(kind, body, api))
    assert (list(fleet.agents), fleet.problems, fleet.notes) == ([AgentRef("default", "x")], [], [])


def test_each_template_of_an_object_that_has_several_is_judged() -> None:
    other = SPEC.replace("name: agent,", "name: other, image: x,")
    fleet = fleet_of(_made("LeaderWorkerSet", f"spec: {{leaderTemplate: {{{SPEC}}}, workerTemplate: {{{other}}}}}"))
    assert [each.workload.kind for each in fleet.agents[AgentRef("default", "x")]] == ["LeaderWorkerSet"] * 2
    assert fleet.notes == [
        (
            "default/x is several workloads, judged as one agent, the worst of each control: "
            "LeaderWorkerSet x (standard input:1), LeaderWorkerSet x (standard input:1)"
        )
    ]


@pytest.mark.parametrize(
    ("kind", "body", "got"),
    [
        ("Deployment", "spec: {template: {spec: {container: []}}}", "nothing"),
        ("Deployment", "spec: {template: {spec: {containers: []}}}", "an empty one"),
        ("StatefulSet", "spec: {template: {spec: {containers: {name: a}}}}", "a mapping"),
        ("DaemonSet", "spec: {template: 5}", "nothing"),
        ("Deployment", "spec: {replicas: 2}", f"nothing{KUSTOMIZE}"),
    ],
)
def test_a_kind_that_must_have_containers_and_has_none_is_a_problem_and_does_not_vanish(
    kind: str, body: str, got: str
) -> None:
    fleet = fleet_of(CONFIG_MAP, workload(), _made(kind, body))
    assert list(fleet.agents) == [AgentRef("prod", "search")]
    expected = f"spec.template.spec.containers: expected a list of containers, got {got}"
    assert fleet.problems == [f"standard input:29: {kind} x: {expected}"]


@pytest.mark.parametrize(
    ("api", "kind", "place"),
    [
        ("batch/v1", "CronJob", "spec.jobTemplate.spec.template.spec.containers"),
        ("batch/v1", "Job", "spec.template.spec.containers"),
        ("v1", "Pod", "spec.containers"),
        ("v1", "PodTemplate", "template.spec.containers"),
        ("keda.sh/v1alpha1", "ScaledJob", "spec.jobTargetRef.template.spec.containers"),
        ("argoproj.io/v1alpha1", "Rollout", "spec.template.spec.containers"),
        ("serving.knative.dev/v1", "Service", "spec.template.spec.containers"),
    ],
)
def test_each_known_kind_is_held_to_its_own_place(api: str, kind: str, place: str) -> None:
    (problem,) = fleet_of(_made(kind, "spec: {}", api)).problems
    assert problem.startswith(f"standard input:1: {kind} x: {place}: expected a list of containers, got nothing")


def test_a_rollout_that_runs_the_template_of_a_deployment_lacks_nothing() -> None:
    rollout = _made("Rollout", "spec: {workloadRef: {kind: Deployment, name: search-agent}}", "argoproj.io/v1alpha1")
    fleet = fleet_of(CONFIG_MAP, workload(), rollout)
    assert (list(fleet.agents), fleet.problems) == ([AgentRef("prod", "search")], [])


def test_what_looks_like_an_agent_where_no_template_stands_is_told() -> None:
    policy = _made("ClusterPolicy", f"spec: {{rules: [{{pattern: {{{SPEC}}}}}]}}", "kyverno.io/v1")
    direct = _made("Revision", SPEC, "serving.knative.dev/v1")
    fleet = fleet_of(CONFIG_MAP, workload(), policy, direct)
    assert (list(fleet.agents), fleet.problems) == ([AgentRef("prod", "search")], [])
    told = "has what an agent's pod has{}, which is no template: not judged"
    assert fleet.notes == [
        f"standard input:29: ClusterPolicy x {told.format(' at spec.rules.0.pattern')}",
        f"standard input:31: Revision x {told.format('')}",
    ]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("containers: [{AGENT}, {image: x}]", "containers[1].name: expected a name, got nothing"),
        ("containers: [{env: [{PATH}]}]", "containers[0].name: expected a name, got nothing"),
        ("containers: [{name: '', env: [{PATH}]}]", "containers[0].name: expected a name, got an empty text"),
        ("containers: [{name: 5, env: [{PATH}]}]", "containers[0].name: expected a name, got a number"),
        ("containers: [{AGENT}], initContainers: [{image: x}]", "initContainers[0].name: expected a name, got nothing"),
        ("containers: [{AGENT}, {name: agent}]", "containers[1].name: the same name as that of containers[0]"),
        (
            "containers: [{AGENT}], initContainers: [{name: agent}]",
            "containers[0].name: the same name as that of initContainers[0]",
        ),
    ],
)
def test_a_container_that_nobody_could_name_is_a_problem_of_the_whole_agent(more: str, told: str) -> None:
    spec = more.replace("{AGENT}", f"{{name: agent, env: [{PATH}]}}").replace("{PATH}", PATH)
    fleet = fleet_of(_made("Deployment", f"spec: {{template: {{spec: {{{spec}}}}}}}"))
    assert fleet.agents == {}
    assert fleet.problems == [f"standard input:1: Deployment x: {told}"]


def test_knative_names_containers_itself() -> None:
    spec = f"spec: {{containers: [{{env: [{PATH}]}}, {{image: y}}]}}"
    fleet = fleet_of(_made("Service", f"spec: {{template: {{{spec}}}}}", "serving.knative.dev/v1"))
    template = objects_of(fleet, "x", "default").template
    assert isinstance(template, Seen)
    assert [each.name for each in template.value.containers()] == ["user-container-0", "user-container-1"]
    assert template.value.agent_container == "user-container-0"


def _replica_set(name: str, revision: int, replicas: int, owner: str = "u1") -> str:
    return (
        f"{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: {name}, namespace: prod, "
        f"annotations: {{deployment.kubernetes.io/revision: '{revision}'}}, "
        f"ownerReferences: [{{uid: {owner}, kind: Deployment, name: d, controller: true}}]}}, "
        f"spec: {{replicas: {replicas}, template: {{{SPEC}}}}}}}"
    )


@pytest.mark.parametrize(
    ("sets", "judged"),
    [
        ([("a", 2, 0), ("b", 3, 2), ("c", 10, 0)], ["b"]),
        ([("a", 2, 1), ("b", 3, 2)], ["b"]),
        ([("a", 9, 0), ("b", 10, 0)], ["b"]),
        ([("a", 1, 0)], ["a"]),
        ([("a", 1, 0, "u1"), ("b", 2, 1, "u2")], ["a", "b"]),
    ],
)
def test_revisions_without_pods_are_not_judged_beside_a_newer_one(
    sets: list[tuple[str, int, int]], judged: list[str]
) -> None:
    fleet = fleet_of(*(_replica_set(*each) for each in sets))
    assert sorted(each.workload.name for several in fleet.agents.values() for each in several) == judged
