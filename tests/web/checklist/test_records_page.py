"""What the page of records and its API say: in force, invalid and why, taken away; and when records end, as metrics."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.applications import Starlette

from tests.checklist.live.judged import START, Live, Told, pod_target
from tests.checklist.live.records.made import DIAGRAM, SEARCH, SOURCE, Book, attestation, read, result
from tests.servers.daemon import PREFIX, Page
from watcher.checklist.live.view import ChecklistView
from watcher.web.checklist.exposition import agent_families
from watcher.web.checklist.records import RecordLine, Standing, as_json, record_lines, records_page

PLAN = "documentation.operational.disaster-recovery-plan"
ANY = {"namespace": "", "agent": "", "control": "", "kind": "", "state": ""}


class Recorded:
    """A live checklist of prod/search with these records."""

    def __init__(self, *documents: Mapping[str, Any]) -> None:
        self.book = Book()
        self.book.take(*documents)
        self.told = Told()
        self.told.down = {"records": ""}
        self.live = Live(providers=[self.told], records=self.book.of)
        self.live.watch(pod_target())
        self.live.wait(2)
        self.view = ChecklistView(self.live.checklist, self.live.keeper, "", self.book)

    def page(self, path: str = "/records") -> httpx.Response:
        async def asked() -> httpx.Response:
            app = Starlette(routes=[records_page(self.view, lambda: START)])
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://watcher") as client:
                return await client.get(path)

        return asyncio.run(asked())

    def lines(self, **wanted: str) -> list[RecordLine]:
        return asyncio.run(record_lines(self.view, {**ANY, **wanted}))


def test_each_record_stands_where_it_belongs_with_why_and_until_when() -> None:
    recorded = Recorded(
        attestation(),
        attestation(approved_by="Ann@example.org", agents=["<b>"]),
        result(),
        attestation(control=PLAN, at="2026-11-01", expires_at="2027-01-01"),
        {"kind": "<script>"},
    )
    recorded.book.take(*[attestation(agents=["old"])], source="file:/gone.yaml")
    recorded.book.drop("file:/gone.yaml")
    recorded.book.settle()
    standing = [(each.standing, each.control) for each in recorded.lines()]
    assert standing == [
        (Standing.HOLDS, DIAGRAM),
        (Standing.INVALID, ""),
        (Standing.UNUSED, "testing.unit.pass"),
        (Standing.ENDED, PLAN),
        (Standing.INVALID, ""),
        (Standing.REMOVED, DIAGRAM),
    ]
    page = recorded.page().text
    assert "<script>" not in page
    for words in (
        "Invalid: these do not count",
        "In force, the next to expire first",
        "Removed: these were seen",
        "<b>Malformed</b>: agents[0]: expected to match pattern",
        "2027-03-16T00:00:00Z",
        "of 1 agent",
        "Nobody checked who wrote it.",
    ):
        assert words in page, words


def test_what_is_wrong_is_told_by_name_beside_who_wrote_it() -> None:
    recorded = Recorded(attestation(approved_by="Ann@example.org"))
    assert "<b>SelfApproved</b>: the one who wrote it approved it" in recorded.page().text
    [line] = recorded.lines()
    told = as_json(line)
    assert (told["id"], told["state"], told["by"]) == (f"{SOURCE}/records.yaml:1", "invalid", "ann@example.org")
    assert told["problems"] == [{"name": "SelfApproved", "message": "the one who wrote it approved it"}]


def test_an_auditor_is_told_by_what_to_find_each_record() -> None:
    recorded = Recorded()
    origin = {"uid": "1f0", "resource_version": "42"}
    recorded.book.put(SOURCE, read(attestation(), {"kind": "x"}), origin)
    recorded.book.settle()
    assert [as_json(each)["origin"] for each in recorded.lines()] == [origin, origin]


def test_records_are_found_by_agent_control_kind_and_state() -> None:
    recorded = Recorded(attestation(), attestation(agents=["billing"]), result(), {"kind": "x"})
    assert [each.control for each in recorded.lines(agent="search")] == [DIAGRAM, "testing.unit.pass"]
    assert [each.control for each in recorded.lines(kind="pipeline")] == ["testing.unit.pass"]
    assert [each.whom for each in recorded.lines(state="holds")] == ["prod: search"]
    assert [each.standing for each in recorded.lines(state="invalid")] == [Standing.INVALID]
    assert recorded.lines(namespace="dev") == []
    assert "No record matches." in recorded.page("/records?namespace=dev").text


def test_a_page_of_ten_thousand_records_is_short_and_says_how_many_there_are() -> None:
    recorded = Recorded(*[attestation(agents=[f"agent-{number}"]) for number in range(1000)])
    page = recorded.page().text
    assert len(page) < 200_000
    assert "The first 100 of 1000 are shown." in page


def test_the_page_says_that_records_cannot_be_read_and_that_none_are_wanted() -> None:
    recorded = Recorded()
    recorded.told.down = {"records": "Forbidden"}
    recorded.live.wait(1)
    assert "Not all records can be read: Forbidden." in recorded.page().text
    recorded.told.down = {}
    recorded.live.wait(1)
    assert "names neither files nor ConfigMaps" in recorded.page().text


def test_when_a_record_in_force_ends_is_a_series_and_another_one_in_its_last_fifth() -> None:
    recorded = Recorded(attestation(), attestation(control=PLAN, expires_at="2027-01-15T09:00:00Z"), result())
    text = ""
    for families, texts in agent_families(recorded.view):
        [metric] = families
        text += f"# TYPE {PREFIX}{metric.name} {metric.kind}\n" + "".join("".join(piece) for piece in texts)
    page = Page(text)
    who = {"namespace": SEARCH.namespace, "agent": SEARCH.agent, "kind": "attestation"}
    assert page.value("record_expiry_timestamp_seconds", control=DIAGRAM, **who) == 1_805_155_200.0
    assert {dict(each)["control"] for each in page.all("record_expiry_timestamp_seconds")} == {DIAGRAM, PLAN}
    expiring = page.all("record_expiring_timestamp_seconds")
    assert expiring == {}, "two of three hours are left"
    recorded.live.uptime += 2000
    soon = "".join("".join(piece) for families, texts in agent_families(recorded.view) for piece in texts)
    assert f'record_expiring_timestamp_seconds{{namespace="prod",agent="search",control="{PLAN}"' in soon
