"""Agents found in a real API server: how soon, at what cost, and how a rolling deploy is followed."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from probes import load_probes
from tests.bench import own_series
from tests.bench import pods as objects
from tests.bench.cluster import Cluster, filled
from tests.bench.daemon import Daemon, key_of
from tests.bench.exporter import free_port
from tests.bench.fleet import Fleet
from tests.bench.machine import MEASURED, Meter, Usage, cpu_seconds, memory, started

DEPLOY = 500
_PER_SECOND = 50.0
_TIMED = 10  # one in so many pods of a deploy is waited for
_SETTLED = 5.0
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """All that was measured; times in seconds, memory in bytes."""

    agents: int
    pod_bytes: int
    discovered_after: float
    discovered_cpu: float  # seconds, from the start
    round_after: float
    rss: int  # while all agents are looked at
    rss_peak: int
    first_verdict: float  # from a pod's being ready
    gone: float  # from a pod's deletion
    deployed: int  # pods
    lags: Sequence[float]  # from a new pod's being ready to its being a target, while all agents are looked at
    idle: Usage  # nothing changes, nothing is looked at
    deploy: Usage  # the same pods replaced, nothing is looked at


def discovery(fleet: Fleet, agents: int, directory: Path, seconds: float) -> Discovered:
    """Fill a cluster with `agents` of the fleet and watch it; `seconds` without a change are a minute at most."""
    with filled(agents, fleet) as cluster:
        deploys = _Deploys(cluster, min(DEPLOY, agents // 4))
        began = time.monotonic()
        with _watching(cluster, directory / "looking") as daemon:
            until(daemon, "/metrics", lambda page: targets(page) >= agents)
            discovered, discovered_cpu = time.monotonic() - began, cpu_seconds(daemon.pid)
            until(daemon, "/readyz", lambda _: True)
            ready = time.monotonic() - began
            rss = memory(daemon.pid, "VmRSS")
            first, gone = _one_pod(daemon, cluster)
            lags = deploys.run(daemon)
            peak = memory(daemon.pid, "VmHWM")
        with _watching(cluster, directory / "watching", looks=False) as daemon:
            until(daemon, "/metrics", lambda page: targets(page) >= agents)
            time.sleep(_SETTLED)
            meter = Meter(daemon.pid)
            time.sleep(min(60.0, seconds))
            idle, meter = meter.read(), Meter(daemon.pid)
            deploys.run(None)
            time.sleep(_SETTLED)
            deploy = meter.read()
    return Discovered(
        agents=agents,
        pod_bytes=cluster.pod_bytes,
        discovered_after=discovered,
        discovered_cpu=discovered_cpu,
        round_after=ready,
        rss=rss,
        rss_peak=peak,
        first_verdict=first,
        gone=gone,
        deployed=deploys.pods,
        lags=lags,
        idle=idle,
        deploy=deploy,
    )


def discovery_rows(found: Discovered) -> Iterator[tuple[str, str]]:
    """What and how much, for people."""
    lags = sorted(found.lags)
    yield "a pod, as the API server gives it", f"{found.pod_bytes / 1e3:.1f} kB; 1 ConfigMap and 1 Service for 10 pods"
    yield "start to all targets discovered", f"{found.discovered_after:.1f} s, {found.discovered_cpu:.1f} s of CPU"
    yield "start to the first full round", f"{found.round_after:.1f} s"
    yield "RSS: after that, at its peak", f"{found.rss / 1e6:.0f} MB, {found.rss_peak / 1e6:.0f} MB"
    yield "CPU without changes, no looks", f"{found.idle.core_share:.2%} of a core"
    deploy = f"rolling deploy of {found.deployed} pods"
    yield f"{deploy}: CPU, no looks", f"{found.deploy.cpu:.2f} s in {found.deploy.wall:.0f} s"
    timed = f"{lags[len(lags) // 2]:.2f} s / {lags[-1 - len(lags) // 100]:.2f} s of {len(lags)} pods"
    yield f"{deploy}: ready to a target, p50 / p99", timed
    yield "ready to a verdict in /metrics", f"{found.first_verdict:.1f} s"
    yield "deleted to gone from /metrics", f"{found.gone:.1f} s"


@contextmanager
def _watching(cluster: Cluster, directory: Path, *, looks: bool = True) -> Iterator[Daemon]:
    """The daemon on the measured core from its first moment, with the intervals of the contract's defaults."""
    port, state_dir, config, log_file = free_port(), directory / "state", directory / "config.yaml", directory / "log"
    state_dir.mkdir(parents=True)
    config.write_text(json.dumps(config_of(cluster, port, state_dir, looks=looks)))
    command = [sys.executable, "-m", "watcher", "run", "--config", str(config)]
    with log_file.open("w") as log, started(command, MEASURED, log=log) as process:
        try:
            yield Daemon(process, port, config, state_dir, log_file, 0.0)
        except TimeoutError as error:
            error.add_note(log_file.read_text()[-4000:])
            raise


