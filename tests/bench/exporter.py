"""The peer: prometheus-blackbox-exporter, asked at a steady pace by tests/tools/paced-get."""

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.bench.fleet import Fleet
from tests.bench.machine import AROUND, MEASURED, Meter, Usage, memory, started
from tests.servers.tools import debian_package
from tests.tools.build import find

BATCH = "25ms"
"""The pace that suits the exporter best: what falls due in this time is released together."""

EVENLY = "0s"
"""The pace of its deployment: Prometheus asks each target at its own moment."""

_NAME = "prometheus-blackbox-exporter"


@dataclass(frozen=True, slots=True)
class Errand:
    """One kind of request that the exporter makes, and how often."""

    module: str
    url: str  # AGENT stands for an agent's address
    per_second: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the exporter did, and what it cost."""

    done: int
    failed: int
    left_out: int  # it did not keep up
    usage: Usage
    rss_peak: int  # bytes

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.done + other.done,
            self.failed + other.failed,
            self.left_out + other.left_out,
            self.usage + other.usage,
            max(self.rss_peak, other.rss_peak),
        )

    @property
    def cpu_each(self) -> float:
        """CPU seconds for each request made."""
        return self.usage.cpu / (self.done + self.failed)


def http(**settings: object) -> dict[str, object]:
    """A module of the exporter's http prober."""
    return {"prober": "http", "timeout": "5s", "http": settings}


def mutual_tls(fleet: Fleet) -> dict[str, object]:
    """The exporter cannot check a SPIFFE ID, and an SVID names no host: only the client side of mTLS is configured."""
    at = fleet.credentials
    files = {"ca_file": at / "bundle.pem", "cert_file": at / "client.pem", "key_file": at / "client.key"}
    return http(tls_config={**{name: str(path) for name, path in files.items()}, "insecure_skip_verify": True})


@contextmanager
def exporting(modules: Mapping[str, object], directory: Path) -> Iterator["Exporter"]:
    """The exporter with these modules on the measured core."""
    config, port = directory / "blackbox.yml", free_port()
    config.write_text(yaml.safe_dump({"modules": dict(modules)}))
    command = [
        str(debian_package(_NAME, _NAME)),
        f"--config.file={config}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with started(command, MEASURED) as process:
        answers(f"http://127.0.0.1:{port}/-/healthy", process, patience=15)
        yield Exporter(port, process.pid)


@dataclass(frozen=True, slots=True)
class Exporter:
    """A running exporter."""

    port: int
    pid: int

    def run(self, fleet: Fleet, errands: Sequence[Errand], seconds: float, batch: str = BATCH) -> Outcome:
        """Let it do these errands for so long."""
        plan = [self._planned(errand) for errand in errands]
        command = [str(find("paced-get")), f"-agents={fleet.agents}", f"-seconds={seconds}", f"-batch={batch}"]
        meter = Meter(self.pid)
        with started(command, AROUND) as driver:
            told, _ = driver.communicate(json.dumps(plan))
        done = list(json.loads(told).values())
        sums = {what: sum(each[what] for each in done) for what in ("done", "failed", "left_out")}
        return Outcome(**sums, usage=meter.read(), rss_peak=memory(self.pid, "VmHWM"))

    def _planned(self, errand: Errand) -> dict[str, object]:
        query = urllib.parse.urlencode({"module": errand.module, "target": errand.url})
        return {
            "name": errand.module,
            "url": f"http://127.0.0.1:{self.port}/probe?{query}",
            "per_second": errand.per_second,
            "want": "probe_success 1\n",
        }


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answers(url: str, process: subprocess.Popen[str], patience: float) -> float:
    """Wait until `url` answers 200; how many seconds that took. RuntimeError as soon as the process has ended."""
    start = time.monotonic()
    while time.monotonic() - start < patience:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  ours
                return time.monotonic() - start
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer within {patience:g} s")
