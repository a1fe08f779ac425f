"""The whole stage of one agent: what plays on it, and the parts of the watcher's config that lead there."""

import json
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentRef
from probes.readings.opa.policies import policy_digest
from watcher.demo.authority import Authority
from watcher.demo.stage.alertmanager import StagedAlertmanager
from watcher.demo.stage.cluster_api import ClusterApi
from watcher.demo.stage.objects import Document, deployed, digest_of, identity_entry, running_pod, scan, spire_agent
from watcher.demo.stage.prometheus import JOB, StagedPrometheus
from watcher.demo.stage.records import PIPELINE, RecordWriter
from watcher.demo.stage.server import StageServer
from watcher.demo.stage.stores import LogStore, TraceStore
from watcher.demo.stage.workload_api import StagedWorkloadApi

_DAY = 86400.0
_PATIENCE = 5.0  # seconds for the watcher's own page
_RUNBOOK = "http://127.0.0.1:9847/runbooks/AgentWeaveLatencyHigh"

TAKE_AN_HOUR = ("observability.metrics.slo-defined", "testing.load.slos-met")
AN_HOUR = "It takes an hour of requests to tell, and the demo is shorter."
"""Which controls the profile of the demo's agents does not ask for, and why: nothing can decide them sooner."""


class Stage:
    """What happens to the agent from outside is done here: another image, a rule that is deleted, and so on."""

    def __init__(
        self,
        home: Path,
        agent: AgentRef,
        manifests: Sequence[Document],
        modules: Mapping[str, str],
        authority: Authority,
        logs: LogStore,
    ) -> None:
        """`home`: a directory of its own; `manifests`: of the agent; `modules`: its policy by id; `logs`: of all."""
        self._home, self._agent, self._pod = home, agent, f"{agent.agent}-0"
        self._trust_domain, self._began = authority.trust_domain, time.time()
        self._manifests, self._modules = manifests, modules
        self._images: Mapping[str, str] = {}
        self._running: Document | None = None  # its pod
        self.watcher_url = ""  # once it listens
        self.cluster, self.logs = ClusterApi(), logs
        self.alertmanager = StagedAlertmanager(home / "alertmanager")
        self.rules, self.records = home / "rules", home / "records"
        self._prometheus = StagedPrometheus(self.rules, self._exported)
        # Not in `home`: the path of a socket may have 107 bytes, and TMPDIR may be long.
        self._room = TemporaryDirectory(prefix="agentweave-", dir="/tmp")
        self._socket = Path(self._room.name) / "workload-api.sock"
        svid = authority.issue(
            f"spiffe://{authority.trust_domain}/watcher", not_before=self._began, not_after=self._began + _DAY
        )
        self._workload_api = StagedWorkloadApi(self._socket, svid, authority)
        self._server = StageServer(
            {
                "kubernetes": self.cluster,
                "prometheus": self._prometheus,
                "alertmanager": self.alertmanager,
                "loki": self.logs,
                "jaeger": TraceStore(self.logs),
            }
        )

    def start(self) -> None:
        """Play from now on."""
        for each in (*deployed(self._manifests, self._began), identity_entry(self._agent.namespace)):
            self.cluster.put(each)
        self.cluster.put(spire_agent(self._began))
        self.roll_out("2.0")
        self._prometheus.load(_rules_of(self._agent))
        self.alertmanager.load()
        self._workload_api.start()
        self._server.start()
        self._write_records()
        self._kubeconfig.write_text(json.dumps(_kubeconfig(self._server.url("kubernetes"))))

    def stop(self) -> None:
        """Answer nobody any more."""
        self._workload_api.stop()
        self._room.cleanup()
        self._server.shutdown()
        self._server.server_close()

    def roll_out(self, version: str) -> None:
        """The agent's pod runs the image of this version from now on, which was scanned."""
        if self._running is not None:
            self.cluster.remove(self._running)
        self._images = {name: _image(name, self._agent.agent, version) for name in ("agent", "opa")}
        [deployment] = [each for each in self._manifests if each["kind"] == "Deployment"]
        self._running = running_pod(deployment, self._pod, self._images, self._began)
        self.cluster.put(self._running)
        self.find_vulnerabilities()

    def find_vulnerabilities(self, *critical: str) -> None:
        """The scanner finds these in the image of the agent, and nothing bad in that of its OPA."""
        for name, image in self._images.items():
            found = critical if name == "agent" else ()
            self.cluster.put(scan(self._agent.namespace, name, image, time.time(), found))

    def settings(self) -> dict[str, dict[str, Any]]:
        """Parts of the watcher's config, by section."""
        return {
            "identity": {"workload_api": f"unix://{self._socket}", "trust_domain": self._trust_domain},
            "alertmanager": {"url": self._server.url("alertmanager")},
            "discovery": {
                "kubernetes": {
                    "kubeconfig": str(self._kubeconfig),
                    "namespaces": [self._agent.namespace],
                    "allow_cidrs": ["127.0.0.0/8"],
                    "cluster_spiffe_ids": {"trust_domain": self._trust_domain},
                    "events": {"enabled": False},
                }
            },
            "checklist": {
                "prometheus": {"url": self._server.url("prometheus"), "labels": {"job": JOB}},
                "logs": {"kind": "loki", "url": self._server.url("loki")},
                "traces": {"kind": "jaeger", "url": self._server.url("jaeger")},
                "records": {
                    "files": [str(self.records / "*.yaml")],
                    "verify": "pipelines",
                    "keys": {PIPELINE: str(self._home / "pipeline.pub")},
                },
            },
        }

    @property
    def _kubeconfig(self) -> Path:
        return self._home / "kubeconfig.json"

    def _write_records(self) -> None:
        self.records.mkdir()
        RecordWriter(self._agent, self._began, self.digests()).write(self.records, self._home / "pipeline.pub")

    def digests(self) -> Mapping[Bind, str]:
        """Of what runs: the agent's image, its policy, its config."""
        [config] = [each["data"]["config.yaml"] for each in self._manifests if "config.yaml" in each.get("data", {})]
        return {
            Bind.IMAGE_DIGEST: self._images["agent"].partition("@")[2],
            Bind.POLICY_DIGEST: policy_digest(self._modules),
            Bind.CONFIG_DIGEST: f"sha256:{sha256(config.encode()).hexdigest()}",
        }

    def _exported(self) -> str:
        """The watcher's own metrics page; empty where it cannot be had."""
        try:
            with httpx.Client(trust_env=False, timeout=_PATIENCE) as client:
                return client.get(f"{self.watcher_url}/metrics").text
        except (httpx.HTTPError, httpx.InvalidURL):
            return ""


