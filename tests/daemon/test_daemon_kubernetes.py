"""The daemon and `check` with agents found in Kubernetes, known by what they serve and print."""

import json
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.discovery.pods.test_target import CONFIG, POD
from tests.servers.daemon import COMMAND, DaemonProcess, run_daemon, write_config
from tests.servers.kube_lies import LyingKubernetes, run_lying_kubernetes
from tests.servers.process import eventually
from watcher.cli import main

CONFIG_MAP = "/api/v1/namespaces/agentweave/configmaps/agentweave-example-config"
PROMPT = 5.0
"""Seconds within which a pod that comes or goes is seen (issue 5, must reach)."""


def pod(number: int, *, ready: bool = True) -> dict[str, Any]:
    """Nobody listens at its address: a look is refused at once."""
    raw = deepcopy(POD)
    raw["metadata"] |= {"uid": f"u{number}", "name": f"pod-{number}"}
    raw["status"]["podIP"] = f"127.8.0.{number}"
    raw["status"]["conditions"][0]["status"] = "True" if ready else "False"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    raw["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": now}}
    return raw


@pytest.fixture
def lies() -> Iterator[LyingKubernetes]:
    with run_lying_kubernetes() as kubernetes:
        kubernetes.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG}}
        yield kubernetes


def config(lies: LyingKubernetes, directory: Path, **kubernetes: object) -> dict[str, Any]:
    found = {"kubeconfig": str(lies.kubeconfig(directory)), "allow_cidrs": ["127.8.0.0/16"], **kubernetes}
    return {
        "state_dir": str(directory / "state"),
        "discovery": {"kubernetes": found},
        "sources": {name: {"interval": "1s", "timeout": "500ms"} for name in ("handshake", "agent_metrics", "opa")},
    }


def pods(daemon: DaemonProcess) -> set[str]:
    return {dict(labels)["pod"] for labels in daemon.page().all("target_info")}


def test_pods_come_and_go_within_seconds_and_leave_no_series(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1))
    with run_daemon(tmp_path, config(lies, tmp_path)) as daemon:
        assert pods(daemon) == {"pod-1"}
        eventually(lambda: lies.watches)
        lies.put(pod(2))
        daemon.says("AgentUnreachable", "true ConnectionRefused", within=PROMPT, pod="pod-2", agent="example-agent")
        lies.delete("u1")
        eventually(lambda: 'pod="pod-1"' not in daemon.page().text, within=PROMPT)
        page = daemon.page()
        assert page.value("targets") == 1
        assert page.value("discovery_pods", state="target") == 1
        assert page.value("discovery_pods", state="refused") == 0
        assert not page.contradictions
        assert [dict(labels)["workload"] for labels in page.all("target_info")] == ["agentweave-example"]
        [target] = daemon.targets()
        assert "policy_path" in target["problems"][0]
        assert "policy_path" in daemon.get("/targets/agentweave/pod-2").text or "policy_path" in json.dumps(target)


def test_a_pod_that_was_never_ready_is_warming_up_until_it_is(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1, ready=False))
    with run_daemon(tmp_path, config(lies, tmp_path)) as daemon:
        daemon.says("AgentUnreachable", "unknown WarmingUp", pod="pod-1")
        eventually(lambda: (daemon.page().value("looks_total", source="handshake", result="error") or 0) > 3)
        assert daemon.page().verdict("AgentUnreachable", pod="pod-1") == "unknown WarmingUp"
        lies.put(pod(1))
        daemon.says("AgentUnreachable", "true ConnectionRefused", within=PROMPT, pod="pod-1")
        lies.put(pod(1, ready=False))
        eventually(lambda: daemon.page().value("targets") == 1)
        assert daemon.page().verdict("AgentUnreachable", pod="pod-1") == "true ConnectionRefused"


def test_the_grace_of_a_pod_that_never_gets_ready_ends(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1, ready=False))
    with run_daemon(tmp_path, config(lies, tmp_path, startup_grace="3s")) as daemon:
        daemon.says("AgentUnreachable", "true ConnectionRefused", within=15, pod="pod-1")


def test_a_server_that_is_away_is_impairment_and_the_targets_stay(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1))
    with run_daemon(tmp_path, config(lies, tmp_path, namespaces=["agentweave"])) as daemon:
        page = daemon.page()
        assert page.value("discovery_last_success_timestamp_seconds", namespace="agentweave")
        assert page.value("impaired", reason="DiscoveryStale") == 0
        assert daemon.end() == 0
    lies.list_status = 403
    with run_daemon(tmp_path, config(lies, tmp_path, namespaces=["agentweave"]), wait_for="/livez") as daemon:
        eventually(lambda: pods(daemon) == {"pod-1"}, within=30)
        page = daemon.page()
        assert page.value("impaired", reason="DiscoveryStale") == 1
        assert page.value("discovery_last_success_timestamp_seconds") is None
        [line] = daemon.logged(lambda line: line["msg"] == "impaired")
        assert "agentweave: 403" in line["why"]
        lies.list_status = 200
        eventually(lambda: daemon.page().value("impaired", reason="DiscoveryStale") == 0, within=40)
        assert daemon.page().value("discovery_last_success_timestamp_seconds", namespace="agentweave")


