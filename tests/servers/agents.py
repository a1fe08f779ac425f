"""Agents on loopback that do as a test says, with real TLS and a real page; and sockets that never answer."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.server import HTTPServer
from pathlib import Path
from tempfile import mkdtemp

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from watcher.demo.agent import MutualTLS
from watcher.demo.authority import Authority, Svid

TRUST_DOMAIN = "example.org"
LIMIT = 512 * 2**20


def spiffe_id(name: str) -> str:
    """The ID that an agent of this name should have."""
    return f"spiffe://{TRUST_DOMAIN}/agent/{name}"


class _Counting(MutualTLS):
    request_queue_size = 0  # so that a few connections fill the queue and a stopped server is silent, not slow
    visits = 0

    def get_request(self) -> tuple[socket.socket, object]:
        self.visits += 1
        return super().get_request()


class WatchedAgent:
    """One agent, healthy until told otherwise."""

    def __init__(self, name: str, authority: Authority, home: Path) -> None:
        self.name, self.authority = name, authority
        self._home = Path(mkdtemp(dir=home, prefix=name))
        self._bundle = str(authority.write_bundle(self._home))
        self.port = self._metrics_port = 0
        self._ends = ExitStack()
        self._tls: _Counting | None = None
        self._http: HTTPServer | None = None
        self._registry = CollectorRegistry()
        self.breaker = Gauge("agentweave_circuit_breaker_state", "State", ["callee"], registry=self._registry)
        self.pool = Gauge("agentweave_connection_pool_active", "In use", ["pool"], registry=self._registry)
        self.memory = Gauge("process_resident_memory_bytes", "Memory", registry=self._registry)
        self.started = Gauge("process_start_time_seconds", "Start", registry=self._registry)
        self.requests = Counter("agentweave_requests_total", "Requests", ["status"], registry=self._registry)
        self.durations = Histogram(
            "agentweave_request_duration_seconds", "Durations", buckets=(0.1, 0.25, 1.0), registry=self._registry
        )
        self.cpu = Counter("process_cpu_seconds_total", "CPU", registry=self._registry)
        self.be_well()

    @property
    def visits(self) -> int:
        """How often somebody connected to the mTLS port since it was last started."""
        return self._tls.visits if self._tls is not None else 0

    def be_well(self) -> None:
        """Every value as it should be, and an SVID of an hour."""
        self.breaker.labels("ranker").set(0)
        self.pool.labels("outbound").set(3)
        self.memory.set(LIMIT // 4)
        self.started.set(time.time() - 3600)
        self.requests.labels("success").inc()
        self.issue()

    def issue(self, *, identity: str = "", ages: Sequence[float] = (60, 3540), by: Authority | None = None) -> None:
        """Serve an SVID that began so many seconds ago and ends in so many."""
        now = time.time()
        authority = by or self.authority
        svid = authority.issue(identity or spiffe_id(self.name), not_before=now - ages[0], not_after=now + ages[1])
        self._serve(svid)

    def gauge(self, name: str) -> Gauge:
        """One more family on the page."""
        return Gauge(name, name, registry=self._registry)

    def hide(self, gauge: Gauge) -> None:
        """Take a family off the page."""
        self._registry.unregister(gauge)

    def show(self, gauge: Gauge) -> None:
        """Put it there again."""
        self._registry.register(gauge)

    def start(self) -> None:
        """Listen, on the same ports as before if there were any."""
        self.start_tls()
        self._http, _ = start_http_server(self._metrics_port, "127.0.0.1", self._registry)
        self._metrics_port = self._http.server_port

    def start_tls(self) -> None:
        """Listen on the mTLS port."""
        certificate, key = str(self._home / "svid.pem"), str(self._home / "svid.key")
        self._tls = _Counting(self.port, certificate, key, self._bundle)
        self.port = self._tls.server_port
        threading.Thread(target=self._tls.serve_forever, kwargs={"poll_interval": 0.02}).start()

    def stop(self) -> None:
        """Refuse connections."""
        self.stop_tls()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def stop_tls(self) -> None:
        """Refuse connections to the mTLS port."""
        self._ends.close()
        if self._tls is not None:
            self._tls.shutdown()
            self._tls.server_close()
            self._tls = None

    def fall_silent(self) -> None:
        """Let connection attempts to the mTLS port hang, as where packets are dropped."""
        assert self._tls is not None
        self._tls.shutdown()
        self._ends.enter_context(filled(self._tls.socket))

    def answer_again(self) -> None:
        """End the silence."""
        self.stop_tls()
        self.start_tls()

    def target(self, **parts: object) -> dict[str, object]:
        """The entry of a config that watches this agent."""
        return {
            "namespace": "prod",
            "agent": self.name,
            "address": f"127.0.0.1:{self.port}",
            "spiffe_id": spiffe_id(self.name),
            "metrics": f"http://127.0.0.1:{self._metrics_port}/metrics",
            "memory_limit": LIMIT,
            "cpu_limit": 2.0,
            "pool_capacity": 10,
        } | parts

    def _serve(self, svid: Svid) -> None:
        svid.write(self._home)
        if self._tls is not None:
            self._tls.serve_svid(str(self._home / "svid.pem"), str(self._home / "svid.key"))


@contextmanager
def agents(authority: Authority, home: Path, *names: str) -> Iterator[list[WatchedAgent]]:
    """Agents with these names, listening."""
    made = [WatchedAgent(name, authority, home) for name in names]
    try:
        for agent in made:
            agent.start()
        yield made
    finally:
        for agent in made:
            agent.stop()


@contextmanager
def filled(listener: socket.socket) -> Iterator[None]:
    """Fill the queue of a listening socket that nobody accepts from: the kernel then drops what comes (tcp(7))."""
    with ExitStack() as connections:
        for _ in range(3):
            waiting = connections.enter_context(socket.socket())
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        yield


@contextmanager
def silent() -> Iterator[str]:
    """The `host:port` at which no connection attempt is ever answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, filled(listener):
        yield f"127.0.0.1:{listener.getsockname()[1]}"
