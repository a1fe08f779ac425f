"""The demo's fleet: its authority, its agents as child processes, and the config of a watcher that watches them."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import yaml

from probes.controls.evidence import AgentRef
from watcher.demo import agent as agent_program
from watcher.demo.authority import Authority
from watcher.demo.child import Child
from watcher.demo.cluster import SimulatedPods
from watcher.demo.manifests import PLAINTEXT, agent_documents, write_manifests
from watcher.demo.opa import TRUST_DOMAIN, Decisions, OwnOPA, Policy, decision_path, rego, start_decisions
from watcher.demo.stage.stage import AN_HOUR, TAKE_AN_HOUR, Stage
from watcher.demo.stage.stores import LogStore

NAMES = (
    *("search", "billing", "guard", "orders", "planner", "ranker"),
    *("vision", "translate", "router", "crawler", "speech", "summary"),
)
NAMESPACE = "demo"
READY = "ranker"
"""The agent that becomes ready: it stands in a cluster with an OPA of its own, and others know of it too."""

LIFETIME = 60.0
"""Seconds that an SVID of the demo lives: long enough to see it go stale, short enough to wait for it."""

MEMORY_LIMIT, CPU_LIMIT = 128 * 2**20, 0.25

_KEPT = 100  # SVIDs of an agent
_CANARY = {
    "name": "search-may-rank",
    "agents": [READY],
    "expect": "allow",
    "input": {"caller_spiffe_id": f"spiffe://{TRUST_DOMAIN}/agent/search", "action": "rank"},
}
_PROFILE = {
    "name": "demo",
    "namespaces": [NAMESPACE],
    "required": {
        "add": ["deployment.image.no-critical-vulns"],
        "remove": [{"control": each, "reason": AN_HOUR, "by": "platform"} for each in TAKE_AN_HOUR],
    },
}


class SimulatedAgent:
    """One agent and the process that plays it."""

    def __init__(
        self,
        name: str,
        home: Path,
        authority: Authority,
        bundle: Path,
        lifetime: float = LIFETIME,
        opa: int = 0,
        take: Callable[[str, bytes], None] | None = None,
    ) -> None:
        """`lifetime`: seconds that its SVIDs live; `opa`: the port of an OPA of its own.

        `take`: who is handed the name of its pod and each line that it logs; without, it logs nothing.
        """
        self.name, self._home, self._authority, self._bundle = name, home, authority, bundle
        self._lifetime, self._opa, self._take_line = lifetime, opa, take
        self._hearing: asyncio.Task[None] | None = None
        self.spiffe_id = f"spiffe://{TRUST_DOMAIN}/agent/{name}"
        self.rotates = True
        self._serves = authority, self.spiffe_id
        self._issued = 0
        self.ports: Mapping[str, int] = {"tls": 0, "metrics": 0}
        self._child: Child | None = None

    async def start(self) -> None:
        """Start the process, on the same ports as before if it had any."""
        certificate, key = self._issue(*self._serves)
        clear = "clear" if self.name == PLAINTEXT else "tls"
        own = str(self._opa), self.spiffe_id if self._take_line is not None else ""
        arguments = (certificate, key, str(self._bundle), *map(str, self.ports.values()), clear, *own)
        self._child = await Child.start(sys.executable, "-m", agent_program.__name__, *arguments)
        self.ports = json.loads(await self._child.line())
        if self._take_line is not None:
            self._hearing = asyncio.create_task(self._hear(self._child, self._take_line))

    async def kill(self) -> None:
        """End the process as a crash would."""
        if self._child is not None:
            await self._child.kill()

    async def _hear(self, child: Child, take: Callable[[str, bytes], None]) -> None:
        """Hand on each line that it logs, until it ends."""
        while line := await child.line():
            take(f"{self.name}-0", line)

    async def tell(self, **order: object) -> None:
        """Have the agent do one of the methods of watcher.demo.agent.Agent."""
        if self._child is not None and self._child.runs:
            await self._child.tell(json.dumps(order))

    async def rotate(self) -> None:
        """Serve a new SVID of the kind that it serves."""
        certificate, key = self._issue(*self._serves)
        await self.tell(do="svid", certificate=certificate, key=key)

    async def serve(self, spiffe_id: str = "", authority: Authority | None = None) -> None:
        """Serve the agent's own identity from now on, or one that it should not have."""
        self._serves = authority or self._authority, spiffe_id or self.spiffe_id
        await self.rotate()

    async def keep_rotating(self) -> None:
        """Do what SPIRE does: a new SVID at half of its life."""
        while True:
            await asyncio.sleep(self._lifetime / 2)
            if self.rotates:
                await self.rotate()

    def memory(self) -> int:
        """Bytes that the process holds."""
        if self._child is None:
            return 0
        pages = Path(f"/proc/{self._child.process.pid}/statm").read_text().split()[1]
        return int(pages) * 4096

    def _issue(self, authority: Authority, spiffe_id: str) -> tuple[str, str]:
        # Files of their own: a process that is about to read the ones before must not find half of each.
        self._issued += 1
        place = self._home / str(self._issued)
        place.mkdir()
        shutil.rmtree(self._home / str(self._issued - _KEPT), ignore_errors=True)
        now = time.time()
        certificate, key = authority.issue(spiffe_id, not_before=now, not_after=now + self._lifetime).write(place)
        return str(certificate), str(key)


