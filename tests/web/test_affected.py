"""What a runbook's page shows of a fleet: the nearest first, little of what is much, and nothing that is old."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes.contract import Verdict
from probes.contract.condition import Status
from tests.engine.toy import FIRE, PAGES, SMOKE, TOY, History, target
from watcher.engine.board import Board
from watcher.engine.debounce import ProbeResult, share
from watcher.web.runbooks.affected import SHOWN_AGENTS, SHOWN_CONDITIONS, SHOWN_TARGETS, AlertSelection, affected, crowd

NOW = 1_790_000_000.0
LONG_AGO = NOW - 100_000
CALM = FIRE.false()
Found = tuple[Verdict, float]
"""A verdict, and since when it holds."""


def _board(fleet: Mapping[str, Sequence[Found]], *, looked: float = NOW) -> Board:
    """Targets `namespace/agent/pod` with what was found of each, at the last look."""
    board = Board([TOY], [PAGES], lambda: NOW)
    board.set_intervals({"agent_metrics": 30.0})
    where = {name: name.split("/") for name in fleet}
    targets = [target(pod, agent, namespace) for namespace, agent, pod in where.values()]
    asyncio.run(board.replace(targets, {}))
    for state, found in zip(board.states.values(), fleet.values(), strict=True):
        verdicts, since = zip(*found, strict=True)
        state.post((ProbeResult(looked, share(verdicts), since, (), (), History()),))
    return board


def test_a_page_shows_so_many_targets_and_conditions_and_says_how_many_there_are() -> None:
    rooms = [(SMOKE.true("It smokes.", "White", f"room-{at}"), NOW) for at in range(30)]
    calm = {f"prod/search/calm-{at:02}": [(SMOKE.false("hall"), NOW)] for at in range(30)}
    board = _board(calm | {"prod/search/smoking": rooms})
    found = asyncio.run(affected(board, AlertSelection(SMOKE, "prod", "search"), board.oldest(NOW), board.conditions))
    assert (len(found.seen), found.total) == (SHOWN_TARGETS, 31)
    assert [key.pod for key in found.true] == ["smoking"]
    assert (len(found.seen[0].own), found.seen[0].left_out) == (SHOWN_CONDITIONS, 10)
    assert [seen.state.target.key.pod for seen in found.seen[:2]] == ["smoking", "calm-00"]


def test_the_agents_with_most_targets_lead_a_crowd() -> None:
    burning = [(FIRE.true("It burns."), NOW)]
    fleet = {f"prod/agent-{at:02}/pod": burning for at in range(60)} | {"prod/big/a": burning, "prod/big/b": burning}
    board = _board(fleet | {"prod/calm/pod": [(CALM, NOW)]})
    found = asyncio.run(
        crowd(board, AlertSelection(None), lambda outcome: outcome[1] is Status.TRUE, board.oldest(NOW))
    )
    assert (found.targets, len(found.agents), len(found.worst)) == (62, 61, SHOWN_AGENTS)
    assert found.worst[:2] == [(("prod", "big"), {"Fire": 2}), (("prod", "agent-00"), {"Fire": 1})]
    assert found.reasons == {"Fire": 62}


def _turns(work: Coroutine[Any, Any, object]) -> int:
    turns = 1
    try:
        while True:
            work.send(None)
            turns += 1
    except StopIteration:
        return turns


def test_a_large_fleet_is_gone_through_in_turns_with_the_looks() -> None:
    board = _board({f"prod/agent-{at}/pod": [(FIRE.true("It burns."), NOW)] for at in range(10_000)})
    oldest = board.oldest(NOW)
    assert _turns(affected(board, AlertSelection(FIRE, "prod"), oldest, board.conditions)) > 1
    assert _turns(crowd(board, AlertSelection(None), lambda _: True, oldest)) > 1


def test_the_workloads_of_all_targets_that_are_meant_are_known() -> None:
    board = _board({"prod/search/a": [(CALM, LONG_AGO)], "prod/search/b": [(CALM, LONG_AGO)]})
    known = {"a": "deployment/search", "b": "statefulset/search"}
    found = [replace(state.target, workload_object=known[state.target.key.pod]) for state in board.states.values()]
    asyncio.run(board.replace(found, {}))
    both, one = (AlertSelection(None, "prod", "search", pod) for pod in ("", "b"))
    oldest = board.oldest(NOW)
    assert asyncio.run(affected(board, both, oldest, board.conditions)).workloads == set(known.values())
    assert asyncio.run(affected(board, one, oldest, board.conditions)).workloads == {"statefulset/search"}
