"""What a daemon does while it is attacked: how it answers, what it says of healthy agents, what it costs."""

import time
from collections import Counter
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import httpx

from tests.hostile.healthy import NAMESPACE
from tests.servers.daemon import DaemonProcess, Page

_PAUSE = 0.2
_ROUND = 10
"""Askings of /livez to one of the page and the API."""


@dataclass
class Observation:
    """Seen from outside, over some time."""

    livez: list[float] = field(default_factory=list)  # seconds, sorted at the end; inf where it was not 200
    turn: float = 0.0  # seconds of the longest stall of the daemon's event loop
    rss: int = 0  # bytes at most
    descriptors: int = 0  # at most
    state: int = 0  # bytes at most in the state directory
    judged: float = inf  # healthy agents of which something is known to be well, on the page that has fewest
    wrong: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # of healthy agents: what is not false
    impaired: Counter[str] = field(default_factory=Counter)  # by reason
    contradictions: Counter[str] = field(default_factory=Counter)  # of the page with itself

    @property
    def livez_p99(self) -> float:
        """Seconds."""
        return sorted(self.livez)[int(0.99 * (len(self.livez) - 1))]


def observe(daemon: DaemonProcess, state: Path, seconds: float, seen: Observation | None = None) -> Observation:
    """Look at the daemon for so long."""
    seen = seen or Observation()
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        seen.livez.append(_answered_within(daemon))
        if number % _ROUND == 0:
            _read(daemon, state, seen)
        number += 1
        time.sleep(_PAUSE)
    return seen


def late_looks(before: Page, after: Page, beyond: str) -> tuple[float, float]:
    """How many looks began later than `beyond` seconds (a bucket's label) between two pages, and how many in all."""
    late = all_looks = 0.0
    for labels, value in after.all("schedule_lag_seconds_bucket", le="+Inf").items():
        source = dict(labels)["source"]
        in_time = after.value("schedule_lag_seconds_bucket", le=beyond, source=source) or 0.0
        in_time -= before.value("schedule_lag_seconds_bucket", le=beyond, source=source) or 0.0
        made = value - (before.value("schedule_lag_seconds_bucket", le="+Inf", source=source) or 0.0)
        late, all_looks = late + made - in_time, all_looks + made
    return late, all_looks


def _answered_within(daemon: DaemonProcess) -> float:
    began = time.monotonic()
    try:
        with httpx.Client(trust_env=False, timeout=10) as client:  # a stranger's connections must not lend us theirs
            answer = client.get(f"{daemon.url}/livez")
    except httpx.HTTPError:
        return inf
    return time.monotonic() - began if answer.status_code == 200 else inf


def _read(daemon: DaemonProcess, state: Path, seen: Observation) -> None:
    page = daemon.page()
    seen.contradictions.update(page.contradictions)
    seen.turn = max(seen.turn, page.value("loop_stall_seconds") or 0.0)
    seen.impaired.update(dict(labels)["reason"] for labels, value in page.all("impaired").items() if value)
    well = set[str]()
    for labels, said in page.verdicts.items():
        told = dict(labels)
        if told["namespace"] == NAMESPACE and said not in ("false", "unknown WarmingUp"):
            seen.wrong[told["pod"], told["condition"], said] += 1
        elif told["namespace"] == NAMESPACE and said == "false":
            well.add(told["pod"])
    seen.judged = min(seen.judged, len(well))
    seen.rss = max(seen.rss, daemon.rss())
    seen.descriptors = max(seen.descriptors, len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir())))
    seen.state = max(seen.state, sum(path.stat().st_size for path in state.rglob("*") if path.is_file()))
