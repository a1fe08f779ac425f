"""A pod that ends is tried once more, as the source of handshakes sees it: real agents, going on and ended."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from probes.contract import Fault, Reading
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentRef, Seen, ServedPort, Took
from probes.readings.handshake import Handshake, Spoke
from tests.checklist.live.known.test_known_evidence import begun, watching
from tests.checklist.live.kubernetes.cluster import until
from tests.checklist.live.kubernetes.test_endings import ASKED, SEARCH, Ends
from tests.servers.watched_fleet import WatchedFleet, run_fleet
from watcher.checklist.live.known.known_evidence import KnownEvidence
from watcher.checklist.live.kubernetes.pods.endings import Ending
from watcher.checklist.live.probing.last_tries import LastTries, told_by

TOOK = "A pod took a connection 5 s after it was asked to end, and answered"
HOOK = "A pod took a connection 5 s after it was asked to end, as its preStop hook may still run."
SILENT = "A pod that was asked to end did not answer 5 s later, and did not refuse either."
OTHER = AgentRef("prod", "other")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[WatchedFleet]:
    with run_fleet(tmp_path, "search", with_opa=False) as found:
        yield found


def test_a_pod_that_goes_on_takes_a_request_and_one_that_ended_refuses(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found, ends = await begun(watching(fleet)), Ends()
        tries = LastTries(found.engine, ends.of)
        [state] = found.engine.board.states.values()
        ends.end(1, target=state.target)  # its port has not answered yet
        await found.look()
        [state] = found.engine.board.states.values()
        ends.end(2, target=state.target)
        ends.end(3, target=replace(state.target, address="127.0.0.1:1"))
        ends.end(4, target=state.target)
        ends.end(5, target=state.target, agent=OTHER)
        ends.now = ASKED + 6
        ends.of.look()
        await tries.tick()
        await tries.tick()
        await until(lambda: bool(ends.of.tries_of(OTHER) and ends.of.tries_of(SEARCH)))
        assert [each.took for each in ends.of.tries_of(OTHER)] == [Took.REQUEST]
        assert [(each.pod, each.took) for each in ends.of.tries_of(SEARCH)] == [("p2", Took.REQUEST)]
        fleet.agents["search"].stop_tls()
        found.wait(1.1)  # of one agent the next one is tried a second later
        await tries.tick()
        await until(lambda: len(ends.of.tries_of(SEARCH)) == 2)
        assert [(each.pod, each.took) for each in ends.of.tries_of(SEARCH)] == [
            ("p2", Took.REQUEST),
            ("p4", Took.NOTHING),
        ]
        known = KnownEvidence(found.engine, tries_of=ends.of.tries_of).evidence_of(SEARCH, [state.target])
        [sources] = known.pods.values()
        port = sources[SourceName.HANDSHAKE]
        assert isinstance(port, Seen)
        assert isinstance(port.value, ServedPort)
        assert [each.took for each in port.value.last_tries] == [Took.REQUEST, Took.NOTHING]
        await tries.close()
        await found.engine.close()

    asyncio.run(main())


def test_what_is_late_is_not_tried(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found, ends = await begun(watching(fleet)), Ends()
        tries = LastTries(found.engine, ends.of)
        await found.look()
        [state] = found.engine.board.states.values()
        ends.end(1, target=state.target)
        ends.now = ASKED + 6
        ends.of.look()
        ends.now = ASKED + 60
        await tries.tick()
        assert not tries.is_busy
        ends.now = ASKED + 6
        await tries.tick()
        assert not tries.is_busy  # it was let go
        await tries.close()
        await found.engine.close()

    asyncio.run(main())


ANSWERED = Handshake(spoke=Spoke.TLS, completed=True, http_status=404)


@pytest.mark.parametrize(
    ("reading", "took", "why"),
    [
        (ANSWERED, Took.REQUEST, ""),
        (replace(ANSWERED, http_status=503), Took.NEITHER, f"{TOOK} HTTP 503."),
        (replace(ANSWERED, http_status=None), Took.NEITHER, f"{TOOK} no request."),
        (replace(ANSWERED, fault=Fault.RESET, completed=False, http_status=None), Took.NEITHER, f"{TOOK} no request."),
        (replace(ANSWERED, fault=Fault.STALLED, completed=False, http_status=None), Took.SILENCE, SILENT),
        (Handshake(fault=Fault.SILENT), Took.SILENCE, SILENT),
        (Handshake(fault=Fault.REFUSED), Took.NOTHING, ""),
    ],
)
def test_what_a_look_says_of_a_pod_that_ends(reading: Reading, took: Took, why: str) -> None:
    assert told_by(reading, ending()) == (took, why)


@pytest.mark.parametrize(
    "reading",
    [
        Handshake(fault=Fault.OURS),
        Handshake(fault=Fault.UNRESOLVED),
        Reading(fault=Fault.OURS),
        replace(ANSWERED, asked=False, age=60.0),
        Handshake(fault=Fault.REFUSED, asked=False, age=60.0),
    ],
)
def test_what_could_not_be_asked_says_nothing(reading: Reading) -> None:
    assert told_by(reading, ending()) is None


def test_who_answers_where_the_process_or_the_pod_is_gone_may_be_another() -> None:
    assert told_by(ANSWERED, ending(ended=True)) == (Took.ENDED, "")
    assert told_by(ANSWERED, ending(gone=True)) is None
    assert told_by(Handshake(fault=Fault.REFUSED), ending(gone=True)) == (Took.NOTHING, "")


@pytest.mark.parametrize("sleeps", [None, 4.5, 15.0])
def test_before_sigterm_nobody_stops(sleeps: float | None) -> None:
    assert told_by(ANSWERED, ending(sleeps=sleeps)) == (Took.NEITHER, HOOK)
    assert told_by(Handshake(fault=Fault.REFUSED), ending(sleeps=sleeps)) == (Took.NOTHING, "")


def test_a_short_sleep_is_over_by_then() -> None:
    assert told_by(ANSWERED, ending(sleeps=3.0)) == (Took.REQUEST, "")


def ending(*, sleeps: float | None = 0.0, ended: bool = False, gone: bool = False) -> Ending:
    return Ending(SEARCH, "p1", ASKED, 0.0, None, sleeps, served=True, ended=ended, gone=gone)
