"""`python -m tests.bench`: measure the daemon and its peer in one run, and print what came out."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import startup
from tests.bench.alone import Ours, alone, ours
from tests.bench.crowd import HEALTHY, crowd
from tests.bench.dead import DEAD, dead
from tests.bench.exporter import BATCH, EVENLY
from tests.bench.fleet import Fleet, serving
from tests.bench.history import history
from tests.bench.judging import judged
from tests.bench.kubernetes import discovery
from tests.bench.machine import AROUND, MEASURED, facts
from tests.bench.mix import Mix, mix, reference, workload_of
from tests.bench.overload import AGENTS, overload
from tests.bench.peer import Peers, one_by_one, the_same_requests
from tests.bench.report import markdown
from tests.bench.results import Results
from tests.bench.rules import rule_costs
from tests.bench.traced import traced
from tests.bench.windows import full_windows
from tests.hostile import worst_turn
from tests.repository import ROOT

SIZES = (1_000, 3_000, 10_000, 20_000)
ALONE = 3_000
QUICK = 30
"""Seconds below which Kubernetes, the checklist and the rules are not measured: a quick run ends within two minutes."""

PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Measure, print, and write docs/benchmarks.md if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--agents", type=int, help="one size instead of 1,000, 3,000, 10,000 and 20,000")
    parser.add_argument(
        "--seconds", type=float, default=75, help="length of the main window; 10 is a quick run, of the looks alone"
    )
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md too")
    given = parser.parse_args()
    # Ended from outside, it must still end what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    told = facts()
    os.sched_setaffinity(0, {AROUND})
    with TemporaryDirectory(prefix="agentweave-bench-") as directory:
        text = markdown(_measure(given.agents, given.seconds, Path(directory)), told)
    text = f"# Benchmarks\n\n{datetime.now(UTC):%Y-%m-%d}\n\n{text}\n"
    sys.stdout.write(text)
    if given.write:
        PAGE.write_text(text)
    return 0


def _measure(agents: int | None, seconds: float, directory: Path) -> Results:
    sizes = (agents,) if agents else SIZES
    few, window = min(ALONE, max(sizes)), max(3.0, seconds / 3)
    with serving(max(*sizes, few), directory) as fleet:
        simple = _simple(fleet, directory, window / 2)
        _say(f"one source at a time, {few:,} agents")
        sources = alone(fleet, few, directory, window)
        # Once before and once after what it is compared with: the machine may change its mind in between.
        again = _simple(fleet, directory, window / 2)
        parts, peers = simple[0] + again[0], simple[1] + again[1]
        mixes, failed = _mixes(fleet, sizes, directory, seconds)
        _say("the exporter on the same requests")
        asked = reference(mixes).steady
        evenly, together = (the_same_requests(asked, peers, fleet, directory, window, pace) for pace in (EVENLY, BATCH))
        _say("--help and check")
        times = 10 if seconds >= QUICK else 5
        started = startup.help_seconds(directory, times), startup.check_seconds(fleet, directory, times)
        _say("hostile targets")
        hostile = worst_turn.measured()
        _say("a page of many capabilities with traces")
        many = traced()
        _say("the past")
        past = history(directory)
        results = Results(parts, peers, sources, mixes, failed, evenly, together, *started, hostile, many, past)
        return results if seconds < QUICK else _with_the_rest(results, fleet, directory, seconds)


def _with_the_rest(results: Results, fleet: Fleet, directory: Path, seconds: float) -> Results:
    """What is crowded, overloaded and dead, Kubernetes, the checklist, and the rules in Prometheus."""
    agents = reference(results.mixes).workload.agents
    _say(f"hostile agents beside {HEALTHY:,} healthy ones")
    crowded = crowd(fleet, min(HEALTHY, agents), directory / "crowd", seconds)
    _say("a tenth of a core")
    overloaded = overload(fleet, min(AGENTS, agents), directory / "overload", seconds)
    _say(f"check of {DEAD:,} dead targets")
    results = replace(results, crowded=crowded, overloaded=overloaded, dead=dead(directory / "dead"))
    discovered = []
    for pods in [each for each in SIZES if each < agents] + [agents]:
        _say(f"Kubernetes, {pods:,} pods")
        discovered.append(discovery(fleet, pods, directory / f"kubernetes-{pods}", seconds))
    _say(f"the checklist, {agents:,} pods")
    checked = judged(fleet, agents, directory / "checklist", seconds)
    _say("the rules in Prometheus")
    os.sched_setaffinity(0, {MEASURED, AROUND})
    rules = rule_costs(agents, seconds)
    return replace(results, rules=rules, discovered=discovered, judged=checked)


def _simple(fleet: Fleet, directory: Path, seconds: float) -> tuple[Ours, Peers]:
    _say("the sources' own share, and the exporter")
    return ours(fleet, seconds), one_by_one(fleet, directory, seconds)


def _mixes(fleet: Fleet, sizes: Sequence[int], directory: Path, seconds: float) -> tuple[list[Mix], dict[int, str]]:
    """All sizes that this machine can do: a daemon that is not served in time is a result too."""
    mixes: list[Mix] = []
    failed: dict[int, str] = {}
    for size in sizes:
        try:
            mixes.append(_mix(fleet, size, directory, seconds))
        except (HTTPException, OSError, RuntimeError) as error:
            if not mixes:
                raise
            failed[size] = str(error) or type(error).__name__
            _say(f"no figures for {size:,} agents: {failed[size]}")
    return mixes, failed


def _mix(fleet: Fleet, agents: int, directory: Path, seconds: float) -> Mix:
    _say(f"the whole mix, {agents:,} agents")
    place = directory / f"mix-{agents}"
    place.mkdir()
    return mix(fleet, workload_of(agents, seconds), place, seconds, full_windows)


def _say(what: str) -> None:
    print(f"measuring: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
