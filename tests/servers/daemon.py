"""The daemon as a child process, known only by what it serves, logs and leaves on disk."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.process import eventually, port_of, status_of
from tests.servers.tools import need

PREFIX = "agentweave_watcher_"
COMMAND = (sys.executable, "-m", "watcher")
Labels = frozenset[tuple[str, str]]


def verdict_lines(text: str) -> str:
    """Of a page, what it says of conditions: the same text for as long as nothing changes."""
    return "".join(line for line in text.splitlines(keepends=True) if line.startswith(f"{PREFIX}condition"))


class Page:
    """One answer of /metrics, as prometheus_client reads it; names are without the prefix."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [
            (sample.name.removeprefix(PREFIX), frozenset(sample.labels.items()), sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def all(self, name: str, **labels: str) -> dict[Labels, float]:
        """The series with this name and at least these labels."""
        return {found: value for at, found, value in self.samples if at == name and labels.items() <= found}

    def value(self, name: str, **labels: str) -> float | None:
        """The one series with this name and at least these labels; None where there is none."""
        found = self.all(name, **labels)
        assert len(found) < 2, found
        return next(iter(found.values()), None)

    def verdict(self, condition: str, **labels: str) -> str:
        """`false`, `true` or `unknown` with the reason; empty where there is no such series."""
        wanted = {("condition", condition), *labels.items()}
        found = [said for at, said in self.verdicts.items() if wanted <= at]
        assert len(found) < 2, f"{condition} {labels}: {found}"
        return found[0] if found else ""

    @cached_property
    def verdicts(self) -> dict[Labels, str]:
        """What is said of each condition and subject of each target, by all labels but the reason."""
        said = {at: "true" if value else "false" for at, value in self.all("condition").items()}
        for name, status in (("condition_unknown", "unknown"), ("condition_reason_info", "true")):
            for labels in self.all(name):
                reason = dict(labels)["reason"]
                said[labels - {("reason", reason)}] = f"{status} {reason}"
        return said

    @property
    def contradictions(self) -> list[str]:
        """What no page may ever say: a series twice, a condition known and unknown at once, true without a reason."""
        twice = [f"twice: {key}" for key, times in Counter((n, at) for n, at, _ in self.samples).items() if times > 1]
        known = self.all("condition")
        unknown = Counter(_without_reason(labels) for labels in self.all("condition_unknown"))
        reasons = Counter(_without_reason(labels) for labels in self.all("condition_reason_info"))
        true = Counter(labels for labels, value in known.items() if value == 1)
        both = [f"known and unknown: {sorted(labels)}" for labels in known.keys() & unknown.keys()]
        several = [f"unknown for two reasons: {sorted(labels)}" for labels, times in unknown.items() if times > 1]
        unreasoned = [f"not one reason each: {sorted(labels)}" for labels in (true - reasons) + (reasons - true)]
        odd = [f"neither 0 nor 1: {sorted(labels)}" for labels, value in known.items() if value not in (0, 1)]
        return twice + both + several + unreasoned + odd

    def conditions_of(self, pod: str) -> set[str]:
        """Every condition that is told of, known or not."""
        told = [dict(labels) for labels in self.verdicts if ("pod", pod) in labels]
        return {labels["condition"] for labels in told}


def _without_reason(labels: Labels) -> Labels:
    return frozenset(pair for pair in labels if pair[0] != "reason")


@dataclass(frozen=True)
class DaemonProcess:
    """A daemon that runs, or has ended."""

    process: "subprocess.Popen[bytes]"
    address: tuple[str, int]
    log_file: Path
    client: httpx.Client

    @property
    def url(self) -> str:
        """Of the page for people."""
        return f"http://{self.address[0]}:{self.address[1]}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        """A GET, without what httpx would ask for by itself."""
        plain = {"Accept": "*/*", "Accept-Encoding": "identity"}
        return self.client.get(self.url + path, headers=plain | headers)

    def page(self) -> Page:
        """What /metrics says now."""
        return Page(self.get("/metrics").raise_for_status().text)

    def targets(self, query: str = "") -> list[dict[str, Any]]:
        """What the API lists now."""
        found: list[dict[str, Any]] = self.get(f"/api/v1/targets{query}").raise_for_status().json()["targets"]
        return found

    def log(self) -> list[dict[str, Any]]:
        """Every line logged so far; ValueError if one is not JSON."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def logged(self, is_meant: Callable[[dict[str, Any]], object]) -> list[dict[str, Any]]:
        """These lines, once there are any: a thread writes them, later than the page may say the same."""
        return eventually(lambda: [line for line in self.log() if is_meant(line)])

    def says(self, condition: str, said: str, *, within: float = 30.0, **labels: str) -> Page:
        """The first page that starts to say this of a condition, such as `true NotRotated`."""

        def look() -> Page | None:
            page = self.page()
            return page if page.verdict(condition, **labels).startswith(said) else None

        try:
            found = eventually(look, within=within)
        except AssertionError as error:
            told = self.page().verdict(condition, **labels)
            raise AssertionError(f"{condition} of {labels} is {told!r} and not {said!r}\n{self.tail()}") from error
        assert found is not None
        return found

    def tail(self) -> str:
        """The end of the log, for people."""
        return self.log_file.read_text()[-3000:]

    def reload(self) -> None:
        """SIGHUP, and wait until the config is taken or refused."""
        before = self._reloads()
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: self._reloads() != before, within=40)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; TimeoutExpired after the 10 s that it may take."""
        self.process.send_signal(number)
        return self.process.wait(10)

    def rss(self) -> int:
        """Bytes of memory that it holds."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _reloads(self) -> object:
        page = self.page()
        taken = page.value("config_last_reload_success_timestamp_seconds")
        return taken, page.value("config_last_reload_successful")


def write_config(directory: Path, config: Mapping[str, object]) -> Path:
    """The config as a file, whole at any moment; on a free port unless it says otherwise."""
    path = directory / "watcher.yaml"
    new = directory / "watcher.yaml.new"
    new.write_text(json.dumps({"server": {"port": 0}} | dict(config)))
    new.replace(path)
    return path


@contextmanager
def run_daemon(
    directory: Path,
    config: Mapping[str, object],
    *,
    wait_for: str = "/readyz",
    python_path: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[DaemonProcess]:
    """`run --config` until the end of the test, from the moment that `wait_for` answers 200."""
    need("a running daemon")
    log_file = directory / f"log-{len(list(directory.glob('log-*')))}"
    paths = [str(path) for path in (python_path, *sys.path) if path]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(paths), **(environment or {})}
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "run", "--config", write_config(directory, config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=variables,
        )
    try:
        server = config.get("server")
        health = server.get("health_port") if isinstance(server, dict) else None
        port = eventually(lambda: port_of(_alive(process, log_file), beside=health), within=60) or 0
        eventually(lambda: port_of(_alive(process, log_file)) and status_of(health or port, wait_for) == 200, within=60)
        with httpx.Client(trust_env=False, timeout=30) as client:
            yield DaemonProcess(process, ("127.0.0.1", port), log_file, client)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def _alive(process: "subprocess.Popen[bytes]", log_file: Path) -> "subprocess.Popen[bytes]":
    assert process.poll() is None, f"ended with {process.returncode}:\n{log_file.read_text()[-3000:]}"
    return process