def _image(container: str, agent: str, version: str) -> str:
    if container == "opa":
        return f"docker.io/openpolicyagent/opa:1.10.0@{digest_of('opa:1.10.0')}"
    return f"registry.example/{agent}@{digest_of(f'{agent}:{version}')}"


def _rules_of(agent: AgentRef) -> Sequence[Mapping[str, Any]]:
    """What its own team has Prometheus watch beside the shipped rules: an objective, and two warnings."""
    whose = f'{{namespace="{agent.namespace}",agent="{agent.agent}"}}'
    return (
        {
            "record": "slo:sli_error:ratio_rate5m",
            "expr": f"agentweave_watcher_slo_error_ratio{whose}",
            "labels": {"sloth_slo": f"{agent.agent}-requests"},
        },
        _warning("RankingIsSlow", f"agentweave_watcher_slo_latency_p95_seconds{whose} > 0.1", "latency"),
        _warning("RankingFails", f"agentweave_watcher_slo_error_ratio{whose} > 0.01", "errors"),
    )


def _warning(name: str, expression: str, signal: str) -> Mapping[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "labels": {"severity": "warning", "agentweave_signal": signal},
        "annotations": {"summary": f"A warning of the team: {signal}.", "runbook_url": _RUNBOOK},
    }


def _kubeconfig(server: str) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "demo", "cluster": {"server": server}}],
        "users": [{"name": "demo", "user": {}}],
        "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "demo"}}],
        "current-context": "demo",
    }
