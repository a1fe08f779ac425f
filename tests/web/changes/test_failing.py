"""Of what turned to failing, what fails still: as the board and the checklist say now, each once."""

import asyncio
from pathlib import Path

from probes.controls.evidence import AgentRef
from probes.controls.finding import State
from tests.changes.made import NOW, Store, change
from tests.web.checklist.made_checklist import MadeChecklist, finding
from tests.web.fleet.made_fleet import BURNS, CALM, MadeFleet, smoke
from watcher.changes.change import Change, Found, Kind, Selection
from watcher.web.changes.asked import Asked
from watcher.web.changes.failing import SEARCHED, failing_by, find

TLS, UNIT = "security.transport.tls13-enforced", "testing.unit.pass"
STILL = Asked(Selection(failing=True), 100, 0, now=True)


def control(at: float, name: str, after: str = "fail") -> Change:
    return change(at, "", name, kind=Kind.CONTROL.value, before="pass", after=after)


class Past:
    """What turned, and what the board and the checklist say now."""

    def __init__(self, directory: Path, *changes: Change) -> None:
        self.fleet = MadeFleet(
            directory, {"prod/search/a": [BURNS, smoke("hall")], "prod/search/b": [CALM, smoke("attic")]}
        )
        controls = [finding(TLS, State.FAIL), finding(UNIT, State.PASS)]
        self.checklist: MadeChecklist | None = MadeChecklist({AgentRef("prod", "search"): controls})
        self.changes = changes

    def find(self, asked: Asked = STILL) -> Found:
        async def found() -> Found:
            store = Store()
            await store.add(self.changes)
            return await find(store, asked, failing_by(self.fleet.engine.board, self.checklist))

        return asyncio.run(found())


def test_what_passes_again_or_is_gone_is_left_out_and_what_failed_twice_is_there_once(tmp_path: Path) -> None:
    twice = change(NOW - 9, "a"), change(NOW - 1, "a")
    hall = change(NOW - 5, "a", "Smoke", subject="hall")
    past = Past(
        tmp_path,
        *twice,
        hall,
        change(NOW - 4, "a", "Smoke", subject="attic"),
        change(NOW - 3, "b"),
        change(NOW - 2, "gone"),
        change(NOW, "a", before="true", after="false"),
    )
    assert past.find() == Found(2, [twice[1], hall], [])
    assert past.find(STILL._replace(limit=1, offset=1)) == Found(2, [hall], [])
    assert past.find(Asked(Selection(failing=True), 100, 0)).total == 6, "all that turned to failing"
    assert past.find(Asked(Selection(), 100, 0)).total == 7


def test_a_control_that_fails_still_is_told_from_one_that_is_met_by_now(tmp_path: Path) -> None:
    tls, unit = control(NOW - 2, TLS), control(NOW - 1, UNIT, "expired")
    past = Past(tmp_path, tls, unit)
    assert past.find().changes == [tls]
    past.checklist = None
    assert past.find().changes == [], "nothing is judged any more"


def test_where_more_turned_than_is_searched_it_is_said(tmp_path: Path) -> None:
    many = [change(NOW - place / 1000, "a") for place in range(SEARCHED + 1)]
    assert Past(tmp_path, *many).find() == Found(
        1, [many[0]], [], "only the newest 5,000 of 5,001 changes were searched"
    )
