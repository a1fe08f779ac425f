"""What the engine lets go when targets change."""

import asyncio
import json
from pathlib import Path

from probes.contract import Vote
from tests.engine.toy import TOY, target
from watcher.config.settings import load_settings
from watcher.engine.engine import Engine
from watcher.runtime.clock import Clock

NOW = 1_790_000_000.0


def test_what_an_agent_is_not_asked_any_more_has_no_voice_in_a_majority(tmp_path: Path) -> None:
    config = tmp_path / "watcher.yaml"
    config.write_text(json.dumps({"discovery": {"static": []}}))

    async def main() -> None:
        engine = Engine(load_settings(config, {}), [TOY], Clock(lambda: NOW, lambda: NOW))
        votes, (one, two) = engine.fleet.vote_counter, (target("pod-0"), target("pod-1"))
        await engine.replace_targets([one, two], {})
        for each in (one, two):
            votes.vote(each.key, "toy", (Vote("bundle", each.key.pod, "r1"),))
        await engine.replace_targets([target("pod-0", node="n-1"), target("pod-1", metrics=None)], {})
        assert votes.counts(one.key) == {"bundle": {"r1": 1}}
        await engine.close()

    asyncio.run(main())
