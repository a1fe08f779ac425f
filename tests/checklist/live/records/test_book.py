"""Which records are valid, whom they concern, and what becomes of those that were seen and are gone."""

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, State
from probes.controls.records import Authority
from tests.checklist.live.records.made import (
    DIAGRAM,
    SEARCH,
    SOURCE,
    UNIT,
    Book,
    attestation,
    read,
    read_text,
    result,
    text_of,
)
from tests.probes.controls.made import DAY, NOW, RUNNING, evidence, judged
from watcher.changes.change import Change
from watcher.checklist.live.records.kept import FILE_NAME, KeptRecords
from watcher.checklist.live.records.seen import MOST_GONE, key_of
from watcher.checklist.live.records.trust import REVIEWED, Trust
from watcher.checklist.record_changes import RecordChanges

LATER, REMOVED = "2027-01-15T07:00:00Z", UnknownReason.RECORD_REMOVED


def finding(book: Book, control: str, now: float = NOW) -> Finding:
    return judged(control, evidence(digests=RUNNING), *book.of(SEARCH), now=now)


def state(book: Book, control: str = UNIT, now: float = NOW) -> tuple[State, str]:
    found = finding(book, control, now)
    return found.state, found.reason


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (attestation(at="2027-01-16T08:30:00Z"), "FutureDated"),
        (attestation(expires_at=None), "NoEnd"),
        (attestation(approved_by=None), "NotSigned"),
        (attestation(approved_by=" ANN@Example.org "), "SelfApproved"),
        (attestation(control="documentation.operational.no-such"), "UnknownControl"),
        (attestation(control="security.transport.mtls-required"), "NotNeeded"),
        (attestation(kind="waiver", control="security.transport.mtls-required"), "NotWaivable"),
        (attestation(expires_at="2029-01-01"), "ValidityTooLong"),
        (attestation(agents=None), "NoSubject"),
        (attestation(scope="fleet", agents=None), "WrongScope"),
        (result(bind=None), "NotBound"),
        (result(counts={"tests": 5}), "CountMissing"),
    ],
)
def test_what_is_wrong_with_a_record_is_listed_and_logged_by_name_and_it_never_counts(
    document: dict[str, object], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    book = Book()
    book.take(document)
    assert {name for names in book.why().values() for name in names} >= {why}
    assert book.of(SEARCH) == []
    assert book.counts()[1]
    [logged] = caplog.records
    assert (logged.message, logged.__dict__["record"]) == ("invalid record", f"{SOURCE}/records.yaml:1")
    assert why in logged.__dict__["why"]
    book.take(document)
    assert len(caplog.records) == 1, "told once"


def test_a_prefix_of_a_name_is_another_agent() -> None:
    book = Book()
    book.take(attestation(agents=["sear"]))
    assert book.of(SEARCH) == []
    assert len(book.of(AgentRef("prod", "sear"))) == 1


def test_a_result_without_a_test_is_no_passed_one() -> None:
    book = Book()
    book.take(result(counts={"tests": 0, "failures": 0, "errors": 0}))
    assert state(book) == (State.FAIL, "Violated")


def test_of_contrary_words_of_one_moment_the_bad_ones_count_wherever_they_stand() -> None:
    for first, second in ((0, 1), (1, 0)):
        book = Book()
        book.take(result(failures=first))
        book.take(result(failures=second), source="file:/etc/records/other.yaml")
        assert state(book)[0] is State.FAIL


def test_a_backdated_pass_clears_no_failed_run() -> None:
    book = Book()
    book.take(result(failures=1))
    book.take(result(failures=1), result(at="2027-01-15T05:59:59Z"))
    assert state(book)[0] is State.FAIL
    book.take(result(at=LATER))
    assert state(book)[0] is State.ATTESTED


def test_a_failure_that_was_deleted_or_edited_stays_until_a_later_run_also_in_the_next_process(tmp_path: Path) -> None:
    book = Book()
    kept = KeptRecords(book.seen, tmp_path, lambda: NOW)
    book.take(result(failures=1))
    book.drop(SOURCE)
    book.settle()
    assert state(book)[0] is State.FAIL
    assert finding(book, UNIT).message == "A failed result was taken away; only a later run clears it."
    book.take(result())
    assert state(book)[0] is State.FAIL, "edited to a pass of the same moment"
    asyncio.run(kept.write())

    anew = Book()
    again = KeptRecords(anew.seen, tmp_path, lambda: NOW + DAY)
    asyncio.run(again.restore())
    assert again.began == NOW
    anew.settle(NOW + DAY)
    assert state(anew, now=NOW + DAY)[0] is State.FAIL
    anew.take(result(at=LATER))
    assert state(anew)[0] is State.ATTESTED
    assert len(anew.gone()) == 0, "a later one replaces what is gone"


def test_an_attestation_that_was_taken_away_is_told_and_an_older_one_does_not_take_its_place(tmp_path: Path) -> None:
    book = Book()
    older = attestation(at="2027-01-10")
    book.take(older, attestation())
    book.take_changed()
    book.take(older)
    assert state(book, DIAGRAM) == (State.UNKNOWN, "RecordRemoved")
    assert book.take_changed() == {SEARCH}
    kept = KeptRecords(book.seen, tmp_path, lambda: NOW)
    asyncio.run(kept.write())
    anew = Book()
    asyncio.run(KeptRecords(anew.seen, tmp_path, lambda: NOW).restore())
    anew.take(older)
    assert state(anew, DIAGRAM) == (State.UNKNOWN, "RecordRemoved")
    anew.take(older, attestation(at=LATER))
    assert state(anew, DIAGRAM)[0] is State.ATTESTED


def test_a_record_that_moves_to_another_line_file_or_list_of_agents_is_not_taken_away() -> None:
    book = Book()
    book.take(attestation())
    book.take(attestation(control="documentation.operational.disaster-recovery-plan", agents=["other"]), attestation())
    assert state(book, DIAGRAM)[0] is State.ATTESTED
    book.take()
    book.take(attestation(), source="file:/etc/records/other.yaml")
    assert state(book, DIAGRAM)[0] is State.ATTESTED
    book.take(attestation(agents=["search", "billing"], statement="both"), source="file:/etc/records/other.yaml")
    assert state(book, DIAGRAM)[0] is State.ATTESTED
    assert [each.agents for each in book.gone() if each.control == DIAGRAM] == [], "edited, and of the same moment"
    book.take(attestation(agents=["billing"]), source="file:/etc/records/other.yaml")
    assert state(book, DIAGRAM) == (State.UNKNOWN, "RecordRemoved")


def test_what_is_kept_of_the_last_process_and_cannot_be_read_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for text in ("", "{}", '{"format": "x", "version": 1, "began": 1}', '{"format": "agentweave-watcher-records"'):
        (tmp_path / FILE_NAME).write_text(text)
        book = Book()
        asyncio.run(KeptRecords(book.seen, tmp_path, lambda: NOW).restore())
        assert list(book.seen.all()) == []
    assert [each.message for each in caplog.records] == ["cannot read file of records that were seen"] * 4


def test_a_source_that_cannot_be_read_leaves_what_it_said_open_and_what_failed_failed() -> None:
    book = Book()
    book.take(attestation(), result(failures=1))
    book.silence("configmap:records/", UnknownReason.FORBIDDEN)
    assert book.settle()
    assert state(book, DIAGRAM) == (State.UNKNOWN, "Forbidden")
    assert state(book)[0] is State.FAIL
    assert book.counts()[0] == {"valid": 0, "invalid": 0, "removed": 0, "unread": 2}
    book.silence("configmap:records/", None)
    book.settle()
    assert state(book, DIAGRAM)[0] is State.ATTESTED


def test_a_source_outside_of_its_authority_says_nothing_and_can_take_nothing_away() -> None:
    book = Book()
    security = Authority("configmap:records/security-*", ("security.*",))
    team = Authority("configmap:records/prod", ("documentation.*", "testing.*"), ("prod",))
    book.adopt(Trust((security, team)))
    book.take(attestation(), attestation(namespace="dev"), source=SOURCE)
    book.take(attestation(agents=["other"]), source="configmap:records/security-1")
    assert list(book.why().values()) == [["OutsideAuthority"], ["OutsideAuthority"]]
    assert [each.verified for each in book.of(SEARCH)] == ["source"]
    book.adopt(Trust((security,)))
    book.settle()
    assert state(book, DIAGRAM) == (State.UNKNOWN, "AttestationMissing"), "the operator took the word from it"


def test_a_record_of_tomorrow_counts_from_tomorrow_and_a_clock_may_be_five_minutes_ahead() -> None:
    book = Book()
    book.take(attestation(at="2027-01-15T08:04:00Z"), result(at="2027-01-16T08:00:00Z"))
    assert (state(book, DIAGRAM)[0], state(book)[0]) == (State.ATTESTED, State.UNKNOWN)
    assert not book.settle(NOW + DAY - 301)
    assert book.settle(NOW + DAY - 300)
    assert state(book, now=NOW + DAY)[0] is State.ATTESTED


def test_a_record_lapses_when_it_ends_and_when_another_image_runs() -> None:
    book = Book()
    book.take(attestation(), result())
    assert state(book, DIAGRAM, now=NOW + 61 * DAY) == (State.EXPIRED, "AttestationExpired")
    other = evidence(digests={Bind.IMAGE_DIGEST: frozenset({"sha256:" + "c" * 64})})
    assert judged(UNIT, other, *book.of(SEARCH)).reason == "DigestChanged"


def test_a_review_of_the_fleet_holds_as_long_as_the_config_says() -> None:
    book = Book()
    book.adopt(Trust(review_every=10 * DAY))
    book.take(attestation(control=REVIEWED, scope="fleet", namespace=None, agents=None))
    [record] = book.of_fleet()
    assert record.expires_at == record.at + 10 * DAY


def test_only_agents_whose_records_are_others_are_judged_anew() -> None:
    book = Book()
    book.take(attestation(), attestation(agents=["billing"]))
    assert book.take_changed() == {SEARCH, AgentRef("prod", "billing")}
    book.take(attestation(statement="anew"), attestation(agents=["billing"]))
    assert book.take_changed() == {SEARCH}
    assert not book.settle()
    book.take(attestation(control=REVIEWED, scope="fleet", namespace=None, agents=None), source="file:/x")
    assert book.take_changed() is None


def test_of_a_place_that_changed_only_what_changed_is_judged_again() -> None:
    book = Book()
    book.adopt(Trust((Authority("configmap:*"),)))
    book.take(attestation(), result())
    before = {each.control: each for each in book.of(SEARCH)}
    changed = read_text(
        text_of(attestation(), result(failures=1)), f"{SOURCE}/records.yaml", before=book.read_of(SOURCE)
    )
    book.put(SOURCE, changed)
    book.settle()
    after = {each.control: each for each in book.of(SEARCH) if each.gone is None}
    assert after[DIAGRAM] is before[DIAGRAM]
    assert after[UNIT] is not before[UNIT]
    assert state(book)[0] is State.FAIL
    assert [each.record for each in book.read_of(SOURCE)] == [after[DIAGRAM], after[UNIT]], "each is kept once"


def test_what_the_operator_believes_is_asked_anew_of_all_whatever_was_judged_before() -> None:
    book = Book()
    review = attestation(control=REVIEWED, scope="fleet", namespace=None, agents=None)
    book.adopt(Trust((Authority("configmap:*"),), review_every=10 * DAY))
    book.take(attestation(), review)
    book.adopt(Trust(review_every=20 * DAY))
    book.settle()
    assert [each.verified for each in book.of(SEARCH)] == ["none", "none"]
    [record] = book.of_fleet()
    assert record.expires_at == record.at + 20 * DAY


def test_a_place_of_very_many_records_costs_no_other_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    book, found = Book(), read(attestation(agents=["other"])) * 10_000
    for number in range(5):
        book.put(f"{SOURCE}-{number}", found)
    book.put("file:/etc/records/small.yaml", read(attestation()))
    book.settle()
    assert len(book.of(SEARCH)) == 1
    assert book.counts()[0] == {"valid": 50_000, "invalid": 1, "removed": 0, "unread": 0}
    assert list(book.why().values()) == [["TooMany"]]
    book.drop(f"{SOURCE}-0")
    book.settle()
    assert book.counts()[0]["invalid"] == 0, "there is room again"


def test_records_of_very_many_agents_count_as_several() -> None:
    book, agents = Book(), [f"agent-{number}" for number in range(5000)]
    [large] = read(attestation(agents=agents))
    book.put(SOURCE, [large] * 120)
    book.settle()
    assert book.counts()[0]["valid"] == 50_000 // 501
    assert list(book.why().values()) == [["TooMany"]]


def test_a_flood_of_records_that_are_taken_away_clears_no_failed_result(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()
    book.take(result(failures=1, at="2027-01-10"))
    [failed] = book.of(SEARCH)
    flood = [
        replace(
            failed,
            at=NOW - MOST_GONE - 2 + number,
            counts={"tests": 5.0, "failures": 0.0, "errors": 0.0},
            agents=(f"a{number}",),
        )
        for number in range(MOST_GONE + 1)
    ]
    book.seen.restore({key_of(each): each for each in flood})
    book.drop(SOURCE)
    book.settle()
    assert state(book)[0] is State.FAIL
    assert book.counts()[0]["removed"] == MOST_GONE
    assert [each.message for each in caplog.records] == ["records that were taken away are forgotten"]


def test_whose_records_only_stand_some_lines_further_down_are_told_a_few_at_a_time() -> None:
    book, agents = Book(), [AgentRef("prod", f"agent-{number}") for number in range(60)]
    others = [attestation(agents=[each.agent]) for each in agents]
    book.take(attestation(), *others)
    book.take_changed()
    book.take(result(), attestation(), *others)
    first, second = book.take_changed(), book.take_changed()
    assert first is not None
    assert second is not None
    assert SEARCH in first
    assert (len(first), len(second), set(first) | set(second)) == (51, 10, {SEARCH, *agents})
    assert book.take_changed() == set()


def test_records_that_come_and_go_are_changes_and_those_that_only_move_or_are_read_first_are_none() -> None:
    book, told = Book(), list[Change]()
    book.on_change.append(RecordChanges(told.extend))
    book.take(attestation())
    assert told == []
    book.tells = True
    waiver = attestation(kind="waiver", control="deployment.resources.cpu-limits", reason="accepted-risk")
    book.take(attestation(), waiver)
    book.take(attestation(), waiver, {"kind": "x"})
    book.adopt(Trust(review_every=DAY))
    book.settle()
    book.drop(SOURCE)
    book.take(waiver, attestation(), source="file:/etc/records/moved.yaml")
    [came] = told
    assert (came.kind, came.namespace, came.agent, came.name) == (
        "record",
        "prod",
        "search",
        "deployment.resources.cpu-limits",
    )
    assert (came.before, came.after, came.at) == ("no record", "waiver", NOW)
    assert came.message == (
        "By ann@example.org, approved by bob@example.org, of 2027-01-15T06:00:00Z, until 2027-03-16T00:00:00Z "
        "(configmap:records/prod/records.yaml:3)."
    )
    told.clear()
    book.take(attestation(agents=["search", "billing"]), source="file:/etc/records/moved.yaml")
    assert [(each.agent, each.before, each.after, each.reason) for each in told] == [
        ("search", "no record", "attestation", ""),
        ("billing", "no record", "attestation", ""),
        ("search", "waiver", "no record", "RecordRemoved"),
        ("search", "attestation", "no record", "RecordRemoved"),
    ]
    told.clear()
    book.take(waiver, source="file:/etc/records/moved.yaml")
    book.take(attestation(agents=["search", "billing"]), waiver, source="file:/etc/records/moved.yaml")
    assert [each.after for each in told] == ["waiver", "no record", "no record", "attestation", "attestation"]


def test_a_flood_of_records_is_one_change_and_two_hundred_more() -> None:
    book, told = Book(), list[Change]()
    book.on_change.append(RecordChanges(told.extend))
    book.tells = True
    book.take(*(attestation(agents=[f"agent-{number}"]) for number in range(201)))
    assert len(told) == 201
    assert told[-1].message == "1 more records came at the same time; /records lists all."
    told.clear()
    book.take(attestation(agents=[f"agent-{number}" for number in range(201, 222)]), source="file:/x")
    [change] = told
    assert (change.agent, change.message.partition(" for ")[2][:9]) == ("", "21 agents")


def test_ten_thousand_records_are_taken_in_turns_and_found_by_agent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    book = Book()
    found = read(*(attestation(agents=[f"agent-{number}"]) for number in range(2000)))
    for part in range(5):
        book.put(f"{SOURCE}-{part}", found)
    book.put(f"{SOURCE}-own", read(attestation()))
    began = time.process_time()
    book.settle()
    assert time.process_time() - began < 3
    assert len(book.of(SEARCH)) == 1
    assert len(book.of(AgentRef("prod", "agent-7"))) == 1
    assert book.counts()[0]["valid"] == 10_001