def config_of(
    cluster: Cluster, port: int, state_dir: Path, *, looks: bool = True, checklist: bool = False
) -> dict[str, object]:
    """The config of a daemon that finds its agents there."""
    at = cluster.fleet.credentials
    files = {"cert_file": at / "client.pem", "key_file": at / "client.key", "bundle_file": at / "bundle.pem"}
    identity = {name: str(path) for name, path in files.items()} | {"trust_domain": "bench.test"}
    config: dict[str, object] = {
        "server": {"host": "127.0.0.1", "port": port},
        "state_dir": str(state_dir),
        "checklist": {"enabled": checklist},
        "discovery": {"kubernetes": {"kubeconfig": str(cluster.kubeconfig), "allow_cidrs": ["127.1.0.0/16"]}},
    }
    if looks:
        return config | {"identity": identity}
    return config | {"probes": {probe.name: {"enabled": False} for probe in load_probes()}}


class _Deploys:
    """Replaces the same number of pods again and again, in their workloads."""

    def __init__(self, cluster: Cluster, pods: int) -> None:
        self.pods = pods
        self._cluster = cluster
        self._running = list(range(pods))
        self._next = cluster.agents

    def run(self, daemon: Daemon | None) -> list[float]:
        """One deploy at an even pace; of some pods, the seconds until the daemon has them for a target."""
        began = time.monotonic()
        before, self._running = self._running, list(range(self._next, self._next + self.pods))
        self._next += self.pods + 1
        with ThreadPoolExecutor(16) as pool:
            jobs = []
            for place, (old, new) in enumerate(zip(before, self._running, strict=True)):
                time.sleep(max(0.0, began + place / _PER_SECOND - time.monotonic()))
                jobs.append(pool.submit(self._replace, old, new, place, daemon if place % _TIMED == 0 else None))
            return [lag for job in jobs if (lag := job.result()) is not None]

    def _replace(self, old: int, new: int, place: int, daemon: Daemon | None) -> float | None:
        one, fleet = self._cluster.callers.one, self._cluster.fleet
        one(objects.created(new, place, fleet))
        one(objects.started(new, place, fleet))
        path = f"/api/v1/targets/{key_of(place).namespace}/{objects.pod_name(new, place)}"
        lag = until(daemon, path, bool, every=0.01) if daemon is not None else None
        one(objects.deleted(old, place))
        return lag


def _one_pod(daemon: Daemon, cluster: Cluster) -> tuple[float, float]:
    """Seconds from a new pod's being ready to a verdict on it in /metrics, and from its deletion to its being gone."""
    one, number, place = cluster.callers.one, cluster.agents + 10 * DEPLOY, cluster.agents - 1
    one(objects.created(number, place, cluster.fleet))
    one(objects.started(number, place, cluster.fleet))
    pod = f'pod="{objects.pod_name(number, place)}"'.encode()
    first = until(daemon, "/metrics", lambda page: _is_judged(page, pod))
    one(objects.deleted(number, place))
    return first, until(daemon, "/metrics", lambda page: pod not in page)


def _is_judged(page: bytes, pod: bytes) -> bool:
    lines = (line for line in page.splitlines() if pod in line)
    return any(line.startswith(b"agentweave_watcher_condition{") for line in lines)


def targets(page: bytes) -> float:
    """How many the daemon has, by its page of metrics."""
    return next((sample.value for sample in own_series.samples(page, "targets")), 0.0)


def until(daemon: Daemon, path: str, fits: Callable[[bytes], bool], *, every: float = 0.25) -> float:
    """Seconds until an answer fits."""
    began = time.monotonic()
    while time.monotonic() - began < _PATIENCE:
        try:
            if fits(daemon.fetch(path).body):
                return time.monotonic() - began
        except (HTTPException, OSError):
            if daemon.process.poll() is not None:
                break
        time.sleep(every)
    raise TimeoutError(f"{path} did not say within {_PATIENCE:g} s what it should")
