"""What live pods decide: good, bad and unclear of each control, and what looks alike and is not."""

from dataclasses import replace

import pytest

from probes.controls.catalogue.control import Assurance, SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, AgentObjects, LivePod, Missing, Pod, Seen
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.evidence.live_pod import Start, Termination
from tests.probes.controls.judges.known.pods import port
from tests.probes.controls.judges.kubernetes_object.objects import listing, said
from tests.probes.controls.judges.kubernetes_pod.pods import HOUR, container, ended, finding, pod
from tests.probes.controls.made import NOW

LIVENESS, READINESS = "reliability.health.liveness-configured", "reliability.health.readiness-configured"
STARTUP, STARTS = "reliability.health.startup-configured", "predeploy.smoke.agent-starts"
SIGTERM, OPA = "reliability.shutdown.sigterm-handler", "predeploy.opa.reachable"
PROBED = "{containers: [{name: agent, livenessProbe: {tcpSocket: {port: 1}}, readinessProbe: {tcpSocket: {port: 1}}}]}"
WITH_STARTUP = "{containers: [{name: agent, startupProbe: {exec: {command: [x]}}}]}"
WITHOUT_SECRETS = {
    SourceName.KUBERNETES_OBJECT: Seen(AgentObjects(NOT_GIVEN, NOT_GIVEN, {"ConfigMap": listing()}), NOW, "")
}
OF_TEMPLATE = {
    "deployment.resources.cpu-requests": "{requests: {cpu: 1}}",
    "deployment.resources.cpu-limits": "{limits: {cpu: 1}}",
    "deployment.resources.memory-requests": "{requests: {memory: 1}}",
    "deployment.resources.memory-limits": "{limits: {memory: 1}}",
    "deployment.resources.ephemeral-storage-limits": "{limits: {ephemeral-storage: 1}}",
}


@pytest.mark.parametrize(("control", "given"), OF_TEMPLATE.items())
def test_resources_of_a_live_pod_are_reported_and_one_bad_pod_is_named(control: str, given: str) -> None:
    good = pod(f"{{containers: [{{name: agent, resources: {given}}}]}}")
    passed = finding(control, good)
    assert (passed.state, passed.assurance) == ("pass", Assurance.REPORTED)
    failed = finding(control, good, pod(name="search-1"))
    assert failed.state == "fail"
    assert failed.message.startswith("search-1: The container agent has no resources.")
    assert failed.pods == {"search-0": "pass", "search-1": "fail"}
    assert finding(control).state == "unknown"


def test_a_limit_range_does_not_count_for_a_pod_that_was_admitted_before() -> None:
    ranges = {"LimitRange": listing("{spec: {limits: [{type: Container, default: {cpu: 1}}]}}")}
    objects = Seen(AgentObjects(NOT_GIVEN, NOT_GIVEN, ranges), NOW, "")
    found = finding("deployment.resources.cpu-limits", pod(), sources={SourceName.KUBERNETES_OBJECT: objects})
    assert found.state == "fail"


@pytest.mark.parametrize(
    ("control", "good", "bad"),
    [
        ("deployment.image.no-root-user", "{securityContext: {runAsUser: 1000}", "{securityContext: {runAsUser: 0}"),
        ("reliability.shutdown.timeout", "{terminationGracePeriodSeconds: 60", "{terminationGracePeriodSeconds: 30"),
    ],
)
def test_what_a_pod_says_of_itself_decides(control: str, good: str, bad: str) -> None:
    rest = ", containers: [{name: agent}]}"
    assert finding(control, pod(good + rest)).state == "pass"
    assert finding(control, pod(bad + rest)).state == "fail"


@pytest.mark.parametrize(
    ("control", "good", "bad"),
    [
        ("security.secrets.env-secured", "valueFrom: {secretKeyRef: {name: a, key: b}}", "value: x"),
        ("deployment.secrets.k8s-secrets-used", "valueFrom: {secretKeyRef: {name: a, key: b}}", "value: x"),
    ],
)
def test_a_secret_in_the_open_of_a_live_pod_fails(control: str, good: str, bad: str) -> None:
    spec = "{containers: [{name: agent, env: [{name: DB_PASSWORD, %s}]}]}"
    template = Seen(pod(spec % good).sources[SourceName.KUBERNETES_POD].value.template, NOW, "")  # type: ignore[union-attr]
    objects = {SourceName.KUBERNETES_OBJECT: Seen(AgentObjects(NOT_GIVEN, template, {"ConfigMap": listing()}), NOW, "")}
    assert finding(control, pod(spec % good), sources=objects).state == "pass"
    failed = finding(control, pod(spec % bad), sources=objects)
    assert said(failed)[0::2] == (
        "fail",
        "search-0: Container agent: the variable DB_PASSWORD has a literal value.",
    )


