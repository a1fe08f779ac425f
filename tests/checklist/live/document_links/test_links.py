"""A link that is dead for a week by three looks refutes a record, also over a restart; one good look ends that."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from probes.contract import Target, TargetKey
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentRef, DeadLink, DocumentLinks, EvidenceSet, Missing, Seen
from probes.controls.finding import Finding
from probes.controls.judging import Facts, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from tests.checklist.live.document_links.test_trying import Names
from tests.checklist.live.outside.test_rounds import Steady
from tests.probes.controls.made import AGENT, CATALOGUE, DAY, NOW, record
from tests.servers.answering import Answering, run_answering
from watcher.checklist.live.document_links.evidence import LinkEvidence
from watcher.checklist.live.document_links.known import FILE_NAME
from watcher.checklist.live.prometheus.runbooks import Runbook
from watcher.config.witnesses.document_links import DocumentLinksSettings
from watcher.engine.board import TargetState
from watcher.engine.restored import NOTHING_RESTORED
from watcher.runtime.clock import Clock

RUNBOOKS = "documentation.operational.runbooks-created"
GUIDE, DIAGRAM = "documentation.operational.troubleshooting-guide", "documentation.operational.architecture-diagram"


class Linked:
    """The evidence of an agent with a record that links to a server of the test."""

    def __init__(self, server: Answering, state_dir: Path | None = None, *, check: bool = True) -> None:
        self.steady, self.url = Steady(), f"{server.url}/guide"
        self.runbooks: Sequence[Runbook] | None = ()
        key = TargetKey(*AGENT, "search-0")
        states = {key: TargetState(Target(key=key), (), NOTHING_RESTORED, None)}
        settings = DocumentLinksSettings(check=check, allow_hosts=(f"127.0.0.1:{server.port}",))
        records = [record(GUIDE, evidence_url=self.url), record(DIAGRAM, evidence_url="https://elsewhere.org/")]
        clock = Clock(lambda: NOW + self.steady.now, self.steady)
        self.evidence = LinkEvidence(
            settings, lambda _: records, self.alerts, lambda: states, Names(), clock, state_dir
        )

    def alerts(self, _: AgentRef, pods: Sequence[str]) -> Sequence[Runbook] | None:
        assert pods == ["search-0"]
        return self.runbooks

    def look(self, after: float = 0.0) -> None:
        self.steady.now += after
        asyncio.run(self.evidence.tick())

    def found(self) -> Any:
        return self.evidence.evidence_of(AGENT, ()).sources[SourceName.DOCUMENT_LINK]

    def finding(self, control: str = GUIDE, previous: Finding | None = None) -> Finding:
        found = EvidenceSet(AGENT, {SourceName.DOCUMENT_LINK: self.found()})
        facts = Facts(now=NOW + self.steady.now, sdk=load_sdk_facts())
        given = [record(control, evidence_url=self.url, expires_at=NOW + 60 * DAY)]
        return judge_control(CATALOGUE.by_id[control], found, facts, load_judges(), given, previous)


def test_a_link_that_is_dead_for_a_week_refutes_the_record_and_one_good_look_ends_that() -> None:
    with run_answering(lambda _: (404, b"")) as server:
        linked = Linked(server)
        for _ in range(7):
            linked.look(DAY)
            assert linked.finding().state == "attested"
        linked.look(DAY)
        found = linked.finding()
        assert (found.state, found.reason) == ("fail", "Refuted")
        assert found.message == "The document that a record links to has not been there for 7 days: it answers 404."
        assert found.evidence[0].ref == linked.url
        assert linked.finding(DIAGRAM).state == "attested"
        assert linked.evidence.take_changed() == {AGENT}
        server.answer = lambda _: (200, b"back")
        linked.look(DAY)
        assert linked.finding().state == "attested"
        assert len(server.asked) == 9


@pytest.mark.parametrize(("days", "looks", "state"), [(7, 3, "fail"), (6.999, 3, "attested"), (7, 2, "attested")])
def test_a_week_and_three_looks_are_needed_to_the_second(days: float, looks: int, state: str) -> None:
    dead = DeadLink("https://wiki.example.org/", NOW - days * DAY, looks, "it answers 404")
    found = EvidenceSet(AGENT, {SourceName.DOCUMENT_LINK: Seen(DocumentLinks(1, {GUIDE: (dead,)}), NOW, "links")})
    facts = Facts(now=NOW, sdk=load_sdk_facts())
    assert judge_control(CATALOGUE.by_id[GUIDE], found, facts, load_judges(), [record(GUIDE)]).state == state


def test_two_looks_are_not_enough_and_silence_is_no_look() -> None:
    with run_answering(lambda _: (410, b"")) as server:
        linked = Linked(server)
        linked.look()
    linked.look(4 * DAY)  # it is away
    assert linked.found().value.dead[GUIDE][0].looks == 1
    assert linked.finding().state == "attested"
    assert isinstance(linked.evidence.known.next_due(NOW + linked.steady.now + 3600), str)


def test_what_is_known_survives_a_restart(tmp_path: Path) -> None:
    with run_answering(lambda _: (404, b"")) as server:
        before = Linked(server, tmp_path)
        for _ in range(3):
            before.look(DAY)
        asyncio.run(before.evidence.known.write())
        after = Linked(server, tmp_path)
        after.steady.now = before.steady.now + 6 * DAY
        asyncio.run(after.evidence.known.restore())
        after.look()
        assert after.found().value.dead[GUIDE][0].looks == 4
        assert after.finding().state == "fail"


@pytest.mark.parametrize("text", ["", "{", '{"links": [{"url": 5}]}', "[" * 100_000])
def test_a_file_that_is_none_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with run_answering(lambda _: (404, b"")) as server:
        linked = Linked(server, tmp_path)
        asyncio.run(linked.evidence.known.restore())
        linked.look()
        assert linked.found().value.tried == 1


def test_nothing_is_tried_where_it_is_off_or_no_record_links_to_a_listed_host() -> None:
    with run_answering(lambda _: (404, b"")) as server:
        off = Linked(server, check=False)
        off.look()
        assert off.found().reason == "NotEnabled"
        on = Linked(server)
        missing = on.evidence.evidence_of(AgentRef("prod", "another"), ()).sources[SourceName.DOCUMENT_LINK]
        assert isinstance(missing, Missing)
        assert missing.reason == "SourceMissing"
    assert server.asked == []


def test_a_dead_runbook_that_an_alert_names_refutes_and_alerts_that_are_not_known_yet_clear_nothing() -> None:
    with run_answering(lambda asked: (404 if asked.path == "/runbook" else 200, b"")) as server:
        linked = Linked(server)
        runbook = Runbook(RUNBOOKS, f"{server.url}/runbook", "the alert Slow")
        elsewhere = Runbook(RUNBOOKS, "http://169.254.169.254/latest", "the alert Slow")
        linked.runbooks = (runbook, elsewhere)
        for _ in range(17):
            linked.look(DAY / 2)
        found = linked.finding(RUNBOOKS)
        assert (found.state, found.reason) == ("fail", "Refuted")
        assert (
            found.message == "The document that the alert Slow links to has not been there for 8 days: it answers 404."
        )
        assert found.evidence[0].ref == runbook.url
        assert {each.path for each in server.asked} == {"/guide", "/runbook"}
        linked.runbooks = None
        linked.look(DAY)
        assert linked.finding(RUNBOOKS, found).state == "fail"
        assert linked.finding(RUNBOOKS).state == "attested"
        assert linked.finding(GUIDE).state == "attested"
        linked.runbooks = ()
        linked.look(DAY)
        assert linked.finding(RUNBOOKS, found).state == "attested"
