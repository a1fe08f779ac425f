"""The checklist of the agents of a config, looked at now; nothing is kept."""

import asyncio
import os
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from probes import load_probes
from probes.controls.evidence import AgentRef
from watcher.checklist.agent_report import Chosen, Report
from watcher.checklist.live.opening import LiveChecklist
from watcher.checklist.live.view import ChecklistView
from watcher.commands.check.looking import FIRST_IDENTITY, look_at_all
from watcher.commands.check.progress import Progress
from watcher.commands.config_file import config_file
from watcher.commands.readiness.pictures import pictured_agents, with_pictures
from watcher.commands.readiness.selection import NothingSelectedError, is_wanted
from watcher.config.replicas import Shard
from watcher.config.settings import Settings, load_settings
from watcher.engine.engine import Engine
from watcher.pictures.shown import PicturedAgent
from watcher.runtime.clock import boot_id, system_clock
from watcher.state.file import read_scale
from watcher.targets import TargetSet
from watcher.web.pictures.of_agent import pictured_agent


def of_fleet(given: Namespace, chosen: Chosen) -> Report:
    """What is seen of the agents that are meant; NothingSelectedError where there are none, ConfigError."""
    settings = replace(load_settings(config_file(given.file), os.environ), shard=Shard(), standby=None)
    return asyncio.run(_looked_at(given, settings, chosen))


async def _looked_at(given: Namespace, settings: Settings, chosen: Chosen) -> Report:
    clock = system_clock(boot_id(), read_scale(settings.state_dir))
    engine = Engine(settings, load_probes(), clock, once=True)
    target_set = TargetSet(settings, engine.own_metrics, clock)
    live = LiveChecklist(settings, engine, target_set, lambda: True, once=True)
    try:
        await engine.identity.start()
        await engine.identity.wait_first(FIRST_IDENTITY)
        await target_set.start()
        states = await engine.replace_targets(await target_set.targets(), {})
        view = await live.judge_once(partial(look_at_all, engine, states, Progress()))
        problems = [f"discovery: {target_set.failure}"] if target_set.failure else []
        report = _report(given, view, chosen)
        report = replace(report, problems=(*report.problems, *problems))
        return with_pictures(report, await _pictured(engine, pictured_agents(report, given.output)))
    finally:
        await live.close()
        await target_set.stop()
        await engine.close()


async def _pictured(engine: Engine, agents: Sequence[AgentRef]) -> dict[AgentRef, PicturedAgent]:
    found = dict[AgentRef, PicturedAgent]()
    for place, ref in enumerate(agents):
        if (pictured := await pictured_agent(engine, ref.namespace, ref.agent, f"agent-{place}")) is not None:
            found[ref] = pictured
    return found


def _report(given: Namespace, view: ChecklistView, chosen: Chosen) -> Report:
    agents = view.agents()
    wanted = [each for each in agents if is_wanted(each, view.profile(each).name, given)]
    if not wanted:
        some = f": {', '.join(map(str, agents[:10]))}" if agents else ", for there are none"
        raise NothingSelectedError(f"none of the agents is selected{some}")
    return view.report(wanted, chosen)
