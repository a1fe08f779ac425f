"""Report objects on a real API server, with exactly the rights that the chart gives and the CRD as it is published."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from probes.controls.evidence import AgentRef
from probes.controls.finding import State
from tests.chart.render import rendered
from tests.checklist.live.judged import SEARCH, Live, pod_target
from tests.servers.kube import Kubernetes, run_kubernetes
from watcher.checklist.live.report_objects.report_object import DIGEST, MANAGED_BY, MANAGER, Owner, name_of
from watcher.checklist.live.report_objects.report_writer import MOST_AT_ONCE, ReportWriter
from watcher.kube.access import Access
from watcher.metrics.own import OwnMetrics

ACCOUNT = ("watch", "w-agentweave-watcher")
REPORTS = "/apis/openreports.io/v1alpha1/namespaces/prod/reports"
POLICY_REPORTS = "/apis/wgpolicyk8s.io/v1alpha2/namespaces/prod/policyreports"
FAIL = State.FAIL
CRD = yaml.safe_load((Path(__file__).parent / "openreports.io_reports.yaml").read_text())


def _policy_reports() -> Mapping[str, Any]:
    """The older kind has the same fields under other names, but for `source` of the whole."""
    crd = deepcopy(CRD)
    names = {"kind": "PolicyReport", "listKind": "PolicyReportList", "plural": "policyreports"}
    crd["metadata"] = {
        "name": "policyreports.wgpolicyk8s.io",
        "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/wg-policy-prototypes"},
    }
    crd["spec"] |= {"group": "wgpolicyk8s.io", "names": {**names, "singular": "policyreport"}}
    [version] = crd["spec"]["versions"]
    version["name"] = "v1alpha2"
    del version["schema"]["openAPIV3Schema"]["properties"]["source"]
    return dict(crd)


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[Kubernetes]:
    with run_kubernetes() as server:
        for namespace in ("watch", "prod"):
            server.admin.namespace(namespace)
        rights = rendered({"rbac": {"writeReports": True}})
        server.admin.apply(*(each for name, each in rights.items() if "Role" in name or "ServiceAccount" in name))
        yield server


class _Told(Access):
    """Remembers how the API server was asked."""

    def __init__(self, kubeconfig: Path) -> None:
        super().__init__(kubeconfig)
        self.methods: list[str] = []

    async def send(self, method: str, *given: Any) -> httpx.Response:
        self.methods.append(method)
        return await super().send(method, *given)


class _Cluster:
    """One watcher that writes what a test has judged; `run` is a second of it."""

    def __init__(self, live: Live, access: _Told) -> None:
        self.access = access
        self.live, self.active, self.owners = live, True, list[Owner]()
        self.own_metrics = OwnMetrics([], [])
        self.writer = ReportWriter(
            access, live.view, self._owners, lambda: self.active, lambda: live.uptime, self.own_metrics
        )

    def _owners(self, _: AgentRef) -> Sequence[Owner]:
        return self.owners

    def count(self, result: str) -> float | None:
        """Of objects that were written, refused or failed."""
        labels = {"kind": "report", "result": result}
        return self.own_metrics.registry.get_sample_value("agentweave_watcher_evidence_writes_total", labels)

    async def run(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            self.live.uptime += 1.0
            await self.writer.tick()


@contextmanager
def _judged(*agents: AgentRef) -> Iterator[Live]:
    live = Live()
    live.watch(*(pod_target(f"{each.agent}-0", each) for each in agents))
    live.wait(30.0)
    yield live


def _writing(kubernetes: Kubernetes, live: Live, script: Any, account: tuple[str, str] = ACCOUNT) -> None:
    async def main() -> None:
        access = _Told(kubernetes.kubeconfig(kubernetes.admin.token(*account)))
        try:
            await script(_Cluster(live, access))
        finally:
            await access.close()

    asyncio.run(main())


def _there(kubernetes: Kubernetes, path: str = REPORTS) -> dict[str, Mapping[str, Any]]:
    return {each["metadata"]["name"]: each for each in kubernetes.admin.get(path)["items"]}


def test_without_a_kind_nothing_is_written_and_it_is_told_then_the_older_kind_is_used(
    kubernetes: Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(cluster: _Cluster) -> None:
        with caplog.at_level(logging.INFO):
            await cluster.run(3)
        assert cluster.writer.told().endswith("nor PolicyReport of wgpolicyk8s.io is installed")
        await asyncio.to_thread(kubernetes.admin.apply, _policy_reports())
        await cluster.run(60)
        assert cluster.writer.told() == ""
        [written] = _there(kubernetes, POLICY_REPORTS).values()
        assert (written["kind"], len(written["results"])) == ("PolicyReport", 196)
        kubernetes.admin.delete(_policy_reports())

    with _judged(SEARCH) as live:
        _writing(kubernetes, live, script)


def test_a_report_is_written_once_written_again_when_findings_turn_and_goes_with_its_agent(
    kubernetes: Kubernetes,
) -> None:
    kubernetes.admin.apply(CRD)
    made = kubernetes.admin.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "search", "namespace": "prod"},
            "spec": {
                "selector": {"matchLabels": {"a": "b"}},
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {"containers": [{"name": "agent", "image": "agent:1"}]},
                },
            },
        }
    )

    async def script(cluster: _Cluster) -> None:
        uid = made[0]["metadata"]["uid"]
        cluster.owners = [Owner("apps/v1", "Deployment", "search", uid)]
        cluster.active = False
        await cluster.run(2)
        assert _there(kubernetes) == {}
        cluster.active = True
        await cluster.run(2)
        [written] = _there(kubernetes).values()
        _is_whole(written, uid)
        version = written["metadata"]["resourceVersion"]
        cluster.access.methods.clear()
        cluster.live.checklist.store.put(SEARCH, cluster.live.view.findings(SEARCH))  # judged anew, and the same
        await cluster.run(2)
        assert _version(kubernetes) == version
        assert cluster.access.methods == []
        successor = _Cluster(cluster.live, cluster.access)
        successor.owners = cluster.owners
        await successor.run(2)
        assert _version(kubernetes) == version
        assert cluster.access.methods == ["GET", "GET"]  # which kind there is, and what stands there
        _turn(cluster.live, "testing.unit.pass")
        await cluster.run(1)
        [turned] = _there(kubernetes).values()
        assert turned["metadata"]["resourceVersion"] != version
        assert turned["summary"]["fail"] == written["summary"]["fail"] + 1
        kubernetes.admin.delete(turned)
        _turn(cluster.live, "testing.unit.in-ci")
        await cluster.run(2)
        assert len(_there(kubernetes)) == 1
        cluster.live.states = {}
        await cluster.live.checklist.tick()
        await cluster.run(1)
        assert _there(kubernetes) == {}

    with _judged(SEARCH) as live:
        _writing(kubernetes, live, script)


def test_of_many_agents_five_are_written_a_second_and_what_is_not_ours_is_told_and_not_what_has_no_namespace(
    kubernetes: Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    kubernetes.admin.apply(CRD)
    agents = [AgentRef("prod", f"agent-{number}") for number in range(2 * MOST_AT_ONCE)]
    foreign = {"apiVersion": "openreports.io/v1alpha1", "kind": "Report", "metadata": {"name": "agentweave-agent-0"}}
    kubernetes.admin.apply(foreign, namespace="prod")

    async def script(cluster: _Cluster) -> None:
        counts = [1]
        for _ in range(8):
            await cluster.run(1)
            counts.append(len(_there(kubernetes)))
        assert counts[-1] == len(agents)
        assert {after - before for before, after in pairwise(counts)} <= {0, 1, 2, 3}  # each is read before it is made
        assert [told for told in _told(caplog) if told] == ["prod/agent-0: Report prod/agentweave-agent-0 is not ours"]
        assert "results" not in _there(kubernetes)["agentweave-agent-0"]
        assert (cluster.count("ok"), cluster.count("refused"), cluster.count("error")) == (len(agents) - 1, 1, 0)
        await cluster.run(301)
        assert cluster.count("refused") == 2
        assert [told for told in _told(caplog) if told] == ["prod/agent-0: Report prod/agentweave-agent-0 is not ours"]
        assert cluster.writer.told() == (
            "report objects cannot be written: prod/agent-0: Report prod/agentweave-agent-0 is not ours"
        )
        kubernetes.admin.delete({**foreign, "metadata": {"name": "agentweave-agent-0", "namespace": "prod"}})
        await cluster.run(301)
        assert cluster.writer.told() == ""
        assert "results" in _there(kubernetes)["agentweave-agent-0"]

    with _judged(AgentRef("nowhere", "listed"), *agents) as live:
        _writing(kubernetes, live, script)


def test_what_may_not_be_written_is_told_once_and_counted_until_it_may(
    kubernetes: Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    kubernetes.admin.apply(CRD)
    nobody = {"name": "nobody", "namespace": "watch"}
    kubernetes.admin.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": nobody})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    right = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "nobody"},
        "roleRef": role,
        "subjects": [{"kind": "ServiceAccount", **nobody}],
    }

    async def script(cluster: _Cluster) -> None:
        await cluster.run(302)
        assert cluster.writer.told().startswith("report objects cannot be written: prod: 403: ")
        assert len(_told(caplog)) == 1
        assert (cluster.count("ok"), cluster.count("refused")) == (0, 2)
        kubernetes.admin.apply(right)
        for _ in range(50):  # until the API server itself has heard of it
            await cluster.run(301)
            if cluster.count("ok"):
                break
        assert (cluster.writer.told(), cluster.count("ok")) == ("", 1)

    with _judged(AgentRef("prod", "forbidden")) as live:
        _writing(kubernetes, live, script, ("watch", "nobody"))


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(getattr(record, "why", "")) for record in caplog.records]


def test_an_agent_with_a_name_that_no_object_can_have_is_named_by_its_digest() -> None:
    assert name_of(SEARCH, "-shard-1") == "agentweave-search-shard-1"
    odd = name_of(AgentRef("prod", "Söarch/../\ud800"))
    assert odd.startswith("agentweave-agent-")
    assert odd.isascii()
    assert name_of(AgentRef("prod", "a" * 300)) != name_of(AgentRef("prod", "a" * 301))


def _is_whole(written: Mapping[str, Any], uid: str) -> None:
    """Nothing of it was left out by the schema."""
    metadata, results = written["metadata"], {each["rule"]: each for each in written["results"]}
    assert metadata["name"] == "agentweave-search"
    assert metadata["labels"] == {MANAGED_BY: MANAGER}
    assert metadata["annotations"].keys() >= {"agentweave.io/agent", "agentweave.io/readiness", DIGEST}
    assert [each["uid"] for each in metadata["ownerReferences"]] == [uid]
    assert written["scope"]["uid"] == uid
    assert sum(written["summary"].values()) == len(results) == 196
    one = results["testing.unit.pass"]
    assert one["timestamp"]["seconds"] > 1_700_000_000
    assert {**one, "timestamp": {}} == {
        "policy": "agentweave-production-readiness",
        "rule": "testing.unit.pass",
        "category": "testing",
        "severity": "high",
        "source": "agentweave-watcher",
        "result": "error",
        "scored": True,
        "message": one["message"],
        "timestamp": {},
        "properties": {"state": "unknown", "required": "true", "owner": "pipeline", "reason": "AttestationMissing"},
    }


def _version(kubernetes: Kubernetes) -> str:
    [there] = _there(kubernetes).values()
    return str(there["metadata"]["resourceVersion"])


def _turn(live: Live, control: str) -> None:
    """Let a control fail."""
    findings = dict(live.view.findings(SEARCH))
    found = findings[control]
    findings[control] = found._replace(state=FAIL, underlying=FAIL, reason="Violated", since=found.since + 1)
    live.checklist.store.put(SEARCH, findings)
