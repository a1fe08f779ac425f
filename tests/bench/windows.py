"""A state file as a daemon leaves it that has watched a fleet for two days: every window is full."""

import asyncio
import time
from pathlib import Path
from typing import Any

from probes import AnyProbe, load_probes, load_sources
from probes.contract import EvaluationContext, Target
from probes.contract.condition import Status
from probes.readings.metrics_page import MetricsPage
from probes.readings.signal_reader import WantedSignals
from probes.readings.text_format import Scan
from tests.bench.daemon import Workload, key_of
from tests.bench.page import resident, sdk_page
from tests.bench.past import day_of_changes
from watcher.engine.board import Board
from watcher.engine.debounce import DebounceState, DebounceStates
from watcher.engine.restored import Restored
from watcher.state.file import StateFile

SPAN = 48 * 3600.0
STEP = 60.0


def full_windows(state_dir: Path, workload: Workload) -> None:
    """Write the state file of this fleet."""
    state_dir.mkdir(parents=True, exist_ok=True)
    probes = load_probes()
    history = _lived_through([probe for probe in probes if probe.source == "agent_metrics"])
    board = Board(probes, load_sources(), time.time)
    targets = [_target(probes, agent) for agent in range(workload.agents)]
    restored = {target.key: Restored(history=history, debounce_states=_healthy(probes)) for target in targets}

    async def write() -> None:
        await board.replace(targets, restored)
        await StateFile(state_dir, probes).write(board)

    asyncio.run(write())
    day_of_changes(state_dir, workload)


def _healthy(probes: tuple[AnyProbe, ...]) -> dict[str, DebounceStates]:
    held = DebounceState(Status.FALSE, time.time() - SPAN, 0)
    return {probe.name: {(kind.name, ""): held for kind in probe.conditions if not kind.subject} for probe in probes}


def _target(probes: tuple[AnyProbe, ...], agent: int) -> Target:
    limits = {probe.name: probe.limits() for probe in probes}
    return Target(
        key=key_of(agent),
        metrics="http://agent",
        memory_limit=512 << 20,
        pool_capacity=100,
        limits=limits,
    )


def _lived_through(probes: list[AnyProbe]) -> dict[str, object]:
    """What the judges remember after two days of healthy pages."""
    page, now = sdk_page(), time.time()
    wanted = WantedSignals.of([signal for probe in probes for signal in probe.wants(probe.limits())])  # type: ignore[misc]
    history: dict[str, Any] = {probe.name: probe.history() for probe in probes}
    for step in range(int(SPAN / STEP)):
        reading = _read(resident(page, (step % 60) << 14), wanted)
        for probe in probes:
            context = EvaluationContext(
                target=Target(key=key_of(0), memory_limit=512 << 20, pool_capacity=100, metrics="http://agent"),
                limits=probe.limits(),
                now=now - SPAN + step * STEP,
                date=now,
                interval=STEP,
                endpoint="metrics",
                reached=True,
            )
            history[probe.name] = probe.judge(reading, history[probe.name], context).history
    return history


def _read(page: str, wanted: WantedSignals) -> MetricsPage:
    scan = Scan(wanted.names)
    scan.feed(page.encode())
    return MetricsPage(status=200, size=len(page), wanted=wanted, kept=scan.end())
