"""An Alertmanager that answers 500 for minutes: pages come late, and none is lost, doubled or said to be over.

All times are a twentieth of what they are.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx

from tests.alerting.end_to_end import cut
from tests.alerting.restarted import FASTER, FLAGS, routes, rules_in, serving
from tests.alerting.storms import SCRAPE, Ill, Installation, fleet
from tests.servers.alertmanager_server import run_alertmanager
from tests.servers.prometheus_server import run_prometheus
from tests.servers.webhook import Webhook, run_webhook

MINUTE = 60 / FASTER
AGENTS = fleet(8)
STORM = Installation(
    AGENTS, [Ill(AGENTS[0], "AgentUnreachable", 4, 30), Ill(AGENTS[1], "OPAUnreachable", 16, 99)], labels={}
)
REFUSED = ((4, 8), (10, 12))
"""Minutes: while the first page is due; and while it is open, and another is due."""


@dataclass
class Front:
    """Before an Alertmanager: what is sent to it gets 500 in these minutes."""

    url: str = ""
    begin: float = field(default_factory=time.monotonic)
    refused: int = 0

    @property
    def minute(self) -> float:
        """Since the begin."""
        return (time.monotonic() - self.begin) / MINUTE

    def answer(self, to: str, body: bytes) -> int:
        """The status of a request."""
        if any(begin <= self.minute < end for begin, end in REFUSED):
            self.refused += 1
            return 500
        return httpx.post(to, content=body, headers={"Content-Type": "application/json"}, trust_env=False).status_code


@contextmanager
def before(alertmanager: str) -> Iterator[Front]:
    """A real one cannot be made to refuse at a given minute."""
    front = Front()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(front.answer(f"{alertmanager}{self.path}", body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        front.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield front
        server.shutdown()


def pages(webhook: Webhook) -> list[tuple[str, ...]]:
    return [(each.body["status"], *each.names(each.body["status"])) for each in webhook.told("/pagerduty")]


def test_pages_come_within_a_minute_after_it_takes_them_again_and_what_is_open_stays(tmp_path: Path) -> None:
    flags = [cut(flag, FASTER) for flag in FLAGS]
    with (
        serving(STORM, 24) as page,
        run_webhook() as webhook,
        run_alertmanager(routes(webhook.url), pinned=True) as alertmanager,
        before(alertmanager.url) as front,
        run_prometheus(
            page, interval=SCRAPE / FASTER, pinned=True, rules=rules_in(tmp_path), alertmanager=front.url, flags=flags
        ),
    ):
        seen: dict[float, list[tuple[str, ...]]] = {}
        for minute in (7.9, 10, 11.9, 15.5, 23):
            time.sleep(max(0.0, (minute - front.minute) * MINUTE))
            seen[minute] = pages(webhook)
    first: tuple[str, ...] = ("firing", "AgentWeaveAgentUnreachable")
    second: tuple[str, ...] = ("firing", "AgentWeaveOPAUnreachable")
    assert front.refused > 2
    assert seen == {
        7.9: [],
        10: [first],
        11.9: [first],
        15.5: [first, second],
        23: [first, second, ("resolved", "AgentWeaveAgentUnreachable")],
    }
