"""What was seen is judged, also where the looks end."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from probes import load_probes
from watcher.config.settings import load_settings
from watcher.engine.engine import Engine
from watcher.runtime.clock import system_clock
from watcher.scheduling.poll_loops import PollLoops
from watcher.scheduling.schedule import Schedule

_NOBODY = """
discovery:
  static:
    - {namespace: prod, agent: search, pod: search-0, metrics: "http://127.0.0.1:1/metrics"}
"""


@pytest.mark.parametrize("end", [PollLoops.drain, lambda loops: loops.restart("agent_metrics")])
def test_a_reading_that_waits_when_the_looks_end_is_judged(
    tmp_path: Path, end: Callable[[PollLoops], Awaitable[None]]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(_NOBODY)

    async def main() -> None:
        settings = load_settings(config, {})
        engine = Engine(settings, load_probes(), system_clock())
        [state] = await engine.replace_targets(settings.targets, {})
        await engine.lookers["agent_metrics"].look_and_queue(state, lambda _: None)
        assert state.looks == {}
        await end(PollLoops(engine, Schedule()))
        assert list(state.looks) == ["agent_metrics"]
        await engine.close()

    asyncio.run(main())
