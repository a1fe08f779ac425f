"""The commands and queries of the runbooks, asked of a real daemon, agent, OPA and Prometheus."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.alerting.runbooks import PAGES, VALUES, Ran, blocks, run
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.process import eventually
from tests.servers.prometheus_server import run_prometheus
from tests.servers.tools import debian_package, tool
from tests.servers.watched_fleet import WatchedFleet, run_fleet
from watcher.alerting.runbook_commands import PlaceholderValues, filled

POLICY = """package agentweave.authz
import rego.v1
default allow := false
allow if some granted in data.grants[input.resource_trust_domain]
same_trust_domain if input.caller_trust_domain == input.resource_trust_domain
"""
HELPER = """package agentweave.authz.tables
import rego.v1
names contains name if some name, _ in data.grants
"""


@dataclass(frozen=True)
class Cluster:
    """One agent with all that runbooks ask: its ports, its OPA and the daemon that watches it."""

    daemon: DaemonProcess
    fleet: WatchedFleet

    def run(self, page: str, home: Path) -> Ran:
        """All commands of a page in bash, with everything real but kubectl and what needs files of yours."""
        agent = self.fleet.agents["search"].target()
        there = {18181: self.fleet.opa, 18443: f"//{agent['address']}", 19090: agent["metrics"], 9847: self.daemon.url}
        ports = {forwarded: urlsplit(str(url)).port or 0 for forwarded, url in there.items()}
        real = {"jq": debian_package("jq", "jq"), "opa": tool("opa")}
        real |= {name: Path(found) for name in ("curl", "openssl") if (found := shutil.which(name))}
        values = {**VALUES, "WATCHER": self.daemon.url, "SUBJECT": "ranker"}
        return run(page, "bash", home, values=values, real=real, ports=ports)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    home = tmp_path_factory.mktemp("runbooks")
    with run_fleet(home, "search") as fleet:
        for path, text in (("policies/authz.rego", POLICY), ("policies/tables.rego", HELPER)):
            httpx.put(f"{fleet.opa}/v1/{path}", content=text, trust_env=False).raise_for_status()
        for place in ("grants", "agentweave/authz/limits"):  # base data beside a package's rules, too
            httpx.put(f"{fleet.opa}/v1/data/{place}", json={"example.org": ["a"]}, trust_env=False).raise_for_status()
        target = fleet.target("search", pod="search-0", decision_path="agentweave/authz/allow")
        with run_daemon(home, fleet.config(target)) as daemon:
            daemon.says("OPAWrongAllow", "true")
            daemon.says("AgentUnreachable", "false")
            daemon.says("MemoryHigh", "false")
            yield Cluster(daemon, fleet)


@pytest.mark.xdist_group("runbook answers")
@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if blocks(text, "sh")])
def test_the_commands_of_a_page_understand_the_answers(cluster: Cluster, page: str, tmp_path: Path) -> None:
    errors = cluster.run(page, tmp_path).errors.splitlines()
    assert [line for line in errors if line.startswith(("jq:", "curl: (3)", "awk:", "sed:", "sort:"))] == []


@pytest.mark.xdist_group("runbook answers")
def test_a_policy_is_profiled_with_the_data_that_its_opa_has(cluster: Cluster, tmp_path: Path) -> None:
    ran = cluster.run("AgentWeaveOPADecisionSlow", tmp_path)
    assert re.search(r"^true\n┌", ran.output, re.MULTILINE)  # as the running one says, by data.grants
    assert re.search(r"│ profile/\d\.rego:4 ", ran.output)
    data = (tmp_path / "profile" / "data.json").read_text()
    assert '"grants"' in data
    assert '"limits"' in data
    assert '"names"' not in data


@pytest.mark.xdist_group("runbook answers")
def test_a_foreign_caller_is_asked_about_in_the_trust_domain_of_the_agent(cluster: Cluster, tmp_path: Path) -> None:
    ran = cluster.run("AgentWeaveOPAWrongAllow", tmp_path)
    assert '"resource_spiffe_id": "spiffe://example.org/agent/worker"' in (tmp_path / "foreign.json").read_text()
    assert '{"result":true}' in ran.output
    assert "Exit data.agentweave.authz.allow" in ran.output


@pytest.mark.xdist_group("runbook answers")
def test_a_real_prometheus_answers_each_query(cluster: Cluster) -> None:
    values = PlaceholderValues(VALUES)
    with run_prometheus(f"{cluster.daemon.url}/metrics") as prometheus:
        eventually(lambda: prometheus.query("agentweave_watcher_target_info"))
        for text in PAGES.values():
            for query in blocks(text, "promql"):
                prometheus.query(filled(query, "promql", values))
