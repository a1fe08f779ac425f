"""A real Prometheus on loopback that scrapes what a test serves, and promtool."""

import json
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.servers.process import port_of, running, status_of
from tests.servers.tools import tool

_TLS = ssl.create_default_context()
"""Made once: for each request anew it would take longer than the answer."""

_SOON = ("--rules.alert.resend-delay=1s",)
"""An alert that fires before Alertmanager is found would be sent again only after a minute."""


@dataclass(frozen=True)
class Series:
    """One line of the answer to an instant query."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Scrape:
    """How the last scrape of a target went: health is `up`, `down` or, before the first, `unknown`."""

    url: str
    health: str
    last_error: str


@dataclass(frozen=True)
class PrometheusServer:
    """A running Prometheus."""

    url: str

    def query(self, expression: str) -> list[Series]:
        """The answer to an instant query, now."""
        found = self._ask("query", query=expression)["result"]
        return [Series(one["metric"], float(one["value"][1])) for one in found]

    def label_values(self, selector: str, label: str) -> list[str]:
        """The values of a label over the series that were selected by this since the start."""
        found = self._ask(f"label/{label}/values", **{"match[]": selector})
        return [str(value) for value in found]

    def scrapes(self) -> list[Scrape]:
        """The newest scrape of every target."""
        targets = self._ask("targets")["activeTargets"]
        return [Scrape(one["scrapeUrl"], one["health"], one["lastError"]) for one in targets]

    def own_gauges(self, name: str) -> list[float]:
        """The values of all series of this name on Prometheus's own page."""
        page = httpx.get(f"{self.url}/metrics", trust_env=False).text
        return [float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(name + "{")]

    def samples_lost(self) -> float:
        """Samples of the newest scrapes that were read but not stored; 2.42 drops duplicates without a word."""
        stored = 'count({job=~"page-.+", __name__!~"up|scrape_.+"}) or vector(0)'
        return self.query(f"sum(scrape_samples_scraped) - ({stored})")[0].value

    def _ask(self, path: str, **params: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=params, trust_env=False, verify=_TLS).json()
        assert answer["status"] == "success", answer
        return answer["data"]


@contextmanager
def run_prometheus(
    *pages: str,
    interval: float = 1,
    pinned: bool = False,
    program: Path | None = None,
    rules: Sequence[Path] = (),
    alertmanager: str = "",
    data: Path | None = None,
    flags: Sequence[str] = _SOON,
) -> Iterator[PrometheusServer]:
    """A Prometheus that scrapes these URLs every `interval` seconds: this program, or that on PATH unless `pinned`.

    It loads the rule files; their groups are evaluated as often, unless a group says how often itself. Alerts go to
    the Alertmanager at this URL. What is stored in `data` outlives it.
    """
    with TemporaryDirectory() as directory:
        config = Path(directory) / "prometheus.json"
        jobs = [_job(number, page) for number, page in enumerate(pages)]
        every = dict.fromkeys(
            ("scrape_interval", "scrape_timeout", "evaluation_interval"), f"{round(interval * 1000)}ms"
        )
        files = [str(file) for file in rules]
        told = [{"static_configs": [{"targets": [urlsplit(alertmanager).netloc]}]}] if alertmanager else []
        wanted = {"global": every, "rule_files": files, "scrape_configs": jobs, "alerting": {"alertmanagers": told}}
        config.write_text(json.dumps(wanted))
        plain = [
            f"--config.file={config}",
            f"--storage.tsdb.path={data or Path(directory) / 'data'}",
            "--web.listen-address=127.0.0.1:0",
            *flags,
        ]
        with running([program or tool("prometheus", pinned=pinned), *plain], _ready) as server:
            yield server


def check_metrics(page: str) -> list[str]:
    """What `promtool check metrics` has to say against a metrics page; empty when it is content."""
    said = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    complaints = (said.stdout + said.stderr).splitlines()
    return complaints or ([f"promtool ended with {said.returncode}"] if said.returncode else [])


def _ready(process: "subprocess.Popen[bytes]") -> PrometheusServer | None:
    port = port_of(process)
    return PrometheusServer(f"http://127.0.0.1:{port}") if port and status_of(port, "/-/ready") == 200 else None


def _job(number: int, page: str) -> dict[str, object]:
    url = urlsplit(page)
    where = {"scheme": url.scheme, "metrics_path": url.path, "static_configs": [{"targets": [url.netloc]}]}
    return {"job_name": f"page-{number}", **where}