def test_a_reload_keeps_what_was_found_and_judges_by_the_new_limits(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1))
    before = config(lies, tmp_path)
    with run_daemon(tmp_path, before) as daemon:
        daemon.says("AgentUnreachable", "true ConnectionRefused", pod="pod-1")
        static = {"namespace": "agentweave", "agent": "listed", "address": "127.8.0.9:8443"}
        after = {**before, "probes": {"memory": {"enabled": False}}}
        after["discovery"] = {**before["discovery"], "static": [static]}
        write_config(tmp_path, after)
        daemon.reload()
        assert pods(daemon) == {"pod-1", "listed"}
        assert daemon.page().verdict("AgentUnreachable", pod="pod-1") == "true ConnectionRefused"
        eventually(lambda: "MemoryHigh" not in daemon.page().conditions_of("pod-1"))


def test_it_ends_at_once_while_the_first_list_hangs(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.list_status, lies.headers["Retry-After"] = 503, "60"
    with run_daemon(tmp_path, config(lies, tmp_path), wait_for="/livez") as daemon:
        assert daemon.end() == 0


def test_check_lists_once_and_keeps_nothing(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1))
    path = write_config(tmp_path, config(lies, tmp_path))
    command = [*COMMAND, "check", "--config", str(path), "--output", "json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 1, told.stderr
    assert [each["pod"] for each in json.loads(told.stdout)["targets"]] == ["pod-1"]
    assert not (tmp_path / "state").exists()


def test_check_says_why_nothing_was_found(tmp_path: Path) -> None:
    path = write_config(tmp_path, {"discovery": {"kubernetes": {"kubeconfig": str(tmp_path / "none")}}})
    told = subprocess.run([*COMMAND, "check", "--config", str(path)], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "no access to Kubernetes by" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    ("key", "value", "mistake"),
    [
        ("namespaces", "some", "namespaces"),
        ("namespaces", ["A_b"], "expected the name of a namespace, got 'A_b'"),
        ("namespaces", [], "namespaces"),
        ("allow_cidrs", ["10.0.0.1/8"], "expected a network such as 10.0.0.0/8"),
        ("allowed_hosts", ["a b"], "expected an IP address or a host name"),
        ("spiffe_id_template", "spiffe://td/${who}", "no placeholder ${who}, expected some of ${agent}"),
        ("spiffe_id_template", "http://td/x", "expected a SPIFFE ID with placeholders"),
        ("overrides", ["identity"], "overrides"),
        ("startup_grace", "2d", "startup_grace"),
        ("labels_to_alerts", ["a", "b", "c", "d", "e", "f"], "labels_to_alerts: expected at most 5 labels, got 6"),
        ("labels_to_alerts", ["team name"], "expected the key of a label, such as example.org/team, got 'team name'"),
        ("labels_to_alerts", ["example.org/severity"], "alerts have a label severity of their own, got"),
        ("labels_to_alerts", ["a/team", "b/team"], "a/team and b/team would both be the label team of alerts"),
        ("cluster_spiffe_ids", {}, "cluster_spiffe_ids.trust_domain"),
        ("cluster_spiffe_ids", {"trust_domain": "Example.org"}, "expected a trust domain such as example.org"),
        ("cluster_spiffe_ids", {"trust_domain": "a", "cluster_name": "a b"}, "characters without spaces, got 'a b'"),
        ("cluster_spiffe_ids", {"trust_domain": "a", "class": "x"}, "did you mean class_name?"),
        ("selectr", "x", "did you mean selector?"),
        ("events", {"enable": True}, "discovery.kubernetes.events.enable: unknown key, did you mean enabled?"),
        ("events", {"enabled": "yes"}, "discovery.kubernetes.events.enabled: expected"),
        ("selector", "a&limit=0", "expected a label selector"),
    ],
)
def test_a_mistake_in_the_section_is_named(
    tmp_path: Path, key: str, value: object, mistake: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_config(tmp_path, {"discovery": {"kubernetes": {key: value}}})
    assert main(["config", "check", str(path)]) == 2  # in this process: a start of Python a case takes a second each
    told = capsys.readouterr().err
    assert mistake in told
    assert len(told.splitlines()) == 1, told
