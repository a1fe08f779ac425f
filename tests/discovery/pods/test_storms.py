"""A real API server with thousands of agents: lists in pages, and a rolling deploy that must page nobody."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from probes import load_probes
from tests.alerting.rules import alerts
from tests.bench import pods as objects
from tests.bench.cluster import Cluster, populated
from tests.bench.fleet import serving
from tests.servers.daemon import DaemonProcess, Page, run_daemon
from tests.servers.process import eventually
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.pods.discoverer import Discoverer

LIMITS = {probe.name: probe.limits() for probe in load_probes()}
AUDIT = '{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [%s]}'
OURS = '{"level": "Metadata", "users": ["system:serviceaccount:watching:watcher"]}, {"level": "None"}'
REPLACED = 500
NOBODY = {"tls": 1, "metrics": 2, "opa": 3}
"""Ports at which nobody listens."""


def test_5000_pods_are_listed_in_pages_and_nothing_is_asked_that_the_role_forbids(tmp_path: Path) -> None:
    policy, log = tmp_path / "policy.json", tmp_path / "audit.log"
    policy.write_text(AUDIT % OURS)
    audit = (f"--audit-policy-file={policy}", f"--audit-log-path={log}", "--audit-log-mode=blocking-strict")
    with serving(500, tmp_path) as fleet, populated(5000, fleet, *audit) as cluster:
        assert asyncio.run(_found(cluster)) == 5000
        asked = [json.loads(line) for line in log.read_text().splitlines()]
    lists = [parse_qs(urlsplit(each["requestURI"]).query) for each in asked if each["verb"] == "list"]
    assert len(lists) == 50
    assert all(query["limit"] == ["100"] and "resourceVersion" not in query for query in lists)
    assert ["continue" in query for query in lists] == [False] + [True] * 49
    assert {each["responseStatus"]["code"] for each in asked} == {200}
    once = Counter(each["requestURI"] for each in asked if each["verb"] == "get")
    assert set(once.values()) == {1}
    assert len(once) == 500 * 2  # the ConfigMap and the Service of each workload
    assert {each["userAgent"] for each in asked} == {"agentweave-watcher"}


async def _found(cluster: Cluster) -> int:
    settings = KubernetesSettings(kubeconfig=cluster.kubeconfig, allow_cidrs=("127.0.0.0/8",))
    engine = Discoverer(settings, LIMITS, None, time.time, lambda low, _: low)
    await engine.start(120)
    try:
        assert engine.is_known
        return len(engine.targets())
    finally:
        await engine.close()


PAGING = {alert.labels.get("condition", "") for alert in alerts() if alert.labels.get("severity") == "critical"}


def _paged(page: Page) -> set[str]:
    true = [dict(labels) for labels, value in page.all("condition").items() if value == 1]
    return {f"{labels['condition']} of {labels['pod']}" for labels in true if labels["condition"] in PAGING}


def _pods(page: Page) -> set[str]:
    return {dict(labels)["pod"] for labels in page.all("target_info")}


def test_a_rolling_deploy_pages_nobody_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with (
        serving(REPLACED, tmp_path) as fleet,
        populated(REPLACED, fleet) as cluster,
        run_daemon(tmp_path, _config(cluster)) as daemon,
    ):
        before = _pods(daemon.page())
        assert before == {objects.pod_name(number, number) for number in range(REPLACED)}
        assert not _paged(daemon.page())
        for start in range(0, REPLACED, 100):
            _replace(cluster, range(start, start + 100))
            assert not _paged(daemon.page())
        after = {objects.pod_name(REPLACED + number, number) for number in range(REPLACED)}
        eventually(lambda: _pods(daemon.page()) == after, within=20)
        _are_warming_up(daemon)
        page = daemon.page()
        assert not _paged(page)
        assert not page.contradictions
        assert [name for name in before if name in page.text] == []
        states = {dict(labels)["state"]: count for labels, count in page.all("discovery_pods").items()}
        assert {state for state, count in states.items() if count} == {"target"}
        assert (states["target"], page.value("targets")) == (REPLACED, REPLACED)


def _config(cluster: Cluster) -> dict[str, object]:
    at = cluster.fleet.credentials
    files = {"cert_file": at / "client.pem", "key_file": at / "client.key", "bundle_file": at / "bundle.pem"}
    return {
        "identity": {name: str(path) for name, path in files.items()} | {"trust_domain": "bench.test"},
        "discovery": {"kubernetes": {"kubeconfig": str(cluster.kubeconfig), "allow_cidrs": ["127.0.0.0/8"]}},
        "sources": {name: {"interval": "5s", "timeout": "2s"} for name in ("handshake", "agent_metrics", "opa")},
    }


def _replace(cluster: Cluster, places: range) -> None:
    """New pods start, and have not answered yet, as the old ones go."""
    new, silent = [(cluster.agents + place, place) for place in places], replace(cluster.fleet, ports=NOBODY)
    cluster.callers.all(objects.created(number, place, silent) for number, place in new)
    cluster.callers.all(
        objects.reported(number, place, objects.address(number, cluster.fleet), ready=False) for number, place in new
    )
    cluster.callers.all(objects.deleted(place, place) for place in places)


def _are_warming_up(daemon: DaemonProcess) -> None:
    """All were looked at, and found silent."""

    def looked_at() -> bool:
        refused = daemon.page().value("looks_total", source="handshake", result="error") or 0
        return refused >= REPLACED

    eventually(looked_at, within=30)
    said = Counter(verdict for at, verdict in daemon.page().verdicts.items() if ("condition", "AgentUnreachable") in at)
    assert said == {"unknown WarmingUp": REPLACED}
