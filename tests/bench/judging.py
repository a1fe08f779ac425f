"""What the checklist of a full cluster adds to the daemon, and how soon it is right."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.checklist_objects import checklist_objects, give_rights
from tests.bench.cluster import Cluster, filled
from tests.bench.daemon import Daemon, key_of
from tests.bench.events import Event, Observed, observing
from tests.bench.exporter import answers, free_port
from tests.bench.fleet import Fleet
from tests.bench.judging_asked import (
    Share,
    fetch,
    series,
    share,
    turn,
    until_discovered,
    until_judged,
    until_probed,
    written,
)
from tests.bench.kubernetes import config_of, until
from tests.bench.machine import MEASURED, memory, started
from tests.bench.pods import PODS_A_WORKLOAD

LONGEST = 60.0  # seconds of the calm window
_SETTLED = 90.0  # seconds after which pods that are new are old, and what was bad was looked at twice
_PAGES = ("/readiness", "/controls", "/api/v1/readiness", "/api/v1/readiness?findings=true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """All that was measured; times in seconds, memory in bytes."""

    pods: int
    agents: int
    verdicts: Mapping[str, int]  # agents by verdict
    first: float  # from the last pod's being a target to a finding of each control of each agent
    probed: float  # the same to an attempt of each source at each pod
    turned: Sequence[float]  # from a change of a NetworkPolicy to the new finding of each agent that it is about
    pages: Mapping[str, Sequence[float]]
    series: Counter[str]  # of the checklist, by family
    most_series: int  # of one agent
    begin: Share  # until all was probed once
    calm: Share  # afterwards
    events: Sequence[Event]
    plain: Sequence[Event]  # without the checklist
    age: float  # seconds since the start at which memory was compared
    rss: tuple[int, int]  # with the checklist, and without
    peak: tuple[int, int]


def judged(fleet: Fleet, pods: int, directory: Path, seconds: float) -> Judged:
    """Fill a cluster with `pods` of the fleet and judge their agents; a calm window lasts so long, a minute at most."""
    window = min(LONGEST, seconds)
    with filled(pods, fleet) as cluster:
        give_rights(cluster.kubernetes)
        cluster.callers.all(checklist_objects(pods, fleet))
        found = _with_checklist(cluster, directory / "with", window)
        return _without(cluster, directory / "without", window, found)


def _with_checklist(cluster: Cluster, directory: Path, window: float) -> dict[str, Any]:
    found: dict[str, Any] = {"turned": [], "pages": {page: list[float]() for page in _pages(cluster)}}
    began = time.monotonic()
    with _watching(cluster, directory, checklist=True) as (daemon, sums), _telling(daemon) as observed:
        events = [observed("start to the first verdicts", lambda: _first_verdicts(daemon, cluster, found))]
        events.append(observed("all agents probed", lambda: until_probed(daemon, cluster.agents)))
        found["probed"] = time.monotonic() - found.pop("discovered")
        found["begin"] = share(daemon, sums, began)
        events.append(observed("settling", lambda: _wait(min(_SETTLED, 1.5 * window))))
        found["age"] = time.monotonic() - began
        found["rss"], found["peak"] = _memory(daemon)
        before = share(daemon, sums, began)
        events.append(observed("calm", lambda: _wait(window)))
        found["calm"] = share(daemon, sums, began).since(before)
        events.append(observed("NetworkPolicies changed", lambda: turn(daemon, cluster, found["turned"])))
        events += [observed(page, partial(fetch, daemon, page, took)) for page, took in found["pages"].items()]
        events.append(observed("findings written", lambda: written(daemon)))
        found |= series(daemon.fetch("/metrics").body)
    return found | {"events": [each for each in events if each.size >= 0]}


def _without(cluster: Cluster, directory: Path, window: float, found: dict[str, Any]) -> Judged:
    """The same daemon without its checklist, until it is as old as the other was."""
    began = time.monotonic()
    with _watching(cluster, directory, checklist=False) as (daemon, _), _telling(daemon) as observed:
        plain = [observed("start to the first round", lambda: _first_round(daemon))]
        _wait(max(0.0, found["age"] - (time.monotonic() - began)))
        rss, peak = _memory(daemon)
        plain.append(observed("calm", lambda: _wait(window)))
    found |= {"rss": (found["rss"], rss), "peak": (found["peak"], peak)}
    return Judged(pods=cluster.agents, agents=_agents(cluster), plain=plain, **found)


def _agents(cluster: Cluster) -> int:
    return -(-cluster.agents // PODS_A_WORKLOAD)


def _pages(cluster: Cluster) -> Sequence[str]:
    namespace, agent, _ = key_of(cluster.agents - 1)
    return [*_PAGES, f"/readiness/{namespace}/{agent}"]


@contextmanager
def _watching(cluster: Cluster, directory: Path, *, checklist: bool) -> Iterator[tuple[Daemon, Path]]:
    """The daemon on the measured core, with the intervals of the contract, and the file that counts its CPU."""
    port, state_dir, config, log_file = free_port(), directory / "state", directory / "config.yaml", directory / "log"
    state_dir.mkdir(parents=True)
    sums = directory / "cpu"
    config.write_text(json.dumps(config_of(cluster, port, state_dir, checklist=checklist)))
    command = [sys.executable, "-m", "tests.bench.sampled", str(sums), "run", "--config", str(config)]
    with log_file.open("w") as log, started(command, MEASURED, log=log) as process:
        try:
            answers(f"http://127.0.0.1:{port}/livez", process, patience=60)
            yield Daemon(process, port, config, state_dir, log_file, 0.0), sums
        except (RuntimeError, TimeoutError) as error:
            error.add_note(log_file.read_text()[-4000:])
            raise


@contextmanager
def _telling(daemon: Daemon) -> Iterator[Observed]:
    """The whole takes a quarter of an hour: each part is told when it is over."""
    with observing(daemon) as observed:

        def told(name: str, action: Callable[[], int]) -> Event:
            event = observed(name, action)
            worst = f"{event.stall * 1e3:.1f} ms (own {event.own * 1e3:.1f})"
            print(f"{name}: {event.seconds:.1f} s, worst /livez {worst}", file=sys.stderr, flush=True)
            return event

        yield told


def _first_verdicts(daemon: Daemon, cluster: Cluster, found: dict[str, Any]) -> int:
    found["discovered"] = until_discovered(daemon, cluster.agents)
    found["first"] = until_judged(daemon, _agents(cluster)) - found["discovered"]
    return 0


def _first_round(daemon: Daemon) -> int:
    until(daemon, "/readyz", lambda _: True)
    return 0


def _memory(daemon: Daemon) -> tuple[int, int]:
    return memory(daemon.pid, "VmRSS"), memory(daemon.pid, "VmHWM")


def _wait(seconds: float) -> int:
    time.sleep(seconds)
    return 0