class DemoFleet:
    """A dozen agents and their decision point, alive within the `async with`."""

    def __init__(self, home: Path, slower: float = 1.0, names: Sequence[str] = NAMES) -> None:
        """SVIDs live `slower` times as long as usual: what is not rotated is late for as long as other faults last.

        `names`: of the agents, READY among them.
        """
        self.home, self._lifetime, self._names = home, LIFETIME * slower, names
        self.authority = Authority(TRUST_DOMAIN, time.time())
        self.stranger = Authority(TRUST_DOMAIN, time.time())  # claims the same trust domain with a key of its own
        self.agents: dict[str, SimulatedAgent] = {}
        self.pods = SimulatedPods(NAMESPACE, names, "2.0")
        self.own_opa, self.logs = OwnOPA(READY), LogStore()
        self._ends = AsyncExitStack()
        self.decisions: Decisions
        self.stage: Stage

    async def __aenter__(self) -> Self:
        bundle = self.authority.write_bundle(self.home)
        self.decisions, child = await start_decisions()
        self._ends.push_async_callback(child.kill)
        for name in self._names:
            home = self.home / name
            home.mkdir()
            opa = self.own_opa.port if name == READY else 0
            of_own = self._lifetime, opa, self.logs.take
            self.agents[name] = agent = SimulatedAgent(name, home, self.authority, bundle, *of_own)
            self._ends.push_async_callback(agent.kill)
        self._ends.push_async_callback(self.own_opa.kill)
        await asyncio.gather(*(agent.start() for agent in self.agents.values()))
        for name in self._names:
            await self.decisions.set(name, Policy.SOUND)
        self._set_stage()
        return self

    def _set_stage(self) -> None:
        modules = {f"{READY}.rego": rego(READY)}
        manifests = agent_documents(READY, NAMESPACE, TRUST_DOMAIN, modules)
        agent = AgentRef(NAMESPACE, READY)
        self.stage = Stage(self.home / READY, agent, manifests, modules, self.authority, self.logs)
        self.stage.start()
        self._ends.callback(self.stage.stop)

    async def __aexit__(self, *_: object) -> None:
        await self._ends.aclose()

    def write_config(self) -> Path:
        """The config of a watcher of this fleet, as a user would write it but for the short intervals."""
        staged = self.stage.settings()
        sources = {name: {"interval": "2s", "timeout": "1s"} for name in ("handshake", "agent_metrics", "opa")}
        config = {
            **staged,
            "sources": sources,
            # Short windows, for nobody waits for five minutes; a laptop may be busy.
            "probes": {
                "breaker": {"open_for": "6s"},
                "opa": {"slow_after": "1s", "canaries": [_CANARY]},
                "slo": {"window": "10s"},
                "cpu": {"window": "10s"},
            },
            "checklist": {
                "trust_domains": [TRUST_DOMAIN],
                "intervals": {"objects": "1m", "health": "1m", "tls_posture": "1m", "prometheus": "1m"},
                "hostile_handshakes": True,
                "profiles": [_PROFILE],
                **staged["checklist"],
            },
            "rollouts": {"windows": {"immediate": "10s", "good_for": "10s", "short": "60s", "long": "2m"}},
            "discovery": {**staged["discovery"], "static": [self._target(agent) for agent in self.agents.values()]},
        }
        path = self.home / "config.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path

    def _target(self, agent: SimulatedAgent) -> dict[str, object]:
        own = self._in_cluster() if agent.name == READY else self._in_files(agent.name)
        return {
            "namespace": NAMESPACE,
            "agent": agent.name,
            "pod": f"{agent.name}-0",
            "address": f"127.0.0.1:{agent.ports['tls']}",
            "spiffe_id": agent.spiffe_id,
            "metrics": f"http://127.0.0.1:{agent.ports['metrics']}/metrics",
            "memory_limit": MEMORY_LIMIT,
            "pool_capacity": agent_program.POOL,
            "decision_path": decision_path(agent.name),
            **own,
        }

    def _in_cluster(self) -> dict[str, object]:
        return {"opa": self.own_opa.url, "cpu_limit": CPU_LIMIT}

    def _in_files(self, name: str) -> dict[str, object]:
        config, manifests = write_manifests(self.home / name, name, NAMESPACE, TRUST_DOMAIN)
        return {"opa": self.decisions.url, "manifests": str(manifests), "agent_config": str(config)}
