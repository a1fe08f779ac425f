"""Where audit records are kept: refuted by a file that is lost with the pod, and by nothing else."""

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentConfigFile, Missing, Seen
from probes.controls.finding import Finding
from tests.probes.controls.judges.kubernetes_object.objects import FORBIDDEN, finding
from tests.probes.controls.made import NOW

AUDIT = "security.authz.audit-logs-secured"
FILE = "file:///var/log/agentweave/audit.log"
LOST = "authorization.audit.destination is a file {}, which is lost with the pod."
EMPTY = "volumes: [{name: logs, emptyDir: {}}]"
MOUNT = "volumeMounts: [{name: logs, mountPath: /var/log/agentweave}]"

TWO = (
    "containers: [{name: agent, volumeMounts: "
    "[{name: logs, mountPath: /var/log/agentweave/}, {name: all, mountPath: /}]}, {name: b}]"
)


def _found(spec: str | Missing, destination: object = FILE, *, enabled: object = True) -> Finding:
    document = {"authorization": {"audit": {"destination": destination, "enabled": enabled}}}
    file = AgentConfigFile(document, {("authorization", "audit", "destination"): 7}, "1.0.0", in_place=True)
    return finding(AUDIT, spec, config=Seen(file, NOW, "config.yaml"))


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ("{containers: [{name: agent}]}", "on the container's own file system"),
        (f"{{{EMPTY}, containers: [{{name: agent, {MOUNT}}}]}}", "on the emptyDir logs"),
        (
            f"{{volumes: [{{name: all, hostPath: {{path: /x}}}}, {{name: logs, emptyDir: }}], {TWO}}}",
            "on the emptyDir logs",
        ),
        (
            f"{{{EMPTY}, containers: [{{name: agent, volumeMounts: [{{name: logs, mountPath: /var/log/agent}}]}}]}}",
            "on the container's own file system",
        ),
    ],
)
@pytest.mark.parametrize("destination", [FILE, "/var/log/agentweave/audit.log", "file:///var/log/x/../agentweave/a"])
def test_a_file_that_is_lost_with_the_pod_refutes(spec: str, where: str, destination: str) -> None:
    found = _found(spec, destination)
    assert (found.state, found.reason, found.message) == ("fail", "Refuted", LOST.format(where))
    assert found.evidence[0].ref == "config.yaml:7"


@pytest.mark.parametrize(
    "spec",
    [
        f"{{volumes: [{{name: logs, persistentVolumeClaim: {{}}}}], containers: [{{name: agent, {MOUNT}}}]}}",
        f"{{containers: [{{name: agent, {MOUNT}}}]}}",
        f"{{{EMPTY}, containers: [{{name: agent, {MOUNT}}}, {{name: shipper, {MOUNT}}}]}}",
        f"{{{EMPTY}, containers: [{{name: other}}]}}",
        FORBIDDEN,
    ],
    ids=["a claim", "a volume of a claim template", "another container sends it on", "no agent", "no template"],
)
def test_what_may_be_kept_or_is_not_known_refutes_nothing_and_proves_nothing(spec: str | Missing) -> None:
    found = _found(spec)
    assert (found.state, found.reason) == ("unknown", "AttestationMissing")


@pytest.mark.parametrize(
    "destination", ["stdout", "file:///dev/stdout", "/proc/1/fd/1", "syslog://a:514", "$DIR/a", "/$DIR/a", 5, None, ""]
)
def test_what_is_no_file_refutes_nothing(destination: object) -> None:
    assert _found("{containers: [{name: agent}]}", destination).state == "unknown"


def test_a_destination_of_audit_that_is_off_or_is_only_a_default_without_effect_refutes_nothing() -> None:
    assert _found("{containers: [{name: agent}]}", enabled=False).state == "unknown"
    assert finding(AUDIT, "{containers: [{name: agent}]}").state == "unknown"
    missing = Missing(UnknownReason.SOURCE_MISSING, "The config is not known.")
    assert finding(AUDIT, "{containers: [{name: agent}]}", config=missing).state == "unknown"
