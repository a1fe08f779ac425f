"""The API of the checklist, piece by piece."""

import asyncio
import json

from probes.controls.evidence import AgentRef
from probes.controls.finding import State
from tests.checklist.live.judged import SEARCH, START, Live, pod_target
from watcher.checklist.agent_report import Chosen
from watcher.checklist.live.kept.keeper import KEPT_TURNS
from watcher.checklist.reports.json_report import agent_with_findings, pieces_of_agent, turned_json
from watcher.checklist.turned_finding import TurnedFinding
from watcher.web.checklist.api import turned_pieces

OTHER = AgentRef("dev", "other")


def turn(number: int, agent: AgentRef = SEARCH) -> TurnedFinding:
    return TurnedFinding(
        START + number, agent, "predeploy.config.valid", State.PASS, State.FAIL, "Violated", "m" * 200, 1.0
    )


def pieces_of(live: Live, since: float) -> list[str]:
    async def made() -> list[str]:
        return [piece async for piece in turned_pieces(live.view, frozenset({SEARCH}), since)]

    return asyncio.run(made())


def test_thousands_of_turns_are_told_in_small_pieces_and_those_of_other_agents_are_not() -> None:
    live = Live()
    live.keeper.turned.extend([*map(turn, range(KEPT_TURNS - 1)), turn(KEPT_TURNS, OTHER)])
    pieces = pieces_of(live, START + 10)
    assert json.loads(f"[{''.join(pieces)}]") == [turned_json(turn(each)) for each in range(10, KEPT_TURNS - 1)]
    assert max(map(len, pieces)) < 1 << 15


def test_where_nothing_turned_there_is_no_piece() -> None:
    assert pieces_of(Live(), START) == []


def test_an_agent_with_its_findings_is_written_a_finding_a_piece() -> None:
    live = Live()
    live.watch(pod_target())
    live.wait(10)
    report, catalogue = live.view.report_of(SEARCH, Chosen()), live.view.catalogue
    pieces = list(pieces_of_agent(report, catalogue))
    assert len(pieces) == len(catalogue.controls) + 2
    assert json.loads("".join(pieces)) == json.loads(json.dumps(agent_with_findings(report, catalogue)))
