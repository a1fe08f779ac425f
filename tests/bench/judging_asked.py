"""What a daemon with a checklist is asked while it is measured, and what its answers say."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.bench import own_series, sampled
from tests.bench.checklist_objects import isolated, opened
from tests.bench.cluster import Cluster
from tests.bench.daemon import Daemon, key_of
from tests.bench.kubernetes import targets, until
from watcher.metrics.families import CHECKLIST_FAMILIES, PREFIX

PROBES = ("health", "tls_posture")
"""Sources that look for the checklist alone."""

_PATIENCE = 900.0
_WRITTEN_WITHIN = 240.0
_CHANGES = 4  # of a NetworkPolicy
_DEFAULT_DENY = "deployment.network.default-deny"
_TIMES = 3  # that each page is asked for


@dataclass(frozen=True, slots=True)
class Share:
    """What a while cost."""

    cpu: Mapping[str, float]  # seconds, by part of the daemon
    wall: float
    evaluations: float  # agents judged
    attempts: Mapping[str, float]  # by source

    def since(self, before: "Share") -> "Share":
        """What came after `before`."""
        return Share(
            {part: spent - before.cpu[part] for part, spent in self.cpu.items()},
            self.wall - before.wall,
            self.evaluations - before.evaluations,
            {source: made - before.attempts[source] for source, made in self.attempts.items()},
        )


def until_discovered(daemon: Daemon, pods: int) -> float:
    """The moment at which all pods are targets."""
    until(daemon, "/metrics", lambda page: targets(page) >= pods, every=0.5)
    return time.monotonic()


def until_judged(daemon: Daemon, agents: int) -> float:
    """The moment at which all agents have findings."""
    _until(daemon, lambda: len(json.loads(daemon.fetch("/api/v1/readiness").body)["agents"]) >= agents)
    return time.monotonic()


def until_probed(daemon: Daemon, pods: int) -> int:
    """Wait for as many attempts of each source as there are pods."""
    _until(daemon, lambda: min(_attempts(daemon.fetch("/metrics").body).values()) >= pods, every=10.0)
    return 0


def _until(daemon: Daemon, fits: Callable[[], bool], every: float = 0.5) -> float:
    """Seconds until it does."""
    began = time.monotonic()
    while time.monotonic() - began < _PATIENCE:
        try:
            if fits():
                return time.monotonic() - began
        except (HTTPException, OSError):
            if daemon.process.poll() is not None:
                break
        time.sleep(every)
    raise TimeoutError(f"it did not come to that within {_PATIENCE:g} s")


def _attempts(page: bytes) -> dict[str, float]:
    looks = own_series.looks(page)
    return {source: sum(count for (name, _), count in looks.items() if name == source) for source in PROBES}


def share(daemon: Daemon, sums: Path, began: float) -> Share:
    """What was spent since its start, at `began`; `sums`: where its CPU is counted."""
    page = daemon.fetch("/metrics").body
    evaluations = sum(each.value for each in own_series.samples(page, "checklist_evaluations_total"))
    return Share(sampled.read(sums), time.monotonic() - began, evaluations, _attempts(page))


def turn(daemon: Daemon, cluster: Cluster, took: list[float]) -> int:
    """Take the isolation of one namespace away, and give it back; seconds until all its agents are judged by that."""
    namespace = key_of(0).namespace
    agents = sorted({key.agent for key in map(key_of, range(cluster.agents)) if key.namespace == namespace})
    for change in range(_CHANGES):
        before = {agent: _state(daemon, namespace, agent) for agent in agents}
        began = time.monotonic()
        cluster.callers.one((isolated if change % 2 else opened)(namespace))
        for agent, state in before.items():
            _until(daemon, partial(_differs, daemon, namespace, agent, state), every=0.1)
        took.append(time.monotonic() - began)
    return 0


def _differs(daemon: Daemon, namespace: str, agent: str, before: str) -> bool:
    return _state(daemon, namespace, agent) != before


def _state(daemon: Daemon, namespace: str, agent: str) -> str:
    [told] = json.loads(daemon.fetch(f"/api/v1/readiness/{namespace}/{agent}").body)["agents"]
    state: str = next(each["state"] for each in told["findings"] if each["control"] == _DEFAULT_DENY)
    return state


def fetch(daemon: Daemon, page: str, took: list[float]) -> int:
    """Bytes of the page; `took` is given the seconds of each of a few times."""
    fetched = [daemon.fetch(page) for _ in range(_TIMES)]
    took += [each.seconds for each in fetched]
    return len(fetched[0].body)


def written(daemon: Daemon) -> int:
    """Bytes of the file of findings once it was written again; -1 where it is not written within a while."""
    file, began = daemon.state_dir / "findings.jsonl", time.monotonic()
    before = file.stat().st_mtime_ns if file.exists() else 0
    while time.monotonic() - began < _WRITTEN_WITHIN:
        if file.exists() and file.stat().st_mtime_ns != before:
            return file.stat().st_size
        time.sleep(0.2)
    return -1


def series(page: bytes) -> dict[str, Any]:
    """Those of the checklist by family, how many the agent with most of them has, and agents by verdict."""
    families, by_agent, verdicts = Counter[str](), Counter[tuple[str, str]](), Counter[str]()
    names = {each.name for each in CHECKLIST_FAMILIES}
    for line in page.decode().splitlines():
        name = line.removeprefix(PREFIX).partition("{")[0]
        if name in names and line.startswith(PREFIX):
            families[name] += 1
            [sample] = own_series.samples(f"\n{line}\n".encode(), name)
            by_agent[sample.labels["namespace"], sample.labels["agent"]] += 1
            if name == "readiness":
                verdicts[sample.labels["verdict"]] += 1
    return {"series": families, "most_series": max(by_agent.values(), default=0), "verdicts": verdicts}
