"""When there is an Event, what it is called and what it says; which one is next."""

import re
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from probes.contract import ConditionKind, Unknown, Verdict
from probes.contract.condition import Status
from tests.engine.toy import FIRE, SMOKE
from watcher.engine.debounce import ProbeResult, debounce
from watcher.events.event import (
    MAX_NOTE,
    ConditionSubject,
    Event,
    condition_subject,
    event_of,
    name_of,
    new_object,
    note,
    series,
    transitions,
    vanished,
)
from watcher.events.queue import Bucket, EventQueue, Holds
from watcher.kube.pod_ref import PodRef
from watcher.text.timestamps import micro_time

POD = PodRef("prod", "search-0", "2e6b5f0e-0000-4000-8000-000000000000")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
ROOMS = ("", "kitchen", "cellar")
NAMES = st.from_regex(SUBDOMAIN, fullmatch=True).filter(lambda name: len(name) <= 253)


def event(pod: PodRef = POD, condition: str = "Smoke", subject: str = "", *, resolved: bool = False) -> Event:
    return Event(
        pod=pod,
        place=ConditionSubject(condition, subject),
        resolved=resolved,
        note="It smokes.",
        since=1.0,
        observed=2.0,
    )


@given(NAMES | st.integers(1, 253).map(lambda length: "a" * length), st.text(), st.booleans())
@example("a" * 219 + ".b" * 17, "", True)
@example("a" * 218 + "-" * 30 + "b", "", False)
def test_a_name_is_a_dns_subdomain_whatever_the_pod_and_subject(pod: str, subject: str, resolved: bool) -> None:
    name = name_of(event(PodRef("prod", pod, "u1"), subject=subject, resolved=resolved))
    assert SUBDOMAIN.fullmatch(name)
    assert len(name) <= 253
    assert name.startswith(pod[:190])


def test_names_are_the_same_for_the_same_and_differ_in_all_that_matters() -> None:
    assert (
        name_of(event())
        == name_of(replace(event(), note="else", since=7.0))
        == f"search-0.smoke.{name_of(event())[-16:]}"
    )
    others = [
        event(resolved=True),
        event(subject="kitchen"),
        event(condition="Fire"),
        event(POD._replace(uid="u2")),
        event(POD._replace(name="search-1")),
    ]
    assert len({name_of(each) for each in (event(), *others)}) == 6


@given(st.text() | st.text("ä\n\"'\x00\u202e😀x", min_size=400, max_size=3000))
@example("€" * 342)
@example("a" + "😀" * 300)
def test_a_note_is_one_printable_line_of_at_most_1024_bytes(text: str) -> None:
    said = note(text)
    assert said.isprintable()
    assert len(said.encode()) <= MAX_NOTE
    if text.isprintable() and len(text.encode()) <= MAX_NOTE:
        assert said == text


def test_times_have_microseconds_also_where_there_are_none() -> None:
    assert micro_time(1_795_424_400.0) == "2026-11-23T09:00:00.000000Z"
    assert series(1, 1_795_424_400.5)["series"] == {"count": 2, "lastObservedTime": "2026-11-23T09:00:00.500000Z"}


def test_an_event_belongs_to_its_pod_and_says_who_tells_it() -> None:
    made = new_object(event(), "w" * 200)
    assert made["regarding"] | {"uid": ""} == {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "prod",
        "name": "search-0",
        "uid": "",
    }
    assert (made["metadata"]["namespace"], made["type"], made["reason"]) == ("prod", "Warning", "Smoke")
    assert len(made["reportingInstance"]) == 128
    assert new_object(event(resolved=True), "w")["type"] == "Normal"


def _verdict(kind: ConditionKind, subject: str, status: Status) -> Verdict:
    if status is Status.TRUE:
        return kind.true("It smokes.", kind.reasons[0] if kind.reasons else "", subject)
    return kind.false(subject) if status is Status.FALSE else kind.unknown(Unknown.STALE, subject=subject)


class Story:
    """Looks one after the other, and what was told of them."""

    def __init__(self) -> None:
        self.told: dict[ConditionSubject, float] = {}
        self.result = ProbeResult(0.0, debounce((), {}, 1, 0.0).verdicts, (), (), (), None)

    def look(self, at: float, *verdicts: Verdict) -> Iterator[Event]:
        settled = debounce(verdicts, self.result, 1, at)
        self.result = ProbeResult(at, *settled, (), None)
        for turned in list(transitions(self.told, (self.result, None))):
            if turned.verdict.status is Status.TRUE:
                self.told[condition_subject(turned.verdict)] = turned.began
            else:
                del self.told[condition_subject(turned.verdict)]
            yield event_of(POD, turned, at)
        for place in vanished(self.told, (self.result, None)):
            del self.told[place]


