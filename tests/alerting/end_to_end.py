"""From a fault of the demo to a person: the daemon, a real Prometheus, a real Alertmanager, and who is told when.

The shipped rules and routes with all their times cut to a sixtieth: half an hour becomes half a minute.
`python -m tests.alerting.end_to_end` prints the table of docs/alerting.md.
"""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import httpx
import yaml

from probes.contract.units import parse_duration
from tests.alerting.test_alertmanager import ALWAYS
from tests.servers.alertmanager_server import run_alertmanager
from tests.servers.process import eventually
from tests.servers.prometheus_server import run_prometheus
from tests.servers.tools import need
from tests.servers.webhook import Notification, Webhook, run_webhook
from watcher.demo.scenario import ROUND, SCRIPT, InjectedFault

FASTER = 60
SCRAPE = 0.5
"""Seconds between scrapes: thirty, a sixtieth of it."""

_TIME = re.compile(r"(?<![\w.])(\d+)([smhd])\b")
_MADE = re.compile(r"s (injected|cleared) +(\S+) +(.+)")
_TOLD = re.compile(r"s watcher +(\S+) +(\w+)")


@dataclass
class Terminal:
    """What the demo printed, and when (Unix seconds)."""

    url: str = ""
    injected: dict[tuple[str, str], float] = field(default_factory=dict)  # (agent, words) -> first time
    cleared: dict[tuple[str, str], float] = field(default_factory=dict)
    told: dict[tuple[str, str], float] = field(default_factory=dict)  # (agent, condition) -> first time

    def hear(self, line: str) -> None:
        """Remember what a line says."""
        if (said := re.search(r"http://127\.0\.0\.1:\d+", line)) and not self.url:
            self.url = said[0]
        if said := _MADE.search(line):
            (self.injected if said[1] == "injected" else self.cleared).setdefault((said[2], said[3]), time.time())
        elif said := _TOLD.search(line):
            self.told.setdefault((said[1], said[2]), time.time())


@dataclass
class Arrival:
    """One alert as its receiver was told of it; moments in Unix seconds."""

    labels: Mapping[str, str]
    runbook: str
    at: float
    starts: set[str] = field(default_factory=set)  # one for each time that it began
    resolved: float | None = None

    def of(self, agent: str, name: str) -> bool:
        """Whether this is the alert of that name on that agent; of a namespace where it has no agent."""
        return self.labels["alertname"] == name and self.labels.get("agent", agent) == agent


@dataclass(frozen=True)
class Row:
    """One alert that a fault must cause, and how it came; moments in Unix seconds."""

    fault: InjectedFault
    alert: str
    injected: float
    cleared: float
    seen: float  # the look that saw it, as the demo's terminal told
    held: float  # `for` of the alert, seconds
    arrivals: Sequence[Arrival]


@dataclass(frozen=True)
class Run:
    """All that came of one round of the demo."""

    rows: Sequence[Row]
    arrivals: Sequence[Arrival]
    links: Mapping[str, int]  # link to a runbook -> status of its page


def run_through() -> Run:
    """One round of the demo, from the faults to the receiver; about three minutes."""
    need("alertmanager")  # before the demo runs, not after
    with ExitStack() as ends:
        directory = Path(ends.enter_context(TemporaryDirectory(prefix="agentweave-end-")))
        terminal = ends.enter_context(_demo())
        webhook = ends.enter_context(run_webhook())
        rules = _export(directory, terminal.url)
        alertmanager = ends.enter_context(run_alertmanager(_alertmanager(directory, webhook)))
        page = f"{terminal.url}/metrics"
        ends.enter_context(run_prometheus(page, interval=SCRAPE, rules=rules, alertmanager=alertmanager.url))
        eventually(lambda: len(terminal.cleared) == len(SCRIPT), within=ROUND + 30)
        with suppress(AssertionError):  # what did not come is told by the rows
            eventually(lambda: all(_over(row) for row in _rows(terminal, webhook, rules)), within=30)
        arrivals = arrivals_of(webhook.told())
        links = {each.runbook: httpx.get(each.runbook, trust_env=False).status_code for each in arrivals}
        return Run(_rows(terminal, webhook, rules), arrivals, links)


