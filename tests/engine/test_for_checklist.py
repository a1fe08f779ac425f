import asyncio
import json
from pathlib import Path

import pytest

from probes import load_probes
from probes.contract import Target, TargetKey
from tests.servers.opa_lies import run_liar, says
from watcher.config.settings import load_settings
from watcher.engine.engine import Engine
from watcher.runtime.clock import system_clock

OF_THE_CHECKLIST = ("/v1/config", "/v1/policies")


def asked_of_opa(config: Path, *, enabled: bool, once: bool = False) -> int:
    """How often an OPA is asked at one look what only the checklist wants, and that the look is made."""
    config.write_text(json.dumps({"checklist": {"enabled": enabled}, "discovery": {"static": []}}))

    async def main() -> int:
        async with run_liar(says(200, b'{"result": false}')) as liar:
            engine = Engine(load_settings(config, {}), load_probes(), system_clock(), once=once)
            limits = {probe.name: probe.limits() for probe in load_probes()}
            key = TargetKey("prod", "search", "search-0")
            await engine.replace_targets([Target(key=key, opa=liar.url, limits=limits)], {})
            await engine.lookers["opa"].look(engine.board.states[key])
            await engine.close()
            assert liar.asked_for("/v1/status") == 1
            return sum(map(liar.asked_for, OF_THE_CHECKLIST))

    return asyncio.run(main())


@pytest.mark.parametrize(("enabled", "once", "asked"), [(True, False, 2), (False, False, 0), (False, True, 2)])
def test_an_opa_is_asked_what_only_the_checklist_wants_where_there_is_one_or_somebody_asks_by_hand(
    tmp_path: Path, *, enabled: bool, once: bool, asked: int
) -> None:
    assert asked_of_opa(tmp_path / "watcher.yaml", enabled=enabled, once=once) == asked


@pytest.mark.parametrize("for_checklist", [True, False])
def test_metrics_of_the_checklist_are_wanted_only_where_there_is_one(tmp_path: Path, *, for_checklist: bool) -> None:
    config = tmp_path / "watcher.yaml"
    config.write_text(json.dumps({"checklist": {"enabled": for_checklist}, "discovery": {"static": []}}))

    async def main() -> None:
        engine = Engine(load_settings(config, {}), load_probes(), system_clock())
        limits = {probe.name: probe.limits() for probe in load_probes()}
        target = Target(key=TargetKey("prod", "search", "search-0"), limits=limits)
        wanted = engine.lookers["agent_metrics"]._wanted(target)
        assert ("retries" in {getattr(each, "name", "") for each in wanted}) is for_checklist
        await engine.close()

    asyncio.run(main())