def test_without_its_config_maps_a_pod_does_not_tell_that_no_secret_is_in_its_texts() -> None:
    found = finding("security.secrets.none-in-config", pod())
    assert (found.state, found.reason) == ("unknown", "NoData")
    assert finding("security.secrets.none-in-config", pod(), sources=WITHOUT_SECRETS).state != "fail"


def test_a_secret_as_a_file_with_a_narrow_mode_is_mounted_securely() -> None:
    spec = "{volumes: [{name: s, secret: {secretName: db, defaultMode: %s}}], containers: [{name: agent}]}"
    template = Seen(pod(spec % 288).sources[SourceName.KUBERNETES_POD].value.template, NOW, "")  # type: ignore[union-attr]
    objects = {SourceName.KUBERNETES_OBJECT: Seen(AgentObjects(NOT_GIVEN, template, {"ConfigMap": listing()}), NOW, "")}
    control = "deployment.secrets.mounted-securely"
    assert finding(control, pod(spec % 288), sources=objects).state == "pass"
    assert finding(control, pod(spec % 420), sources=objects).state == "fail"


def test_a_variable_of_a_pod_that_switches_debugging_on_fails_whatever_the_config_says() -> None:
    config = Seen(
        AgentConfigFile({"observability": {"logging": {"level": "INFO"}}}, {}, "1.0.0", in_place=True), NOW, "c"
    )
    found = finding(
        "observability.logging.level-appropriate",
        pod("{containers: [{name: agent, env: [{name: AGENTWEAVE_DEBUG, value: 'true'}]}]}"),
        sources={SourceName.AGENT_CONFIG: config},
    )
    assert said(found)[0::2] == ("fail", "search-0: The variable AGENTWEAVE_DEBUG switches debugging on.")


def test_a_pod_that_runs_as_the_default_account_fails() -> None:
    control = "security.identity.workload-attestation-configured"
    assert finding(control, pod("{serviceAccountName: default, containers: [{name: agent}]}")).state == "fail"
    assert finding(control, pod("{serviceAccountName: search, containers: [{name: agent}]}")).state == "unknown"


def test_audit_records_on_a_volume_that_is_lost_with_the_pod_fail() -> None:
    document = {"authorization": {"audit": {"enabled": True, "destination": "file:///var/log/audit.log"}}}
    config = {SourceName.AGENT_CONFIG: Seen(AgentConfigFile(document, {}, "1.0.0", in_place=True), NOW, "c")}
    control = "security.authz.audit-logs-secured"
    failed = finding(control, pod(), sources=config)
    assert failed.state == "fail"
    assert "search-0: authorization.audit.destination is a file on the container's own file system" in failed.message
    kept = "{volumes: [{name: a, persistentVolumeClaim: {claimName: a}}], containers: [%s]}"
    mount = "{name: agent, volumeMounts: [{name: a, mountPath: /var/log}]}"
    assert finding(control, pod(kept % mount), sources=config).state == "unknown"


@pytest.mark.parametrize("control", [LIVENESS, READINESS])
def test_a_probe_that_has_been_content_for_15_min_passes_and_none_fails(control: str) -> None:
    assert finding(control, pod(PROBED)).state == "pass"
    assert said(finding(control, pod()))[0::2] == (
        "fail",
        f"search-0: Container agent has no {control.split('.')[2].split('-', maxsplit=1)[0]}Probe.",
    )
    assert finding(control).state == "unknown"


def test_a_restart_within_15_min_leaves_the_liveness_probe_open_until_they_are_over() -> None:
    restarted = container(restarts=2, ended=ended(137, ago=300.0), running_since=NOW - 290)
    found = finding(LIVENESS, pod(PROBED, restarted))
    assert (found.state, found.reason, found.next_decided_at) == ("unknown", "Observing", NOW + 610)
    sidecar = container("opa", restarts=1, ended=ended(1, ago=1000.0))
    assert finding(LIVENESS, pod(PROBED, container(), sidecar)).state == "pass"
    assert finding(LIVENESS, pod(PROBED, container(running_since=NOW - 100))).reason == "Observing"


