"""One simulated agent, a process of its own: real TLS, a real metrics page, and told on standard input what to break.

It prints its two ports as one line of JSON, and what it logs after that, and ends when its standard input ends.
"""

import json
import mmap
import ssl
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from socket import MSG_PEEK, create_connection, socket
from uuid import uuid4

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server

from watcher.demo.http import QuietHandler, QuietServer

CALLEES = ("ranker", "guard")
POOL = 20
_PACE = 0.2  # seconds from one request to the next
_TAKES = 0.01  # seconds of a request
_CALLER, _CALLED = "search", "guard"


_WARM_UP = 150  # requests that it is handed at once when it starts
_OPA_PATIENCE = 0.3


class HealthHandler(QuietHandler):
    """Answers /health once the caller has shown its certificate."""

    server: "MutualTLS"

    def do_GET(self) -> None:
        is_up = self.server.opa_is_up()
        components = {"spire": "healthy", "opa": "healthy" if is_up else "unhealthy"}
        said = {"status": "healthy" if is_up else "degraded", "components": components}
        self.answer(200, json.dumps(said).encode())


_TLS_HANDSHAKE = b"\x16"  # the first byte of a TLS client (RFC 8446, section 5.1)


class MutualTLS(QuietServer):
    """TLS 1.3 with client certificates; takes a new SVID without a restart."""

    daemon_threads = True

    def __init__(
        self, port: int, certificate: str, key: str, bundle: str, *, in_clear: bool = False, opa: int = 0
    ) -> None:
        """`in_clear`: whoever speaks HTTP without TLS is answered too, which no agent should do.

        `opa`: the port of an OPA of its own, of which its health tells.
        """
        self._bundle, self._in_clear, self._opa = bundle, in_clear, opa
        self.serve_svid(certificate, key)
        super().__init__(("127.0.0.1", port), HealthHandler)

    def serve_svid(self, certificate: str, key: str) -> None:
        """Show this SVID from the next connection on."""
        # A new context: OpenSSL crashes where a certificate is loaded into one that a handshake begins with.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self._bundle)
        context.load_cert_chain(certificate, key)
        self._context = context

    def opa_is_up(self) -> bool:
        """Whether somebody listens at the port of its own OPA; one that others share is not asked."""
        if not self._opa:
            return True
        try:
            create_connection(("127.0.0.1", self._opa), _OPA_PATIENCE).close()
        except OSError:
            return False
        return True

    def finish_request(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        """In the connection's own thread, so that a slow caller holds up nobody."""
        if isinstance(request, tuple):
            raise TypeError("a datagram is no connection")
        if self._in_clear and request.recv(1, MSG_PEEK) != _TLS_HANDSHAKE:
            HealthHandler(request, client_address, self)
            return
        with self._context.wrap_socket(request, server_side=True) as secured:
            HealthHandler(secured, client_address, self)


class RequestLog:
    """One line of JSON for each request, as the checklist has it, on standard output."""

    def __init__(self, spiffe_id: str) -> None:
        """`spiffe_id`: its own."""
        self._spiffe_id = spiffe_id
        self._caller = f"{spiffe_id.rpartition('/')[0]}/{_CALLER}"
        self._calls = Counter("agentweave_outbound_requests_total", "Calls made to others", ["callee"])

    def write(self, took: float) -> None:
        """A request that was handled, for which another agent was called."""
        self._calls.labels(_CALLED).inc()
        line = {
            "timestamp": datetime.now(UTC).isoformat(),
            "level": "INFO",
            "message": "request handled",
            "spiffe_id": self._spiffe_id,
            "caller_id": self._caller,
            "request_id": str(uuid4()),
            "trace_id": uuid4().hex,
            "path": "/rank",
            "status": 200,
            "duration_ms": took * 1000,
        }
        print(json.dumps(line), flush=True)


class Agent:
    """What the agent says of itself, and what it can be told."""

    def __init__(self, server: MutualTLS, log: "RequestLog | None" = None) -> None:
        """`log`: where each request is written, and calls to others are counted; without one it does neither."""
        self._server, self._log = server, log
        self._breaker = Gauge("agentweave_circuit_breaker_state", "0 closed, 1 open, 2 half-open", ["callee"])
        self._pool = Gauge("agentweave_connection_pool_active", "Connections in use", ["pool"])
        self._requests = Counter("agentweave_requests_total", "Requests made", ["status"])
        self._durations = Histogram("agentweave_request_duration_seconds", "How long requests took")
        self._decisions = Counter("agentweave_authz_decisions_total", "Authorization decisions", ["decision"])
        self._checks = Histogram("agentweave_authz_check_duration_seconds", "How long authorization checks took")
        self._held: mmap.mmap | None = None
        self._fails = False
        for callee in CALLEES:
            self._breaker.labels(callee).set(0)
        self._pool.labels("outbound").set(3)
        self._requests.labels("success").inc(0)

    def breaker(self, callee: str, state: int) -> None:
        """Set a circuit breaker: 0 closed, 1 open, 2 half-open."""
        self._breaker.labels(callee).set(state)

    def pool(self, in_use: int) -> None:
        """Set how many connections are in use."""
        self._pool.labels("outbound").set(in_use)

    def fail(self, *, requests: bool) -> None:
        """Let requests fail from now on, or succeed again."""
        self._fails = requests

    def work(self) -> None:
        """Handle requests for ever."""
        for _ in range(_WARM_UP if self._log is not None else 0):
            self._handle()
        while True:
            self._handle()
            time.sleep(_PACE)

    def _handle(self) -> None:
        self._requests.labels("error" if self._fails else "success").inc()
        self._durations.observe(_TAKES)
        self._decisions.labels("allow").inc()
        self._checks.observe(0.002)
        if self._log is not None:
            self._log.write(_TAKES)

    def hold(self, size: int) -> None:
        """Hold this many bytes of real memory beside what the process needs."""
        if self._held is not None:
            self._held.close()
            self._held = None
        if size:
            self._held = mmap.mmap(-1, size)
            self._held.write(b"x" * size)

    def gauges(self, *, shown: bool) -> None:
        """Show or hide the gauges, as after an upgrade that no longer sets them."""
        change: Callable[[Gauge], None] = REGISTRY.register if shown else REGISTRY.unregister
        change(self._breaker)
        change(self._pool)

    def svid(self, certificate: str, key: str) -> None:
        """Serve this SVID from now on."""
        self._server.serve_svid(certificate, key)


def main(
    certificate: str, key: str, bundle: str, tls_port: str, metrics_port: str, speaks: str, opa: str, logs_as: str
) -> None:
    """Serve until standard input ends. `opa`: the port of its own, or 0; `logs_as`: its SPIFFE ID, if it logs."""
    server = MutualTLS(int(tls_port), certificate, key, bundle, in_clear=speaks == "clear", opa=int(opa))
    metrics, _ = start_http_server(int(metrics_port), "127.0.0.1")
    agent = Agent(server, RequestLog(logs_as) if logs_as else None)
    print(json.dumps({"tls": server.server_port, "metrics": metrics.server_port}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=agent.work, daemon=True).start()
    for line in sys.stdin:
        order = json.loads(line)
        getattr(agent, order.pop("do"))(**order)


if __name__ == "__main__":
    main(*sys.argv[1:])
