"""A real Alertmanager on loopback, and amtool."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.servers.process import port_of, running, status_of
from tests.servers.tools import tool


@dataclass(frozen=True)
class Group:
    """Alerts that are told of together: who is told, the labels that they are grouped by, the alerts."""

    receiver: str
    labels: Mapping[str, str]
    alerts: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class AlertmanagerServer:
    """A running Alertmanager."""

    url: str
    config: Path = Path()

    def post(self, *alerts: Mapping[str, object]) -> None:
        """Send alerts as Prometheus does; each a mapping with labels, annotations, startsAt, endsAt."""
        self._client("POST", "alerts", json=alerts)

    def alerts(self, *matchers: str) -> list[dict[str, Any]]:
        """The alerts that are not over, with receivers and status; those that match, such as `a="b"`."""
        found: list[dict[str, Any]] = self._client("GET", "alerts", params={"filter": matchers}).json()
        return found

    def groups(self) -> list[Group]:
        """All groups of alerts as they are now."""
        found = self._client("GET", "alerts/groups").json()
        return [Group(one["receiver"]["name"], one["labels"], one["alerts"]) for one in found]

    def own_metrics(self) -> str:
        """Its own metrics page."""
        return httpx.get(f"{self.url}/metrics", trust_env=False).raise_for_status().text

    def silence(self, **labels: str) -> str:
        """Silence what has all these labels, for an hour; the ID of the silence."""
        matchers = [{"name": name, "value": value, "isRegex": False} for name, value in labels.items()]
        now = datetime.now(UTC)
        times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
        silence = {"matchers": matchers, **times, "createdBy": "a test", "comment": "a test"}
        identity: str = self._client("POST", "silences", json=silence).json()["silenceID"]
        return identity

    def reload(self, config: str) -> None:
        """Go on with this config; HTTPStatusError where it is refused."""
        self.config.write_text(config)
        httpx.post(f"{self.url}/-/reload", trust_env=False).raise_for_status()

    def _client(self, method: str, path: str, **what: Any) -> httpx.Response:
        return httpx.request(method, f"{self.url}/api/v2/{path}", trust_env=False, **what).raise_for_status()


@contextmanager
def run_alertmanager(config: Path | str, *, pinned: bool = False) -> Iterator[AlertmanagerServer]:
    """An Alertmanager with this config (a file or its text); the one on PATH unless `pinned`."""
    with TemporaryDirectory() as directory:
        file = config if isinstance(config, Path) else Path(directory) / "alertmanager.yaml"
        if isinstance(config, str):
            file.write_text(config)
        alone = ("--web.listen-address=127.0.0.1:0", "--cluster.listen-address=")
        where = (f"--config.file={file}", f"--storage.path={directory}/data")
        with running([tool("alertmanager", pinned=pinned), *where, *alone], _ready) as server:
            yield replace(server, config=file)


def amtool(*arguments: str | Path, pinned: bool = False) -> "subprocess.CompletedProcess[str]":
    """What amtool says, standard error with it."""
    command = [tool("amtool", pinned=pinned), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)


def _ready(process: "subprocess.Popen[bytes]") -> AlertmanagerServer | None:
    port = port_of(process)
    ready = port and status_of(port, "/-/ready") == 200 and status_of(port, "/api/v2/status") == 200
    return AlertmanagerServer(f"http://127.0.0.1:{port}") if ready else None
