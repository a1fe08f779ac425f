"""What the pod template decides: good, bad and unclear of each control, and what looks alike and is not."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from probes.controls.catalogue.control import Assurance, SourceName, UnknownReason
from probes.controls.evidence import (
    AgentConfigFile,
    AgentObjects,
    Container,
    EvidenceSet,
    KubeObject,
    Listing,
    Missing,
    PodTemplate,
    Seen,
)
from probes.controls.judges.kubernetes_object.variables import variables_of
from probes.controls.judging import Facts, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from tests.probes.controls.judges.kubernetes_object.objects import FORBIDDEN, finding, listing, said
from tests.probes.controls.made import AGENT, CATALOGUE, NOW

RESOURCES = {
    "deployment.resources.cpu-requests": ("requests", "cpu"),
    "deployment.resources.cpu-limits": ("limits", "cpu"),
    "deployment.resources.memory-requests": ("requests", "memory"),
    "deployment.resources.memory-limits": ("limits", "memory"),
    "deployment.resources.ephemeral-storage-limits": ("limits", "ephemeral-storage"),
}
CPU, CPU_LIMITS = "deployment.resources.cpu-requests", "deployment.resources.cpu-limits"
LIVENESS, READINESS = "reliability.health.liveness-configured", "reliability.health.readiness-configured"
STARTUP = "reliability.health.startup-configured"
ROOT, GRACE = "deployment.image.no-root-user", "reliability.shutdown.timeout"
ROLLBACK, TAGGED = "deployment.rollback.automation", "deployment.rollback.previous-version-tagged"
ACCOUNT, LEVEL = "security.identity.workload-attestation-configured", "observability.logging.level-appropriate"
SAMPLING = "observability.tracing.sampling-configured"
OF_TEMPLATE = [*RESOURCES, ROOT, GRACE, STARTUP, LIVENESS, READINESS]


@pytest.mark.parametrize("control", OF_TEMPLATE)
def test_a_template_that_may_not_be_read_decides_nothing(control: str) -> None:
    assert finding(control, FORBIDDEN).state == "unknown"
    assert finding(control, FORBIDDEN).reason in ("Forbidden", "SourceMissing")


def test_variables_that_double_each_other_are_not_known() -> None:
    doubled = ", ".join(f"{{name: V{number}, value: $(V{number - 1})$(V{number - 1})}}" for number in range(1, 20))
    env = f"[{{name: V0, value: 'always_off'}}, {doubled}, {{name: OTEL_TRACES_SAMPLER, value: $(V19)}}]"
    body: dict[str, object] = yaml.safe_load(f"{{name: agent, env: {env}}}")
    container = Container("agent", "main", body, agent=True)
    values = [each.value for each in variables_of(container, Listing(()))]
    assert [len(each) for each in values if each is not None] == [10 * 2**number for number in range(13)]
    assert values[13:] == [None] * 8


@pytest.mark.parametrize(("control", "place"), RESOURCES.items())
def test_each_container_must_have_its_own_resource_and_no_other_does(control: str, place: tuple[str, str]) -> None:
    kind, name = place
    given = f"{{containers: [{{name: agent, resources: {{{kind}: {{{name}: 1}}}}}}]}}"
    passed = finding(control, given)
    assert said(passed) == ("pass", "", f"Every container has resources.{kind}.{name}.")
    assert passed.assurance is Assurance.DECLARED
    for other, (kind_, name_) in RESOURCES.items():
        expected = "pass" if other == control or (kind_, name_) == ("requests", name) else "fail"
        assert finding(other, given).state == expected


def test_an_init_container_and_a_native_sidecar_without_resources_fail_by_name() -> None:
    spec = "{initContainers: [{name: wait-for-spire}], containers: [{name: agent, resources: {requests: {cpu: 1}}}]}"
    assert said(finding(CPU, spec)) == (
        "fail",
        "Violated",
        "The init container wait-for-spire has no resources.requests.cpu above 0.",
    )
    native = spec.replace("wait-for-spire", "opa, restartPolicy: Always")
    assert finding(CPU, native).message == "The sidecar container opa has no resources.requests.cpu above 0."


def test_a_container_that_is_called_a_sidecar_is_left_out() -> None:
    spec = "{containers: [{name: agent, resources: {requests: {cpu: 1}}}, {name: istio-proxy}]}"
    assert finding(CPU, spec).state == "fail"
    assert finding(CPU, spec, roles={"istio-proxy": "sidecar"}).state == "pass"


@pytest.mark.parametrize("value", ["0", "0m", "'0'", "-1", "much", "true", "null", "[1]", "0.0"])
def test_what_is_not_above_zero_is_nothing(value: str) -> None:
    spec = f"{{containers: [{{name: agent, resources: {{requests: {{cpu: {value}}}}}}}]}}"
    assert finding(CPU, spec).state == "fail"


@pytest.mark.parametrize("value", ["1", "100m", "0.5", "'.5'", "1e3", "1Gi", "1E"])
def test_each_way_to_write_a_quantity_counts(value: str) -> None:
    assert finding(CPU, f"{{containers: [{{name: agent, resources: {{requests: {{cpu: {value}}}}}}}]}}").state == "pass"


@pytest.mark.parametrize(
    ("given", "limits", "requests"),
    [
        ("default: {cpu: 1}", "pass", "pass"),
        ("defaultRequest: {cpu: 1}", "fail", "pass"),
        ("max: {cpu: 1}", "pass", "pass"),
        ("min: {cpu: 1}", "fail", "pass"),
        ("default: {memory: 1Gi}", "fail", "fail"),
    ],
)
def test_the_defaults_of_a_limit_range_count_as_admission_gives_them(given: str, limits: str, requests: str) -> None:
    ranges = {"LimitRange": listing(f"{{spec: {{limits: [{{type: Container, {given}}}]}}}}")}
    spec = "{containers: [{name: agent}]}"
    assert finding(CPU_LIMITS, spec, listings=ranges).state == limits
    assert finding(CPU, spec, listings=ranges).state == requests
    of_pods = {"LimitRange": listing(f"{{spec: {{limits: [{{type: Pod, {given}}}]}}}}")}
    assert finding(CPU, spec, listings=of_pods).state == "fail"


@pytest.mark.parametrize(
    ("pod", "own", "state", "reason"),
    [
        ("{runAsNonRoot: true}", "{}", "pass", ""),
        ("{}", "{runAsUser: 1000}", "pass", ""),
        ("{runAsUser: 1000}", "{}", "pass", ""),
        ("{runAsUser: 1000}", "{runAsUser: 0}", "fail", "Violated"),
        ("{runAsNonRoot: true}", "{runAsUser: 0}", "fail", "Violated"),
        ("{runAsNonRoot: true}", "{runAsNonRoot: false}", "fail", "Violated"),
        ("{}", "{runAsNonRoot: false, runAsUser: 5}", "pass", ""),
        ("{}", "{}", "unknown", "NoData"),
    ],
)
def test_the_user_of_a_container_wins_over_that_of_its_pod(pod: str, own: str, state: str, reason: str) -> None:
    spec = f"{{securityContext: {pod}, containers: [{{name: agent, securityContext: {own}}}]}}"
    found = finding(ROOT, spec)
    assert (found.state, found.reason) == (state, reason)


def test_an_init_container_that_runs_as_root_fails() -> None:
    init = "{name: init, securityContext: {runAsUser: 0}}"
    spec = f"{{initContainers: [{init}], containers: [{{name: agent, securityContext: {{runAsUser: 5}}}}]}}"
    assert said(finding(ROOT, spec)) == ("fail", "Violated", "Container init runs as user 0.")


@pytest.mark.parametrize(("control", "key"), [(LIVENESS, "livenessProbe"), (READINESS, "readinessProbe")])
def test_a_probe_in_a_template_is_declared_and_its_lack_refutes(control: str, key: str) -> None:
    declared = finding(control, f"{{containers: [{{name: agent, {key}: {{httpGet: {{path: /health}}}}}}]}}")
    assert (declared.state, declared.reason) == ("unknown", "DeclaredOnly")
    for lacking in (f"{key}: {{}}", "startupProbe: {exec: {}}", "image: a"):
        lacks = finding(control, f"{{containers: [{{name: agent, {lacking}}}]}}")
        assert said(lacks) == ("fail", "Violated", f"Container agent has no {key}.")
    beside = finding(control, f"{{containers: [{{name: agent}}, {{name: opa, {key}: {{httpGet: {{path: /}}}}}}]}}")
    assert beside.state == "fail"


def test_a_startup_probe_passes_and_without_one_only_starts_tell() -> None:
    assert finding(STARTUP, "{containers: [{name: agent, startupProbe: {grpc: {port: 1}}}]}").state == "pass"
    without = finding(STARTUP, "{containers: [{name: agent}]}")
    assert said(without) == ("unknown", "SourceMissing", "There is no startupProbe, and no start was observed.")


@pytest.mark.parametrize(
    ("spec", "state"),
    [
        ("containers: []", "fail"),
        ("terminationGracePeriodSeconds: 30, containers: []", "fail"),
        ("terminationGracePeriodSeconds: 34, containers: []", "fail"),
        ("terminationGracePeriodSeconds: 35, containers: []", "pass"),
        ("terminationGracePeriodSeconds: '60', containers: []", "unknown"),
        *(
            (
                f"terminationGracePeriodSeconds: {seconds}, containers: [{{name: a, lifecycle: {{preStop: {hook}}}}}]",
                state,
            )
            for hook in (
                "{sleep: {seconds: 10}}",
                "{exec: {command: [sh, -c, sleep 10]}}",
                "{exec: {command: [sleep, '10']}}",
            )
            for seconds, state in ((44, "fail"), (45, "pass"))
        ),
        *(
            (
                f"terminationGracePeriodSeconds: {seconds}, containers: [{{name: a, lifecycle: {{preStop: {hook}}}}}]",
                state,
            )
            for hook in (
                "{exec: {command: [sleep, 1m]}}",
                "{exec: {command: [/bin/sleep, 0.5m, 30s]}}",
                "{exec: {command: [sh, -c, 'sleep 60s; true']}}",
                "{exec: {command: [sh, -c, 'sleep 50 && (sleep \"10\")']}}",
            )
            for seconds, state in ((94, "fail"), (95, "pass"))
        ),
    ],
)
def test_the_grace_period_covers_the_drain_and_the_sleep_before_it(spec: str, state: str) -> None:
    assert finding(GRACE, f"{{{spec}}}").state == state


@pytest.mark.parametrize(
    "command",
    [
        "sleep infinity",
        "sleep $DELAY",
        "sleep $(DELAY)",
        "sleep 5; sleep ${MORE}",
        "sleep 5 $MORE",
        "sleep 5x",
        "sleep",
        "usleep 5000000",
        "while true; do sleep 1; done",
        "python -c 'import time; time.sleep(30)'",
    ],
)
def test_a_sleep_that_cannot_be_read_leaves_the_grace_period_open_and_excuses_none_that_is_short(command: str) -> None:
    hook = f'{{exec: {{command: [sh, -c, "{command}"]}}}}'
    spec = f"{{terminationGracePeriodSeconds: %s, containers: [{{name: a, lifecycle: {{preStop: {hook}}}}}]}}"
    told = "Container a: how long its preStop hook sleeps cannot be read."
    assert said(finding(GRACE, spec % 600)) == ("unknown", "Unparseable", told)
    assert finding(GRACE, spec % 34).state == "fail"


def test_a_hook_that_does_not_sleep_takes_no_time_and_a_wrong_sleep_is_not_read() -> None:
    spec = "{terminationGracePeriodSeconds: 35, containers: [{name: a, lifecycle: {preStop: %s}}]}"
    assert finding(GRACE, spec % "{exec: {command: [nginx, -s, quit]}}").state == "pass"
    assert finding(GRACE, spec % "{sleep: {seconds: '5'}}").reason == "Unparseable"


def test_a_grace_period_that_is_no_number_is_not_called_one_that_is_not_set() -> None:
    found = finding(GRACE, "{terminationGracePeriodSeconds: '60', containers: []}")
    assert said(found) == ("unknown", "Unparseable", "terminationGracePeriodSeconds is no whole number.")


@pytest.mark.parametrize(
    ("workload", "state"),
    [
        ("kind: Deployment", "pass"),
        ("{kind: StatefulSet, spec: {revisionHistoryLimit: 1}}", "pass"),
        ("{kind: Deployment, spec: {revisionHistoryLimit: 0}}", "fail"),
        ("{kind: Deployment, spec: {revisionHistoryLimit: 0}, metadata: {labels: {helm.sh/chart: a-1}}}", "pass"),
        ("{kind: Pod, metadata: {annotations: {argocd.argoproj.io/tracking-id: x}}}", "pass"),
        ("kind: Pod", "fail"),
        ("kind: Job", "fail"),
        ("{kind: Pod, metadata: {ownerReferences: [{kind: ReplicaSet, controller: true}]}}", "unknown"),
        ("kind: CloneSet", "unknown"),
    ],
)
def test_who_keeps_revisions_can_roll_back(workload: str, state: str) -> None:
    assert finding(ROLLBACK, "{}", workload=workload).state == state
    assert finding(ROLLBACK, "{}", workload=FORBIDDEN).reason == "Forbidden"


def test_a_workload_without_revisions_refutes_that_a_version_is_kept() -> None:
    assert finding(TAGGED, "{}", workload="{kind: Deployment, spec: {revisionHistoryLimit: 0}}").reason == "Refuted"
    assert finding(TAGGED, "{}").reason == "AttestationMissing"


@pytest.mark.parametrize("account", ["", "serviceAccountName: default", "serviceAccountName: ''"])
def test_a_pod_without_a_service_account_of_its_own_fails(account: str) -> None:
    assert finding(ACCOUNT, f"{{{account}}}").state == "fail"
    assert finding(ACCOUNT, "{serviceAccountName: search}").state == "unknown"
    assert finding(ACCOUNT, "{serviceAccount: search}").state == "unknown"


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("AGENTWEAVE_DEBUG", "'1'", "fail"),
        ("AGENTWEAVE_DEBUG", "'False'", "unknown"),
        ("AGENTWEAVE_LOG_LEVEL", "debug", "fail"),
        ("AGENTWEAVE_LOG_LEVEL", "INFO", "unknown"),
        ("LOG_LEVEL", "Debug", "fail"),
        ("LOGLEVEL", "trace", "fail"),
        ("LOG_LEVEL", "INFO", "unknown"),
        ("LIBRARY_LOG_LEVEL", "debug", "unknown"),
        ("OTHER_DEBUG", "'1'", "unknown"),
    ],
)
def test_a_variable_that_switches_debugging_on_fails(name: str, value: str, state: str) -> None:
    missing = Missing(UnknownReason.SOURCE_MISSING, "It is not known.")
    spec = f"{{containers: [{{name: agent, env: [{{name: {name}, value: {value}}}]}}]}}"
    assert finding(LEVEL, spec, config=missing).state == state


_KEYS = (
    "name",
    "env",
    "resources",
    "limits",
    "cpu",
    "securityContext",
    "runAsUser",
    "livenessProbe",
    "httpGet",
    "volumes",
)
_MORE = (
    "lifecycle",
    "preStop",
    "exec",
    "command",
    "valueFrom",
    "secretKeyRef",
    "projected",
    "sources",
    "secret",
    "items",
    "value",
    "args",
    "envFrom",
    "configMapRef",
    "httpHeaders",
)
_SECRET = "AKIA" + "QYLPMN5HFIQR7XYA"
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["agent", "PASSWORD", "1Gi", "sleep 3", _SECRET]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*_KEYS, *_MORE]), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(_KEYS), _json), max_size=2), _json, _json)
def test_whatever_stands_in_a_template_no_judge_raises(containers: list[object], other: object, limits: object) -> None:
    spec = {"containers": containers, "initContainers": other, "volumes": other, "securityContext": limits}
    spec |= {"ephemeralContainers": other, "resources": limits, "terminationGracePeriodSeconds": limits}
    template = PodTemplate({"annotations": other}, spec, "agent")
    maps = Listing((KubeObject("ConfigMap", "prod", "agent", {"data": other, "binaryData": limits}, "a.yaml:1"),))
    config = AgentConfigFile({"db": other, "agent": limits}, {}, "1.0.0", in_place=True)
    objects = AgentObjects(FORBIDDEN, Seen(template, NOW, "a.yaml:1"), {"ConfigMap": Seen(maps, NOW, "a.yaml:1")})
    evidence = EvidenceSet(
        AGENT,
        {
            SourceName.KUBERNETES_OBJECT: Seen(objects, NOW, "a.yaml:1"),
            SourceName.AGENT_CONFIG: Seen(config, NOW, "a.yaml:1"),
        },
    )
    facts = Facts(now=NOW, sdk=load_sdk_facts())
    for control in CATALOGUE.controls:
        if any(SourceName.KUBERNETES_OBJECT in each.sources for each in load_judges().controls.get(control.id, ())):
            assert judge_control(control, evidence, facts, load_judges()).reason != "EvaluatorError"


def test_a_variable_of_another_container_says_nothing_of_the_agent() -> None:
    missing = Missing(UnknownReason.SOURCE_MISSING, "It is not known.")
    other = "{name: opa, env: [{name: AGENTWEAVE_DEBUG, value: '1'}]}"
    assert finding(LEVEL, f"{{containers: [{{name: agent}}, {other}]}}", config=missing).state == "unknown"


@pytest.mark.parametrize(
    ("sampler", "rate", "told"),
    [
        ("always_off", "'1'", "The variable OTEL_TRACES_SAMPLER is always_off, so no request is traced."),
        ("traceidratio", "'0'", "The variable OTEL_TRACES_SAMPLER_ARG is not a number above 0 and at most 1."),
        ("traceidratio", "10%", "The variable OTEL_TRACES_SAMPLER_ARG is not a number above 0 and at most 1."),
        ("traceidratio", "'0.1'", ""),
        (
            "parentbased_traceidratio",
            "'0'",
            "The variable OTEL_TRACES_SAMPLER_ARG is not a number above 0 and at most 1.",
        ),
        ("parentbased_traceidratio", "'0.1'", ""),
        (
            "parentbased_always_off",
            "'1'",
            "The variable OTEL_TRACES_SAMPLER is parentbased_always_off, so no trace begins at the agent.",
        ),
        ("parentbased_always_on", "'0'", ""),
        ("always_on", "'0'", ""),
    ],
)
def test_a_sampler_that_samples_nothing_refutes_and_no_other_does(sampler: str, rate: str, told: str) -> None:
    env = f"{{name: OTEL_TRACES_SAMPLER, value: {sampler}}}, {{name: OTEL_TRACES_SAMPLER_ARG, value: {rate}}}"
    found = finding(SAMPLING, f"{{containers: [{{name: agent, env: [{env}]}}]}}")
    assert (found.state, found.message if told else "") == ("fail" if told else "unknown", told)
    other = finding(SAMPLING, f"{{containers: [{{name: agent}}, {{name: other, env: [{env}]}}]}}")
    assert other.state == "unknown"


def test_an_sdk_of_telemetry_that_is_switched_off_traces_nothing() -> None:
    spec = "{containers: [{name: agent, env: [{name: OTEL_SDK_DISABLED, value: %s}]}]}"
    told = "The variable OTEL_SDK_DISABLED is true, so no request is traced."
    assert said(finding(SAMPLING, spec % "'True'")) == ("fail", "Refuted", told)
    assert finding(SAMPLING, spec % "'false'").state == "unknown"


@pytest.mark.parametrize(
    ("control", "name", "value"),
    [(LEVEL, "AGENTWEAVE_DEBUG", "1"), (SAMPLING, "OTEL_TRACES_SAMPLER", "always_off")],
)
def test_variables_count_wherever_they_come_from_and_the_last_of_two_wins(control: str, name: str, value: str) -> None:
    first, rest = name.split("_", 1)
    maps = {"ConfigMap": listing(f"{{name: c, data: {{{name}: '{value}', {rest}: '{value}', OTHER: x}}}}")}
    agent = "{containers: [{name: agent, %s}]}"
    whole = "envFrom: [{configMapRef: {name: c}}]"
    for how in (
        whole,
        f"envFrom: [{{prefix: {first}_, configMapRef: {{name: c}}}}]",
        f"env: [{{name: {name}, valueFrom: {{configMapKeyRef: {{name: c, key: {rest}}}}}}}]",
        f"{whole}, env: [{{name: {name}, value: $({rest})}}]",
    ):
        assert finding(control, agent % how, listings=maps).state == "fail", how
    for how in (
        f"{whole}, env: [{{name: {name}, value: 'no'}}]",
        f"env: [{{name: {name}, value: $(NOT_SET)}}]",
        f"env: [{{name: {name}, valueFrom: {{secretKeyRef: {{name: s, key: k}}}}}}]",
        "envFrom: [{configMapRef: {name: other}}]",
    ):
        assert finding(control, agent % how, listings=maps).state != "fail", how


@pytest.mark.parametrize(("control", "place"), RESOURCES.items())
def test_what_the_pod_has_for_all_its_containers_counts_but_of_disk(control: str, place: tuple[str, str]) -> None:
    kind, name = place
    found = finding(control, f"{{resources: {{{kind}: {{{name}: 1}}}}, containers: [{{name: agent}}]}}")
    if name == "ephemeral-storage":
        assert found.state == "fail"
    else:
        assert said(found) == ("pass", "", f"The pod has resources.{kind}.{name} for all its containers.")
    none = finding(control, f"{{resources: {{{kind}: {{{name}: 0}}}}, containers: [{{name: agent}}]}}")
    assert none.state == "fail"


def test_the_limit_of_the_pod_is_its_request_too() -> None:
    assert finding(CPU, "{resources: {limits: {cpu: 1}}, containers: [{name: agent}]}").state == "pass"
    assert finding(CPU_LIMITS, "{resources: {requests: {cpu: 1}}, containers: [{name: agent}]}").state == "fail"


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ("{runAsUser: '1000'}", "Container agent has a runAsUser that is no user's number, which Kubernetes refuses."),
        ("{runAsUser: true}", "Container agent has a runAsUser that is no user's number, which Kubernetes refuses."),
        ("{runAsUser: -1}", "Container agent has a runAsUser that is no user's number, which Kubernetes refuses."),
        (
            "{runAsNonRoot: 'true'}",
            "Container agent has a runAsNonRoot that is neither true nor false, which Kubernetes refuses.",
        ),
    ],
)
def test_what_kubernetes_refuses_is_told_as_that_and_not_as_root(context: str, told: str) -> None:
    found = finding(ROOT, f"{{containers: [{{name: agent, securityContext: {context}}}]}}")
    assert said(found) == ("unknown", "Unparseable", told)


def test_an_ephemeral_container_that_runs_as_root_fails_and_needs_no_resources() -> None:
    agent = "{name: agent, securityContext: {runAsUser: 5}, resources: {limits: {cpu: 1}}}"
    spec = f"{{containers: [{agent}], ephemeralContainers: [{{name: debugger, securityContext: {{runAsUser: 0}}}}]}}"
    assert said(finding(ROOT, spec)) == ("fail", "Violated", "Container debugger runs as user 0.")
    assert finding(CPU_LIMITS, spec).state == "pass"


@pytest.mark.parametrize(
    ("resources", "state", "why"),
    [
        ("{limits: {memory: 512Mi}}", "pass", ""),
        ("{limits: {memory: 512MB}}", "fail", "that is no quantity of Kubernetes, such as 512Mi"),
        ("{limits: {memory: 512m}}", "fail", "below one byte: m is a thousandth, Mi a mebibyte"),
        ("{limits: {memory: 1Gi}, requests: {memory: 1025Mi}}", "fail", "below its request, which Kubernetes refuses"),
        ("{limits: {memory: 1Gi}, requests: {memory: 1024Mi}}", "pass", ""),
        ("{limits: {memory: 1e9}, requests: {memory: 1G}}", "pass", ""),
    ],
)
def test_what_is_wrong_with_a_limit_on_memory_is_said(resources: str, state: str, why: str) -> None:
    found = finding("deployment.resources.memory-limits", f"{{containers: [{{name: agent, resources: {resources}}}]}}")
    told = (
        f"The container agent has a resources.limits.memory {why}."
        if why
        else "Every container has resources.limits.memory."
    )
    assert (found.state, found.message) == (state, told)


def test_thousandths_of_a_core_are_a_quantity_of_cpu() -> None:
    spec = "{containers: [{name: agent, resources: {limits: {cpu: 500m}, requests: {cpu: 0.6}}}]}"
    assert finding("deployment.resources.cpu-requests", spec).state == "pass"
    assert finding("deployment.resources.cpu-limits", spec).message == (
        "The container agent has a resources.limits.cpu below its request, which Kubernetes refuses."
    )
