"""What a runbook's page shows of a fleet: the nearest first, little of what is much, and nothing that is old."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes.contract import Unknown, Verdict
from probes.contract.condition import Status
from tests.engine.toy import FIRE, PAGES, SMOKE, TOY, History, target
from watcher.engine.board import Board
from watcher.engine.debounce import ProbeResult, share
from watcher.web.affected import SHOWN_AGENTS, SHOWN_CONDITIONS, SHOWN_TARGETS, AlertSelection, affected, crowd
from watcher.web.recent_changes import SHOWN_CHANGES, RecentChanges, recent_changes

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


def _changes(board: Board, *, end: float = NOW) -> RecentChanges:
    return asyncio.run(recent_changes(board, {("prod", "search")}, end, board.oldest(NOW), lambda _: False))


def _told(found: RecentChanges) -> list[tuple[str, str]]:
    return [
        (change.key.pod, change.condition.verdict.status)
        for some in (found.agent, found.namespace)
        for change in some.first
    ]


def test_only_what_changed_in_the_ten_minutes_before_is_told() -> None:
    smoke = SMOKE.true("It smokes.", "White", "hall")
    moments = {"early": NOW - 601, "first": NOW - 600, "last": NOW, "late": NOW + 1}
    fleet = {f"prod/search/{name}": [(CALM, LONG_AGO), (smoke, at)] for name, at in moments.items()}
    assert _told(_changes(_board(fleet))) == [("last", "true"), ("first", "true")]


def test_a_recovery_is_a_change_and_a_watch_that_is_too_short_is_none() -> None:
    fleet = {
        "prod/search/well": [(FIRE.true("It burns."), LONG_AGO), (SMOKE.false("hall"), NOW - 10)],
        "prod/search/unsure": [(CALM, LONG_AGO), (SMOKE.unknown(Unknown.MALFORMED), NOW - 20)],
        "prod/search/young": [(CALM, LONG_AGO), (SMOKE.unknown(Unknown.WARMING_UP), NOW - 10)],
    }
    assert _told(_changes(_board(fleet))) == [("unsure", "unknown"), ("well", "false")]


def test_of_a_target_that_is_new_only_its_trouble_is_told() -> None:
    fleet = {
        "prod/search/a": [(CALM, NOW - 50), (SMOKE.unknown(Unknown.MALFORMED), NOW - 20)],
        "prod/search/b": [(FIRE.true("It burns."), NOW - 50)],
        "prod/other/c": [(CALM, NOW - 50)],
        "lab/other/d": [(CALM, NOW - 50)],
    }
    found = _changes(_board(fleet))
    assert _told(found) == [("b", "true")]
    assert (found.new, found.new_elsewhere) == (2, 2)


def test_the_same_agent_comes_first_and_other_namespaces_are_counted() -> None:
    burning = [(FIRE.true("It burns."), NOW - 5), (SMOKE.false("hall"), LONG_AGO)]
    fleet = {
        f"{name}/pod-{at}": burning for at, name in enumerate(("lab/search", "lab/other", "prod/other", "prod/search"))
    }
    found = _changes(_board(fleet))
    assert [change.key[:2] for change in found.agent.first] == [("prod", "search")]
    assert [change.key[:2] for change in found.namespace.first] == [("prod", "other")]
    assert found.elsewhere == {("Fire", Status.TRUE): 2}


def test_many_changes_are_counted_and_the_most_telling_shown() -> None:
    calm = {f"prod/search/calm-{at}": [(CALM, NOW - at), (SMOKE.false("x"), LONG_AGO)] for at in range(50)}
    burning = {"prod/search/burning": [(FIRE.true("It burns."), NOW - 300), (SMOKE.false("x"), LONG_AGO)]}
    found = _changes(_board(calm | burning)).agent
    assert found.total == 51
    assert len(found.first) == SHOWN_CHANGES
    assert [change.key.pod for change in found.first[:3]] == ["burning", "calm-0", "calm-1"]


def test_what_went_stale_changed_when_it_did() -> None:
    fleet = {"prod/search/pod": [(FIRE.true("It burns."), LONG_AGO)]}
    told = _changes(_board(fleet, looked=NOW - 100)).agent.first
    assert [(change.condition.verdict.reason, change.condition.since) for change in told] == [("Stale", NOW - 10)]
    assert _told(_changes(_board(fleet, looked=NOW - 5000))) == []


def test_a_page_shows_so_many_targets_and_conditions_and_says_how_many_there_are() -> None:
    rooms = [(SMOKE.true("It smokes.", "White", f"room-{at}"), NOW) for at in range(30)]
    calm = {f"prod/search/calm-{at:02}": [(SMOKE.false("hall"), NOW)] for at in range(30)}
    board = _board(calm | {"prod/search/smoking": rooms})
    found = asyncio.run(affected(board, AlertSelection(SMOKE, "prod", "search"), board.oldest(NOW)))
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
    assert _turns(affected(board, AlertSelection(FIRE, "prod"), oldest)) > 1
    assert _turns(crowd(board, AlertSelection(None), lambda _: True, oldest)) > 1
    assert _turns(recent_changes(board, {("prod", "agent-1")}, NOW, oldest, lambda _: False)) > 1


def test_the_workloads_of_all_targets_that_are_meant_are_known() -> None:
    board = _board({"prod/search/a": [(CALM, LONG_AGO)], "prod/search/b": [(CALM, LONG_AGO)]})
    known = {"a": "deployment/search", "b": "statefulset/search"}
    found = [replace(state.target, workload_object=known[state.target.key.pod]) for state in board.states.values()]
    asyncio.run(board.replace(found, {}))
    both, one = (AlertSelection(None, "prod", "search", pod) for pod in ("", "b"))
    oldest = board.oldest(NOW)
    assert asyncio.run(affected(board, both, oldest)).workloads == set(known.values())
    assert asyncio.run(affected(board, one, oldest)).workloads == {"statefulset/search"}
