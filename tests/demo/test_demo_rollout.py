"""The demo's bad version: seen as a rollout and taken back, by the pods that the demo tells of."""

import asyncio
from pathlib import Path

from probes.controls.evidence import AgentRef
from tests.engine.toy import TOY
from watcher.config.settings import load_settings
from watcher.demo.cluster import SimulatedPods
from watcher.engine.engine import Engine
from watcher.rollouts.kept.keeper import RolloutKeeper
from watcher.rollouts.rollouts import Rollouts
from watcher.runtime.clock import system_clock


def test_a_version_that_is_rolled_out_and_back_is_a_rollout_that_was_rolled_back(tmp_path: Path) -> None:
    path = tmp_path / "watcher.yaml"
    path.write_text("{}")

    async def story() -> list[str]:
        settings = load_settings(path, {})
        engine = Engine(settings, [TOY], system_clock())
        pods = SimulatedPods("demo", ["summary", "search"], "2.0")
        rollouts = Rollouts(pods, engine, settings.rollouts, RolloutKeeper(None), lambda: True)
        pods.on_change = rollouts.touch
        seen = list[str]()
        for version in ("2.0", "2.1", "2.0"):
            if version != "2.0" or seen:
                pods.roll_out("summary", version)
            await rollouts.tick()
            newest = rollouts.newest("demo", "summary")
            seen.append(f"{newest.revision.reference} {newest.phase}" if newest is not None else "none")
        assert [each.agent for each in rollouts.listed()] == ["summary"]
        assert not pods.is_gone(AgentRef("demo", "search"))
        await rollouts.close()
        await engine.close()
        return seen

    first, begun, ended = asyncio.run(story())
    assert first == "none", "what runs already is no rollout"
    assert begun.startswith("demo/summary:2.1 ")
    assert begun.rpartition(" ")[2] in ("progressing", "immediate")
    assert ended == "demo/summary:2.1 rolled_back"
