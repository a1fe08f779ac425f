"""What the alert rules cost a current Prometheus: a fleet that is well, then one condition true on every agent."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from probes import load_probes
from tests.alerting.rules import RULES
from tests.servers.process import eventually
from tests.servers.prometheus_server import PrometheusServer, run_prometheus

SICK = "SVIDRotationOverdue"
_GROUPS = "prometheus_rule_group_last_duration_seconds"


@dataclass(frozen=True, slots=True)
class RuleCost:
    """One phase; times in seconds."""

    phase: str
    agents: int
    series: int  # of the conditions
    median: float  # one evaluation of all rules, all groups together
    worst: float


class Pages:
    """The watcher's page of a whole fleet, made once for each phase."""

    def __init__(self, agents: int) -> None:
        self.agents = agents
        self.series = 0
        self._pages = {sick: self._page(sick=sick).encode() for sick in (False, True)}
        self.sick = False

    @property
    def now(self) -> bytes:
        """What a scrape gets."""
        return self._pages[self.sick]

    def _page(self, *, sick: bool) -> str:
        kinds = [(probe.name, kind) for probe in load_probes() for kind in probe.conditions]
        lines, prefix = [], "agentweave_watcher_"
        owners = [f'namespace="team-{n % 40}",agent="agent-{n}",pod="agent-{n}-0"' for n in range(self.agents)]
        lines += [f'{prefix}target_info{{{owner},node="n",workload="w",spiffe_id=""}} 1' for owner in owners]
        for probe, kind in kinds:
            of = f'probe="{probe}",condition="{kind.name}"' + (',subject="authz"' if kind.subject else "")
            value = int(sick and kind.name == SICK)
            lines += [f"{prefix}condition{{{owner},{of}}} {value}" for owner in owners]
            if value:
                lines += [f'{prefix}condition_reason_info{{{owner},{of},reason="NotRotated"}} 1' for owner in owners]
            counts = {"true": value * self.agents, "false": (1 - value) * self.agents}
            for status, count in counts.items():
                lines.append(f'{prefix}conditions{{probe="{probe}",condition="{kind.name}",status="{status}"}} {count}')
        self.series = len(kinds) * self.agents
        own = ("build_info", "shards", "heartbeat_timestamp_seconds", "discovery_last_success_timestamp_seconds")
        lines += [f"{prefix}{name} 1" for name in own]
        lines += [f'{prefix}active{{shard="0"}} 1', f"{prefix}targets {self.agents}"]
        return "\n".join(lines) + "\n"


def rule_costs(agents: int, seconds: float) -> list[RuleCost]:
    """Both phases; with 75 `seconds` the second has the single alerts pending and then the one on all agents."""
    pages = Pages(agents)
    scrape = min(15.0, seconds / 5)
    files = sorted(RULES.glob("*.yaml"))
    with _serving(pages) as url, run_prometheus(url, interval=scrape, pinned=True, rules=files) as prometheus:
        eventually(lambda: prometheus.query("count(agentweave_watcher_target_info)"), within=60)
        time.sleep(15)  # the evaluations of the groups that came before the first scrape
        well = _observed("all is well", pages, prometheus, seconds / 2)
        pages.sick = True
        sick = _observed(f"{SICK} on every agent", pages, prometheus, 1.5 * seconds)
    return [well, sick]


def _observed(phase: str, pages: Pages, prometheus: PrometheusServer, seconds: float) -> RuleCost:
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(2)
        found.append(sum(prometheus.own_gauges(_GROUPS)))
    found.sort()
    return RuleCost(phase, pages.agents, pages.series, found[len(found) // 2], found[-1])


@contextmanager
def _serving(pages: Pages) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(pages.now)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()