def test_a_pod_that_became_ready_a_minute_ago_leaves_the_readiness_probe_open() -> None:
    found = finding(READINESS, pod(PROBED, ready_for=120.0))
    assert (found.state, found.reason, found.next_decided_at) == ("unknown", "Observing", NOW + 780)


def test_a_startup_probe_passes_and_without_one_starts_tell_whether_it_is_needed() -> None:
    assert finding(STARTUP, pod(WITH_STARTUP)).state == "pass"
    in_time = [Start(f"search-{n}", 20.0, seen=False) for n in range(3)]
    assert finding(STARTUP, pod(PROBED, starts=in_time)).state == "not_applicable"
    few = finding(STARTUP, pod(PROBED, starts=in_time[:2]))
    assert (few.state, few.reason) == ("unknown", "Observing")
    assert few.message.endswith("2 of 3 starts were observed to be in time.")
    slow = [*in_time, Start("search-3", 95.0, seen=True)]
    assert said(finding(STARTUP, pod(PROBED, starts=slow)))[0::2] == (
        "fail",
        "search-0: There is no startupProbe, and a start took 95 s, longer than its livenessProbe lets it.",
    )


def test_a_start_that_nobody_saw_may_have_been_shorter_and_one_without_a_liveness_probe_is_never_too_long() -> None:
    unseen = [Start(f"search-{n}", 95.0, seen=False) for n in range(3)]
    assert finding(STARTUP, pod(PROBED, starts=unseen)).reason == "Observing"
    seen = [Start(f"search-{n}", 95.0, seen=True) for n in range(3)]
    assert finding(STARTUP, pod(starts=seen)).state == "not_applicable"


def test_an_agent_that_started_and_stayed_passes() -> None:
    assert finding(STARTS, pod()).state == "pass"
    late = container(restarts=1, ended=ended(137, after=7200.0, ago=1800.0))
    assert (
        finding(STARTS, pod("{containers: [{name: agent}]}", late, age=9100.0, first_ended=late.ended)).state == "pass"
    )
    assert finding(STARTS).state == "unknown"


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            pod(
                "{}", container(waiting="CrashLoopBackOff", ready=False, restarts=9, running_since=None), ready_for=None
            ),
            "The agent's container waits with CrashLoopBackOff.",
        ),
        (
            pod("{}", container(restarts=1), first_ended=ended(1, after=100.0)),
            "search-0: The agent's container restarted in its first 5 min.",
        ),
        (
            pod("{}", container(restarts=3, ended=ended(1, ago=HOUR - 200))),
            "search-0: The agent's container restarted in its first 5 min.",
        ),
    ],
    ids=["crash loop", "first end soon", "third end soon"],
)
def test_an_agent_that_does_not_stay_fails(made: Pod, message: str) -> None:
    made = replace(made, sources={SourceName.KUBERNETES_POD: _with_agent(made)})
    found = finding(STARTS, made)
    assert (found.state, found.message) == ("fail", message)


def _with_agent(made: Pod) -> Seen[object]:
    found = made.sources[SourceName.KUBERNETES_POD]
    assert isinstance(found, Seen)
    assert isinstance(found.value, LivePod)
    template = replace(found.value.template, spec={"containers": [{"name": "agent"}]})
    return replace(found, value=replace(found.value, template=template))


def test_a_new_revision_that_crashes_fails_beside_old_pods_that_run_and_an_old_one_that_crashes_does_not() -> None:
    crashing = container(waiting="CrashLoopBackOff", ready=False, restarts=3, running_since=None)
    spec = "{containers: [{name: agent}]}"
    new = pod(spec, crashing, name="search-new", ready_for=None, revision="r2", revision_at=2.0)
    assert finding(STARTS, pod(), new).state == "fail"
    old = pod(spec, crashing, name="search-old", ready_for=None, revision="r0", revision_at=0.5)
    assert finding(STARTS, pod(), old).state == "pass"
    ends = pod(spec, crashing, name="search-end", ready_for=None, revision_at=2.0, ends_since=NOW)
    assert finding(STARTS, pod(), ends).state == "pass"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (pod(age=200.0, ready_for=150.0), "Observing"),
        (pod("{containers: [{name: agent}]}", container(restarts=2, ended=ended(1, ago=60.0))), "NoData"),
    ],
    ids=["young", "restarts before the watch"],
)
def test_a_young_pod_and_one_whose_first_restart_nobody_saw_leave_it_open(made: Pod, reason: str) -> None:
    found = finding(STARTS, made)
    assert (found.state, found.reason) == ("unknown", reason)


