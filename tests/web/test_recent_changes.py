"""What else changed shortly before an alert: the nearest first, little of what is much, and what is over by now."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from probes.contract import Verdict
from tests.changes.made import NOW, Store, change
from tests.engine.toy import FIRE, PAGES, SMOKE, TOY, History, target
from watcher.changes.change import Change
from watcher.engine.board import Board
from watcher.engine.debounce import ProbeResult, share
from watcher.web.runbooks.recent_changes import SHOWN_CHANGES, RecentChanges, recent_changes

LONG_AGO = NOW - 100_000
CALM = FIRE.false()
Found = tuple[Verdict, float]


def _board(fleet: Mapping[str, Sequence[Found]]) -> Board:
    """Targets `namespace/agent/pod` with what was found of each, at the last look."""
    board = Board([TOY], [PAGES], lambda: NOW)
    board.set_intervals({"agent_metrics": 30.0})
    where = {name: name.split("/") for name in fleet}
    targets = [target(pod, agent, namespace) for namespace, agent, pod in where.values()]
    asyncio.run(board.replace(targets, {}))
    for state, found in zip(board.states.values(), fleet.values(), strict=True):
        verdicts, since = zip(*found, strict=True)
        state.post((ProbeResult(NOW, share(verdicts), since, (), (), History()),))
    return board


def _recent(
    changes: Sequence[Change],
    fleet: Mapping[str, Sequence[Found]] | None = None,
    *,
    is_reported: Callable[[Change], bool] = lambda _: False,
) -> RecentChanges:
    store, board = Store(), _board(fleet or {})

    async def main() -> RecentChanges:
        store.now = LONG_AGO
        await store.beat()
        await store.add(changes)
        return await recent_changes(store, board, {("prod", "search")}, NOW, is_reported)

    return asyncio.run(main())


def _told(found: RecentChanges) -> list[tuple[str, str]]:
    return [(each.change.pod, each.change.after) for some in (found.agent, found.namespace) for each in some.first]


def test_only_what_changed_in_the_ten_minutes_before_is_told() -> None:
    moments = {"early": NOW - 601, "first": NOW - 600, "last": NOW, "late": NOW + 1}
    found = _recent([change(at, name) for name, at in moments.items()])
    assert _told(found) == [("last", "true"), ("first", "true")]
    assert (found.known_since, found.trouble) == (LONG_AGO, "")


def test_trouble_leads_then_what_is_unknown_and_what_learns_is_no_news() -> None:
    some = [
        change(NOW - 10, "well", before="true", after="false", reason=""),
        change(NOW - 20, "unsure", after="unknown", reason="Malformed"),
        change(NOW - 30, "burning"),
        change(NOW - 10, "young", after="unknown", reason="WarmingUp"),
        change(NOW - 10, "explained", after="unknown", reason="SourceFailed"),
    ]
    assert _told(_recent(some)) == [("burning", "true"), ("unsure", "unknown"), ("well", "false")]


def test_what_is_over_by_now_says_so() -> None:
    burns = [(FIRE.true("It burns."), NOW - 100)]
    some = [change(NOW - 100, "still"), change(NOW - 300, "over"), change(NOW - 400, "gone")]
    found = _recent(some, {"prod/search/still": burns, "prod/search/over": [(CALM, NOW - 200)]})
    assert {each.change.pod: each.is_over for each in found.agent.first} == {"still": False, "over": True, "gone": True}


def test_the_same_agent_comes_first_and_other_namespaces_are_counted_by_target() -> None:
    places = [("lab", "search"), ("lab", "other"), ("prod", "other"), ("prod", "search")]
    some = [change(NOW - 5, agent, namespace=namespace, agent=agent) for namespace, agent in places]
    found = _recent([*some, *(each._replace(at=NOW - 4) for each in some)])
    assert {each.change.agent for each in found.agent.first} == {"search"}
    assert {(each.change.namespace, each.change.agent) for each in found.namespace.first} == {("prod", "other")}
    assert found.elsewhere == {("Fire", "true"): 2}


def test_what_the_page_tells_already_is_left_out() -> None:
    some = [change(NOW - 5, "a"), change(NOW - 5, "b")]
    assert _told(_recent(some, is_reported=lambda each: each.pod == "a")) == [("b", "true")]


def test_many_changes_are_counted_and_the_most_telling_shown() -> None:
    calm = [change(NOW - at, f"calm-{at}", before="true", after="false", reason="") for at in range(50)]
    found = _recent([*calm, change(NOW - 300, "burning")]).agent
    assert (found.total, len(found.first)) == (51, SHOWN_CHANGES)
    assert [each.change.pod for each in found.first[:3]] == ["burning", "calm-0", "calm-1"]


def test_targets_that_were_first_seen_in_this_time_are_counted() -> None:
    young, old = [(CALM, NOW - 50), (SMOKE.false("hall"), NOW - 20)], [(CALM, LONG_AGO), (SMOKE.false("hall"), NOW)]
    found = _recent([], {"prod/search/a": young, "prod/search/b": old, "prod/other/c": young, "lab/other/d": young})
    assert (found.new, found.new_elsewhere) == (1, 2)


def test_before_the_watcher_knew_anything_it_says_so() -> None:
    found = asyncio.run(recent_changes(Store(), _board({}), {("prod", "search")}, NOW, lambda _: False))
    assert (found.known_since, _told(found)) == (None, [])