def arrivals_of(notifications: Iterable[Notification]) -> list[Arrival]:
    """The alerts of all notifications; one whose whole group is over is over."""
    found: dict[frozenset[tuple[str, str]], Arrival] = {}
    groups: dict[str, set[frozenset[tuple[str, str]]]] = {}
    for notification in notifications:
        group = groups.setdefault(notification.body["groupKey"], set())
        for told in notification.body["alerts"]:
            key = frozenset(told["labels"].items())
            group.add(key)
            fresh = Arrival(told["labels"], told["annotations"]["runbook_url"], notification.at)
            arrival = found.setdefault(key, fresh)
            arrival.starts.add(told["startsAt"])
            if told["status"] == "resolved":
                arrival.resolved = arrival.resolved or notification.at
        if notification.body["status"] == "resolved":
            for key in group:
                found[key].resolved = found[key].resolved or notification.at
    return list(found.values())


def alerts_of(fault: InjectedFault) -> list[str]:
    """The alerts that a fault of the script must cause."""
    return ["AgentWeaveVerdictUnknown" if each == "SignalAbsent" else f"AgentWeave{each}" for each in fault.detected_as]


def table(run: Run) -> str:
    """The rows in Markdown, in seconds."""
    lines = [
        "| agent | fault | alert | from the fault to the page | from the fix to the end |",
        "|---|---|---|---|---|",
    ]
    for row in run.rows:
        for each in row.arrivals:
            over = f"{each.resolved - row.cleared:.1f} s" if each.resolved else "not told"
            lines.append(
                f"| {row.fault.agent} | {row.fault.words} | {row.alert} | {each.at - row.injected:.1f} s | {over} |"
            )
        if not row.arrivals:
            lines.append(f"| {row.fault.agent} | {row.fault.words} | {row.alert} | never | |")
    return "\n".join(lines)


@contextmanager
def _demo() -> Iterator[Terminal]:
    terminal = Terminal()
    command = [sys.executable, "-m", "watcher", "demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        listener = threading.Thread(target=_listen, args=(process.stdout, terminal))
        listener.start()
        try:
            eventually(lambda: terminal.url)
            yield terminal
        finally:
            process.terminate()
            listener.join()


def _listen(lines: IO[str], terminal: Terminal) -> None:
    for line in lines:
        terminal.hear(line)


def _export(directory: Path, url: str) -> list[Path]:
    command = [sys.executable, "-m", "watcher", "rules", "export", str(directory), "--runbook-url", f"{url}/runbooks/"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    files = sorted((directory / "rules").glob("*.yaml"))
    for file in files:
        file.write_text(cut(file.read_text()))
    return files


def _alertmanager(directory: Path, webhook: Webhook) -> str:
    config = yaml.load(cut((directory / "alertmanager" / "alertmanager.yaml").read_text()), Loader=yaml.CSafeLoader)
    config["time_intervals"] = ALWAYS
    for receiver in config["receivers"]:
        where = {"url": f"{webhook.url}/{receiver['name']}", "send_resolved": True}
        config["receivers"][config["receivers"].index(receiver)] = {
            "name": receiver["name"],
            "webhook_configs": [where],
        }
    return yaml.safe_dump(config)


def cut(text: str, faster: float = FASTER) -> str:
    """All times in rules, routes or flags so many times as short."""
    return _TIME.sub(lambda said: f"{round(parse_duration(said[0]) * 1000 / faster)}ms", text)


def _rows(terminal: Terminal, webhook: Webhook, rules: Sequence[Path]) -> list[Row]:
    arrivals = arrivals_of(webhook.told())
    groups = [group for file in rules for group in yaml.load(file.read_text(), Loader=yaml.CSafeLoader)["groups"]]
    held = {each["alert"]: each.get("for", "0s") for group in groups for each in group["rules"] if "alert" in each}
    return [
        Row(
            fault=fault,
            alert=name,
            injected=terminal.injected[fault.agent, fault.words],
            cleared=terminal.cleared[fault.agent, fault.words],
            seen=terminal.told.get((fault.agent, condition), 0.0),
            held=parse_duration(held[name]),
            arrivals=[each for each in arrivals if each.of(fault.agent, name)],
        )
        for fault in SCRIPT
        for condition, name in zip(fault.detected_as, alerts_of(fault), strict=True)
    ]


def _over(row: Row) -> bool:
    return bool(row.arrivals) and all(each.resolved for each in row.arrivals)


if __name__ == "__main__":
    print(table(run_through()))