@given(st.lists(st.tuples(*(st.sampled_from(list(Status)) for _ in ROOMS)), max_size=20))
def test_each_turn_is_told_once_and_unknown_neither_begins_nor_ends_anything(looks: list[tuple[Status, ...]]) -> None:
    story = Story()
    trouble = dict.fromkeys(ROOMS, 0)  # since when, 0: there is none
    for at, statuses in enumerate(looks, start=1):
        rooms = zip(ROOMS, statuses, strict=True)
        found = {each.place.subject: each for each in story.look(at, *(_verdict(SMOKE, *each) for each in rooms))}
        for room, status in zip(ROOMS, statuses, strict=True):
            turned = status is not Status.UNKNOWN and (status is Status.TRUE) != bool(trouble[room])
            assert (room in found) == turned
            if turned:
                assert found[room].resolved == (status is Status.FALSE)
                assert found[room].since == at
            if turned and found[room].resolved:
                assert found[room].note.startswith(f"Resolved after {at - trouble[room]}s. ")
            trouble[room] = at if turned and status is Status.TRUE else 0 if turned else trouble[room]


def test_a_subject_that_is_no_longer_named_is_forgotten_unless_all_is_unknown() -> None:
    story = Story()
    [begun] = story.look(1.0, SMOKE.true("Thick.", "Black", "kitchen"))
    assert (begun.resolved, begun.note, begun.place) == (False, "Thick.", ConditionSubject("Smoke", "kitchen"))
    assert list(story.look(2.0, SMOKE.unknown(Unknown.SOURCE_FAILED))) == []
    [end] = story.look(3.0, SMOKE.false("kitchen"))
    assert end.note == "Resolved after 2s. kitchen: No smoke."
    assert [each.resolved for each in story.look(4.0, SMOKE.true("Thick.", "Black", "kitchen"))] == [False]
    assert list(story.look(5.0, SMOKE.false("cellar"))) == []
    assert list(story.look(6.0, SMOKE.false("kitchen"))) == []


def test_a_message_that_is_made_late_or_missing_is_a_note_too() -> None:
    story = Story()
    [late, without] = story.look(1.0, SMOKE.true(lambda: "Made late.", "White"), FIRE.true(""))
    assert (late.note, without.note) == ("Made late.", "It burns.")


def _free(_: str) -> bool:
    return False


def test_of_one_matter_only_the_newest_waits() -> None:
    queue = EventQueue()
    assert queue.put(event())
    assert queue.put(event(resolved=True))
    assert queue.put_back(event())  # it could not be written, and is no news any more
    assert len(queue) == 1
    taken = queue.take(_free)
    assert taken is not None
    assert taken.resolved
    assert (queue.take(_free), len(queue)) == (None, 0)


def test_pods_take_turns_and_one_cannot_take_all_the_room() -> None:
    queue = EventQueue(most=8, most_of_pod=5)
    kept = [queue.put(event(subject=f"room-{number}")) for number in range(7)]
    assert kept == [True] * 5 + [False] * 2
    other = POD._replace(name="search-1", uid="u2")
    assert queue.put(event(other))
    assert queue.put(event(subject="room-0"))  # it waits already
    order = [taken.pod.name for _ in range(3) if (taken := queue.take(_free))]
    assert order == ["search-0", "search-1", "search-0"]


def test_the_queue_is_bounded_and_keeps_what_came_first() -> None:
    queue = EventQueue(most=3)
    pods = [POD._replace(name=f"pod-{number}", uid=f"u{number}") for number in range(5)]
    assert [queue.put(event(pod)) for pod in pods] == [True] * 3 + [False] * 2
    assert len(queue) == 3


def test_what_is_held_waits_and_lets_others_pass() -> None:
    queue = EventQueue()
    queue.put(event())
    queue.put(event(PodRef("staging", "search-0", "u2")))
    taken = queue.take(lambda namespace: namespace == "prod")
    assert taken is not None
    assert taken.pod.namespace == "staging"
    assert queue.take(lambda namespace: namespace == "prod") is None
    assert len(queue) == 1


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200))
@example([60.0] + [0.0] * 60)
def test_no_more_than_the_burst_and_the_rate_are_let_through(pauses: list[float]) -> None:
    now = 0.0
    bucket = Bucket(lambda: now, rate=5, burst=25)
    let_through = []
    for pause in pauses:
        now += pause
        now += bucket.take()
        let_through.append(now)
    for first in range(len(let_through)):
        for last in range(first, len(let_through)):
            assert last - first + 1 <= 25 + 5 * (let_through[last] - let_through[first]) + 1e-6


def test_a_hold_doubles_up_to_its_longest_and_ends_with_an_answer() -> None:
    now = 0.0
    holds = Holds(lambda: now, lambda _, most: most)
    waits = []
    for _ in range(5):
        holds.hold("prod", 6.0)
        began = now
        while holds.is_held("prod"):
            now += 0.5
        waits.append(now - began)
        assert not holds.is_held("staging")
    assert waits == [1.0, 2.0, 4.0, 6.0, 6.0]
    holds.hold("", 30.0, least=45.0)
    now += 44.0
    assert holds.is_held("")
    holds.free(["", "prod"])
    assert not holds.is_held("")
    assert holds.names() == frozenset()


def test_a_clock_that_jumps_back_makes_no_negative_duration() -> None:
    story = Story()
    list(story.look(100.0, SMOKE.true("Thick.", "Black")))
    [end] = story.look(40.0, SMOKE.false())
    assert end.note.startswith("Resolved after 0ms.")
