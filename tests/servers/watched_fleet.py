"""A fleet for a daemon to watch: an authority, agents and a real OPA on loopback, and the config that names them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.servers.agents import TRUST_DOMAIN, WatchedAgent, agents
from tests.servers.opa_server import run_opa
from tests.servers.tools import need
from watcher.demo.authority import Authority

PACE = {"interval": "400ms", "timeout": "350ms"}
SOURCES = dict.fromkeys(("handshake", "agent_metrics", "opa"), PACE)
INSIDER = {"name": "insider", "expect": "allow", "input": {"caller_spiffe_id": "${spiffe_id}"}}
SOUND = f'default allow := false\nallow if startswith(input.caller_spiffe_id, "spiffe://{TRUST_DOMAIN}/")\n'


@dataclass(frozen=True)
class WatchedFleet:
    """What is there to be watched."""

    home: Path
    authority: Authority
    identity: Mapping[str, str]  # the section of a config
    agents: Mapping[str, WatchedAgent]
    client: httpx.Client
    opa: str = ""

    def policy(self, agent: str, rego: str) -> None:
        """The policy at the agent's decision path from now on; none where it is empty."""
        where = f"{self.opa}/v1/policies/{agent}"
        answer = self.client.put(where, content=f"package {agent}\n{rego}") if rego else self.client.delete(where)
        answer.raise_for_status()

    def target(self, agent: str, **parts: object) -> dict[str, object]:
        """The entry of a config for one agent with all that it has."""
        asked = {"opa": self.opa, "decision_path": f"{agent}/allow"} if self.opa else {}
        return self.agents[agent].target(**asked | parts)

    def config(self, *targets: Mapping[str, object], **sections: object) -> dict[str, object]:
        """A config that watches these targets, or all agents."""
        static = list(targets) or [self.target(name) for name in self.agents]
        plain = {"identity": self.identity, "sources": SOURCES, "discovery": {"static": static}}
        return plain | {"probes": {"opa": {"canaries": [INSIDER]}}} | sections


@contextmanager
def run_fleet(home: Path, *names: str, with_opa: bool = True) -> Iterator[WatchedFleet]:
    """Healthy agents with these names, and an OPA with a sound policy for each."""
    need("a running daemon")  # it is for one; before the agents start, not after
    if with_opa:
        need("opa")
    now = time.time()
    authority = Authority(TRUST_DOMAIN, now)
    own = home / "watcher"
    own.mkdir()
    svid = authority.issue(f"spiffe://{TRUST_DOMAIN}/watcher", not_before=now - 60, not_after=now + 3600)
    certificate, key = svid.write(own)
    files = {"cert_file": certificate, "key_file": key, "bundle_file": authority.write_bundle(own)}
    identity = {name: str(path) for name, path in files.items()} | {"trust_domain": TRUST_DOMAIN}
    with agents(authority, home, *names) as made, httpx.Client(trust_env=False) as client:
        by_name = {agent.name: agent for agent in made}
        if not with_opa:
            yield WatchedFleet(home, authority, identity, by_name, client)
            return
        with run_opa({}) as opa:
            fleet = WatchedFleet(home, authority, identity, by_name, client, opa.url)
            for name in names:
                fleet.policy(name, SOUND)
            yield fleet