def _end(code: int, ago: float = 100.0, reason: str = "Completed", grace: float = 30.0) -> Termination:
    """It was asked to end so many seconds ago, and ended a minute ago."""
    return Termination("search-9", NOW - ago, ended(code, reason=reason), grace)


@pytest.mark.parametrize(
    ("ends", "state", "message"),
    [
        ([_end(0)], "pass", "The agent's container ended with exit code 0 in the last pod that was asked to end."),
        (
            [_end(0)] * 7,
            "pass",
            "The agent's container ended with exit code 0 in the last 5 pods that were asked to end.",
        ),
        (
            [_end(137), _end(0)],
            "fail",
            "The agent's container was killed when its pod was asked to end: exit code 137.",
        ),
        ([_end(3)], "fail", "The agent's container ended with exit code 3 when its pod was asked to end."),
        ([], "unknown", "No pod of the agent was seen to end."),
        ([_end(143)], "unknown", "It ended with exit code 143, which a process without a handler of SIGTERM has too."),
        (
            [_end(137, grace=42.0)],
            "fail",
            "The agent's container was killed when its pod was asked to end: exit code 137.",
        ),
        ([_end(137, grace=42.1)], "unknown", "It was killed before the terminationGracePeriodSeconds of its template"),
        ([_end(137, ago=62.0)], "unknown", "It was killed before the terminationGracePeriodSeconds of its template"),
        (
            [_end(137, ago=62.0), _end(3, ago=62.0)],
            "fail",
            "The agent's container ended with exit code 3 when its pod was asked to end.",
        ),
        (
            [_end(0, ago=62.0)],
            "pass",
            "The agent's container ended with exit code 0 in the last pod that was asked to end.",
        ),
        ([_end(137, reason="OOMKilled")], "unknown", "It ran out of memory while it ended."),
        ([_end(137, ago=31 * 86400.0)], "unknown", "No pod of the agent was seen to end."),
    ],
)
def test_how_the_last_pods_ended_tells_whether_sigterm_is_handled(
    ends: list[Termination], state: str, message: str
) -> None:
    found = finding(SIGTERM, pod(terminations=ends))
    assert found.state == state
    assert found.message == f"search-0: {message}" if state != "unknown" else message in found.message


def test_an_opa_on_loopback_is_up_by_its_own_readiness_probe_alone() -> None:
    spec = "{containers: [{name: agent}, {name: opa, readinessProbe: {httpGet: {port: 8181}}}]}"
    assert finding(OPA, pod(spec, container(), container("opa"), opa="opa", opa_on_loopback=True)).state == "pass"
    unready = pod(spec, container(), container("opa", ready=False), opa="opa", opa_on_loopback=True)
    assert (finding(OPA, unready).state, finding(OPA, unready).reason) == ("unknown", "Observing")
    unprobed = pod(
        "{containers: [{name: agent}, {name: opa}]}", container(), container("opa"), opa="opa", opa_on_loopback=True
    )
    assert finding(OPA, unprobed).reason == "NoData"
    asked = pod(spec, container(), container("opa"), opa="opa", opa_on_loopback=False)
    assert finding(OPA, asked).state == "unknown"


def test_a_pod_that_serves_no_identity_and_mounts_a_certificate_of_a_secret_is_static() -> None:
    control = "security.identity.spire-configured"
    mounts = "{volumes: [{name: t, secret: {secretName: web-tls, items: [{key: tls.crt, path: c}]}}], containers: []}"
    plain = {SourceName.HANDSHAKE: Seen(port(uris=()), NOW, "pod")}
    told = "search-0: It serves no SPIFFE ID, and mounts the certificate of the Secret web-tls."
    assert told in finding(control, pod(mounts, sources=plain)).message
    svid = {SourceName.HANDSHAKE: Seen(port(), NOW, "pod")}
    assert told not in finding(control, pod(mounts, sources=svid)).message
    assert told not in finding(control, pod(sources=plain)).message
    assert told not in finding(control, pod(mounts)).message


