"""What a restart of Prometheus makes of pages that are open: a real one, and a real Alertmanager with our routes.

All times are a twentieth of what they are, those of Prometheus itself too; it is killed, and started anew at once.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import yaml

from tests.alerting.end_to_end import cut
from tests.alerting.rules import RULES
from tests.alerting.storms import SCRAPE, Ill, Installation, fleet, story, struck
from tests.alerting.test_alertmanager import ALWAYS, CONFIG, EXAMPLE
from tests.servers.alertmanager_server import run_alertmanager
from tests.servers.prometheus_server import run_prometheus
from tests.servers.tools import debian_package, tool
from tests.servers.webhook import Notification, run_webhook

FASTER = 20
KILLED, END = 9, 18
"""Minutes: when two have fired and one waits, and when whatever comes of the restart was told."""

FLAGS = ("--query.lookback-delta=5m", "--rules.alert.resend-delay=1m", "--rules.alert.for-outage-tolerance=1h")
"""What they are by default."""

RUNS = {"current": "10m", "oldest": "1m", "oldest, by default": "10m"}
"""Version of Prometheus -> --rules.alert.for-grace-period, which is 10m by default."""

OLDEST = "2.42"
WORDS = "5 of 7 agents unreachable, requests of another fail, OPA of the last refuses, Prometheus killed meanwhile"
ROWS = {WORDS: "current", f"the same, by Prometheus {OLDEST} as it comes": "oldest, by default"}
"""Storms of the table -> the runs that they are."""

_SEVEN = fleet(7)
_STORM = Installation(
    _SEVEN,
    [
        *struck(_SEVEN[:5], "AgentUnreachable", 4, 99, 3),
        Ill(_SEVEN[5], "ErrorRateHigh", 4, 99),
        Ill(_SEVEN[6], "OPAUnreachable", 15, 99),
    ],
    labels={},
)


def restarted(directory: Path) -> Mapping[str, Sequence[Notification]]:
    """What everybody is told, by the oldest Prometheus (that of Debian) and by a current one, at the same time."""
    programs = {"oldest": debian_package("prometheus", "prometheus"), "current": tool("prometheus", pinned=True)}
    with serving(_STORM) as page, ThreadPoolExecutor(len(RUNS)) as all_at_once:
        told = all_at_once.map(partial(_played, page, programs, directory), RUNS)
        return dict(zip(RUNS, told, strict=True))


def _played(page: str, programs: Mapping[str, Path], directory: Path, run: str) -> list[Notification]:
    home, program = directory / run, programs[run.partition(",")[0]]
    home.mkdir()
    flags = [cut(flag, FASTER) for flag in (*FLAGS, f"--rules.alert.for-grace-period={RUNS[run]}")]
    begin = time.monotonic()
    with run_webhook() as webhook, run_alertmanager(routes(webhook.url), pinned=True) as alertmanager:
        for until in (KILLED, END):
            with run_prometheus(
                page,
                interval=SCRAPE / FASTER,
                program=program,
                rules=rules_in(home),
                alertmanager=alertmanager.url,
                data=home / "data",
                flags=flags,
            ):
                time.sleep(max(0.0, begin + 60 * until / FASTER - time.monotonic()))
        return [each for each in webhook.told() if each.path != "/deadmansswitch"]


def rules_in(home: Path) -> list[Path]:
    """The shipped rules, at a twentieth of their times."""
    files = [home / file.name for file in sorted(RULES.glob("*.yaml"))]
    for file in files:
        file.write_text(cut((RULES / file.name).read_text(), FASTER))
    return files


def routes(url: str) -> str:
    """The example for Alertmanager, at a twentieth of its times; each of its receivers is a path of this webhook."""
    names = [receiver["name"] for receiver in CONFIG["receivers"]]
    heard = [{"name": name, "webhook_configs": [{"url": f"{url}/{name}"}]} for name in names]
    config = yaml.load(cut(EXAMPLE.read_text(), FASTER), Loader=yaml.CSafeLoader)
    return yaml.safe_dump(config | {"receivers": heard, "time_intervals": ALWAYS})


@contextmanager
def serving(installation: Installation, minutes: int = END) -> Iterator[str]:
    """The page of its watcher, as it goes on."""
    scrapes = 2 * minutes + 10
    series = {name: values.split() for name, values in story("", scrapes, installation).series.items()}
    begin = time.monotonic()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            at = min(scrapes - 1, int((time.monotonic() - begin) * FASTER / SCRAPE))
            lines = [f"{name} {values[at]}" for name, values in series.items() if values[at] != "stale"]
            lines = [f"{line.partition(' ')[0]} {time.time()}" if "heartbeat" in line else line for line in lines]
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(("\n".join(lines) + "\n").encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()
