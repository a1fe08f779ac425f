"""`python -m tests.hostile.healthy HOME AGENTS`: agents that do everything right. Prints their targets as JSON.

The authority of their trust domain is written into HOME too, with an SVID for the watcher.
"""

import asyncio
import json
import ssl
import sys
import time
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tests.hostile.attackers import listen
from tests.servers.metrics_pages import ok
from watcher.demo.authority import Authority

NAMESPACE = "good"
TRUST_DOMAIN = "example.org"


class Page:
    """The metrics of a healthy process, which serves ten requests between two looks."""

    def __init__(self) -> None:
        own = self._registry = CollectorRegistry()
        Gauge("agentweave_circuit_breaker_state", "State", ["callee"], registry=own).labels("ranker").set(0)
        Gauge("agentweave_connection_pool_active", "In use", ["pool"], registry=own).labels("outbound").set(3)
        Gauge("process_resident_memory_bytes", "Memory", registry=own).set(128 << 20)
        Gauge("process_start_time_seconds", "Start", registry=own).set(time.time() - 3600)
        self._requests = Counter("agentweave_requests", "Requests", ["status"], registry=own)
        self._durations = Histogram(
            "agentweave_request_duration_seconds", "Durations", buckets=(0.1, 1.0), registry=own
        )
        self._cpu = Counter("process_cpu_seconds", "CPU", registry=own)

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while True:
            await reader.readuntil(b"\r\n\r\n")
            self._requests.labels("success").inc(10)
            self._cpu.inc(0.01)
            for _ in range(10):
                self._durations.observe(0.02)
            writer.write(ok(generate_latest(self._registry), b"Content-Type: text/plain; version=0.0.4\r\n"))
            await writer.drain()


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ok(b"ok"))
    await writer.drain()


def _mutual_tls(home: Path, authority: Authority, identity: str) -> ssl.SSLContext:
    now = time.time()
    home.mkdir()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(identity, not_before=now - 60, not_after=now + 86400).write(home))
    context.load_verify_locations(authority.write_bundle(home))
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _serve(home: Path, agents: int) -> None:
    now = time.time()
    authority = Authority(TRUST_DOMAIN, now)
    authority.issue(f"spiffe://{TRUST_DOMAIN}/watcher", not_before=now - 60, not_after=now + 86400).write(home)
    authority.write_bundle(home)
    targets = []
    for number in range(agents):
        identity = f"spiffe://{TRUST_DOMAIN}/agent/a{number}"
        port = await listen(_greet, _mutual_tls(home / f"a{number}", authority, identity))
        page = await listen(Page().visit)
        known = {"memory_limit": "512Mi", "cpu_limit": 2.0, "pool_capacity": 10}
        at = {"address": f"127.0.0.1:{port}", "metrics": f"http://127.0.0.1:{page}/metrics"}
        targets.append({"namespace": NAMESPACE, "agent": f"a{number}", "spiffe_id": identity, **at, **known})
    print(json.dumps(targets), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