@pytest.mark.parametrize(
    ("control", "flags", "lacking"),
    [
        ("deployment.secrets.encrypted-at-rest", "[--encryption-provider-config]", "--encryption-provider-config"),
        ("security.secrets.access-logged", "[--audit-policy-file, --audit-log-path]", "--audit-policy-file"),
        ("security.secrets.access-logged", "[--audit-policy-file, --audit-webhook-config-file]", "--audit-policy-file"),
    ],
)
def test_api_servers_that_all_lack_a_flag_refute_what_it_is_for(control: str, flags: str, lacking: str) -> None:
    def judged(*bodies: str) -> tuple[str, str]:
        objects = AgentObjects(NOT_GIVEN, NOT_GIVEN, {"ControlPlanePod": listing(*bodies)})
        found = finding(control, pod(), sources={SourceName.KUBERNETES_OBJECT: Seen(objects, NOW, "")})
        return found.state, found.message

    told = f"No kube-apiserver that is seen was started with {lacking}."
    assert judged("{flags: [--port]}", "{flags: []}") == ("fail", told)
    assert judged("{flags: [--port]}", f"{{flags: {flags}}}")[0] == "unknown"
    assert judged()[0] == "unknown"
    if control.endswith("logged"):
        sinks = "No kube-apiserver that is seen was started with --audit-log-path or --audit-webhook-config-file."
        assert judged("{flags: [--audit-policy-file]}") == ("fail", sinks)


def test_pods_that_may_not_be_listed_decide_nothing() -> None:
    forbidden = Missing(UnknownReason.FORBIDDEN, "The pods may not be listed.")
    hidden = replace(pod(PROBED), sources={SourceName.KUBERNETES_POD: forbidden})
    for control in (LIVENESS, READINESS, STARTS, SIGTERM):
        assert finding(control, hidden).reason == "Forbidden"
    assert {finding(control, hidden).state for control in OF_TEMPLATE} == {"unknown"}


def test_a_container_that_restarted_lately_leaves_the_liveness_probe_open_though_its_end_is_told_no_more() -> None:
    spec = "{containers: [{name: agent, livenessProbe: {exec: {}}}, {name: opa}]}"
    again = container("opa", restarts=1, running_since=NOW - 60)
    found = finding(LIVENESS, pod(spec, container(), again))
    assert (found.state, found.reason, found.next_decided_at) == ("unknown", "Observing", NOW - 60 + 900)
    added = container("debug", running_since=NOW - 60)  # such as one of `kubectl debug`
    assert finding(LIVENESS, pod(spec, container(), added)).state == finding(LIVENESS, pod(spec)).state == "pass"


def test_a_pod_that_crashes_and_runs_in_between_neither_passes_nor_clears_the_fail() -> None:
    spec = "{containers: [{name: agent}]}"
    runs = pod(spec, container(restarts=7, ended=ended(1)), name="search-1", ready_for=None)
    found = finding(STARTS, pod(), runs)
    assert (found.state, found.reason) == ("unknown", "NoData")
    told = "A pod is not Ready, and whether its agent's container started without a restart is not known."
    assert found.message == told
    young = pod(spec, container(started=False), name="search-1", ready_for=None, age=60)
    assert finding(STARTS, pod(), young).state == "pass"


def test_a_pod_of_which_nothing_was_read_leaves_open_whether_a_startup_probe_is_needed() -> None:
    starts = [Start(f"search-{number}", 5.0, seen=True) for number in range(3)]
    read = pod("{containers: [{name: agent}]}", starts=starts)
    assert finding(STARTUP, read).state == "not_applicable"
    unread = Missing(UnknownReason.UNREACHABLE, "The pods have not been listed yet.")
    other = replace(pod(name="search-1"), sources={SourceName.KUBERNETES_POD: unread})
    assert finding(STARTUP, read, other).state == "unknown"


def test_an_agent_that_is_a_native_sidecar_is_judged_by_its_own_container() -> None:
    probes = "livenessProbe: {exec: {}}, readinessProbe: {exec: {}}"
    spec = f"{{initContainers: [{{name: agent, restartPolicy: Always, {probes}}}], containers: [{{name: app}}]}}"
    assert finding(READINESS, pod(spec)).state == finding(LIVENESS, pod(spec)).state == "pass"
    once = spec.replace("restartPolicy: Always, ", "")
    assert finding(READINESS, pod(once)).message == "Which container is the agent's cannot be told."
