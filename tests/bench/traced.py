"""A page of fifty capabilities with a trace on every bucket: the CPU to read and to judge it, beside the same without.

Run as a process of its own. It prints the CPU seconds of one such page as a JSON line.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from probes import load_probes
from probes.contract import EvaluationContext, Target, TargetKey
from probes.contract.signal import Signal
from probes.readings.signal_reader import WantedSignals
from probes.sources.cpu_budget import CPUBudget
from probes.sources.http.client import HTTPSession, locate
from probes.sources.http.response import Response
from probes.sources.names import Names
from probes.sources.pages.answer import PageAnswer
from probes.sources.pages.arrival import PageArrival
from probes.sources.pages.unjudged import OneLook, UnjudgedPages
from tests.bench.machine import MEASURED, started
from tests.bench.page import capabilities_page
from watcher.runtime.cooperative import Gate

CAPABILITIES = 50
_TIMES = 30
_PROBES = [probe for probe in load_probes() if probe.source == "agent_metrics"]


@dataclass(frozen=True, slots=True)
class Traced:
    """CPU seconds to read and judge one page of each kind, and its bytes."""

    with_traces: float
    without: float
    size: int


def traced() -> Traced:
    """Measure, on the measured core."""
    with started([sys.executable, "-m", "tests.bench.traced"], MEASURED) as process:
        told, _ = process.communicate(timeout=120)
    return Traced(**json.loads(told))


def judged(page: bytes, times: int) -> float:
    """CPU seconds for one of so many looks at a page, without the network."""
    wants = {want: None for probe in _PROBES for want in probe.wants(probe.limits()) if isinstance(want, Signal)}
    wanted = WantedSignals.of(tuple(wants))
    headers = ((b"content-type", b"application/openmetrics-text; version=1.0.0"),)
    session = HTTPSession(locate("http://127.0.0.1/metrics")[0], 1.0, len(page), names=Names())  # which is not asked
    histories: dict[str, Any] = {probe.name: probe.history() for probe in _PROBES}
    began = time.process_time()
    for look in range(times):
        arrival = PageArrival(session, Response(200, headers, page), CPUBudget(time.thread_time, 10.0), Gate())
        reading = asyncio.run(PageAnswer(arrival, wanted, OneLook(UnjudgedPages()), filtered=False).read())
        for probe in _PROBES:
            evaluation = probe.judge(reading, histories[probe.name], _context(probe.limits(), 30.0 * look))
            histories[probe.name] = evaluation.history
    return (time.process_time() - began) / times


def _context(limits: Any, now: float) -> EvaluationContext[Any]:
    target = Target(key=TargetKey("team", "agent", "agent-0"), metrics="http://127.0.0.1/metrics")
    return EvaluationContext(target=target, limits=limits, now=now, date=now, interval=30.0, endpoint="metrics")


def main() -> None:
    """Measure and print."""
    pages = [capabilities_page(CAPABILITIES, traced=traced) for traced in (True, False)]
    found = Traced(judged(pages[0], _TIMES), judged(pages[1], _TIMES), len(pages[0]))
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    main()
