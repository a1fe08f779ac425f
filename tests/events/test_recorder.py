"""Events of a board, where the API server is slow, says no, or is overwhelmed; the real one has its own tests."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.toy import SMOKE
from tests.events.watching import Script, Watching, run_watching
from tests.servers.kube_lies import LyingKubernetes, run_lying_kubernetes
from watcher.events.queue import BURST, MOST, RATE
from watcher.events.recorder import REFRESH
from watcher.kube.pod_ref import PodRef

SEARCH = PodRef("prod", "search-0", "u1")
RANKER = PodRef("staging", "ranker-0", "u2")
THICK = SMOKE.true("Thick smoke.", "Black")
CLEAR = SMOKE.false()
AWAY, AGAIN, DROPPED = "cannot write Events", "writing Events again", "dropping Events, queue full"


@pytest.fixture
def lies() -> Iterator[LyingKubernetes]:
    with run_lying_kubernetes() as kubernetes:
        yield kubernetes


def telling(lies: LyingKubernetes, directory: Path, script: Script, *pods: PodRef, active: bool = True) -> None:
    run_watching(lies.kubeconfig(directory), script, *pods, active=active)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("watcher.event")]


def methods(lies: LyingKubernetes) -> list[str]:
    return [method for method, _, _ in lies.written]


def test_what_was_never_true_makes_no_event_and_what_stays_true_makes_one(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    async def script(watching: Watching) -> None:
        await watching.tell(CLEAR)
        await watching.tell()
        assert lies.written == []
        await watching.tell(THICK)
        await watching.tell(SMOKE.true("Even thicker.", "Black"))
        assert methods(lies) == ["POST"]
        await watching.tell(CLEAR)
        await watching.tell(CLEAR)
        assert [content["type"] for _, _, content in lies.written] == ["Warning", "Normal"]
        assert (watching.count("written"), watching.count("failed"), watching.count("dropped")) == (2, 0, 0)

    telling(lies, tmp_path, script, SEARCH)


def test_a_look_that_is_too_old_is_not_told_again(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(watching: Watching) -> None:
        await watching.tell(THICK)
        watching.clock.now += REFRESH + 1
        await watching.events.tick()  # nobody looked for half an hour: nothing is known
        assert len(lies.written) == 1
        watching.clock.now += REFRESH + 1
        await watching.tell(THICK)
        assert methods(lies) == ["POST", "PATCH"]

    telling(lies, tmp_path, script, SEARCH)


def test_a_healthy_fleet_is_not_compared_at_all(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(watching: Watching) -> None:
        await watching.tell(CLEAR)
        await watching.look(CLEAR)
        assert watching.board.touched == set()
        await watching.look(THICK, of=SEARCH)
        assert {key.pod for key in watching.board.touched or ()} == {"search-0"}

    telling(lies, tmp_path, script, SEARCH, RANKER)


def test_a_target_that_is_gone_or_is_no_pod_is_forgotten(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(watching: Watching) -> None:
        await watching.tell(THICK)
        await watching.watch()
        watching.clock.now += 2 * REFRESH
        await watching.events.tick()
        await watching.watch(SEARCH)
        await watching.tell(CLEAR)
        assert len(lies.written) == 1
        watching.pods.clear()  # as of a target that only the config lists
        await watching.tell(THICK)
        assert len(lies.written) == 1

    telling(lies, tmp_path, script, SEARCH)


def test_a_pod_that_comes_again_by_the_same_name_is_another(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(watching: Watching) -> None:
        await watching.tell(THICK)
        await watching.watch(SEARCH._replace(uid="u9"))
        await watching.tell(SMOKE.true("Smoke again.", "Black"))
        assert [content["regarding"]["uid"] for _, _, content in lies.written] == ["u1", "u9"]
        assert len({content["metadata"]["name"] for _, _, content in lies.written}) == 2

    telling(lies, tmp_path, script, SEARCH)


def test_on_standby_nothing_is_written_and_who_becomes_active_tells_what_is_true(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    async def script(watching: Watching) -> None:
        await watching.tell(THICK)
        await watching.tell(CLEAR, of=RANKER)
        assert lies.written == []
        watching.active = True
        await watching.events.tick()
        assert [content["regarding"]["name"] for _, _, content in lies.written] == ["search-0"]
        watching.active = False
        await watching.tell(CLEAR)
        watching.active = True
        await watching.events.tick()
        assert len(lies.written) == 1

    telling(lies, tmp_path, script, SEARCH, RANKER, active=False)


def test_losing_the_lease_stops_the_writing_at_once(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(watching: Watching) -> None:
        watching.active = True
        pods = [SEARCH._replace(name=f"search-{number}", uid=f"u{number}") for number in range(BURST + 5)]
        await watching.watch(*pods)
        await watching.look(THICK)
        watching.clock.wakes = lambda: setattr(watching, "active", len(lies.written) < BURST)
        await watching.events.tick()
        assert len(lies.written) == BURST
        await watching.events.tick()
        assert len(watching.queue) == 0

    telling(lies, tmp_path, script)


def test_a_server_that_asks_for_patience_is_given_it_and_nothing_is_lost(
    lies: LyingKubernetes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def script(watching: Watching) -> None:
        lies.write_status, lies.headers["Retry-After"] = 429, "20"
        await watching.tell(THICK)
        for _ in range(19):
            watching.clock.now += 1
            await watching.events.tick()
        assert len(lies.written) == 1
        watching.clock.now += 1
        await watching.events.tick()
        assert len(lies.written) == 2
        lies.write_status = 201
        watching.clock.now += 60
        await watching.events.tick()
        assert methods(lies) == ["POST"] * 4
        assert (watching.count("written"), watching.count("failed"), watching.count("dropped")) == (2, 2, 0)

    telling(lies, tmp_path, script, SEARCH, RANKER)
    assert said(caplog) == [AWAY, AGAIN]


def test_a_token_that_has_run_out_is_read_again(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(watching: Watching) -> None:
        await watching.tell(THICK)
        (tmp_path / "token").write_text("second\n")
        lies.write_status = 401
        await watching.tell(CLEAR)
        lies.write_status = 201
        watching.clock.now += 1
        await watching.events.tick()
        assert lies.tokens == ["Bearer first", "Bearer first", "Bearer second"]
        assert watching.count("written") == 2

    telling(lies, tmp_path, script, SEARCH)


def test_an_event_that_is_not_taken_is_given_up_and_said_once(
    lies: LyingKubernetes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(watching: Watching) -> None:
        lies.write_status = 422
        await watching.tell(THICK)
        watching.clock.now += 60
        await watching.events.tick()
        assert len(lies.written) == 2
        assert (watching.count("failed"), len(watching.queue)) == (2, 0)

    telling(lies, tmp_path, script, SEARCH, RANKER)
    assert said(caplog) == ["Event rejected by the API server"]


def test_a_fleet_that_fails_at_once_is_told_as_fast_as_is_polite(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(watching: Watching) -> None:
        await watching.watch(*(SEARCH._replace(name=f"search-{number}", uid=f"u{number}") for number in range(100)))
        began = watching.clock.now
        await watching.tell(THICK)
        assert len(lies.written) == 100
        assert watching.clock.now - began == pytest.approx((100 - BURST) / RATE)

    telling(lies, tmp_path, script)


def test_what_waits_is_bounded_and_what_is_dropped_is_counted_and_said_once(
    lies: LyingKubernetes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(watching: Watching) -> None:
        lies.write_status = 503
        pods = [SEARCH._replace(name=f"search-{number}", uid=f"u{number}") for number in range(MOST + 100)]
        await watching.watch(*pods)
        await watching.tell(THICK)
        assert (len(watching.queue), watching.count("dropped")) == (MOST, 100)

    telling(lies, tmp_path, script)
    assert said(caplog) == [DROPPED, AWAY]


def test_a_sentence_that_cannot_be_made_costs_its_event_and_no_other(
    lies: LyingKubernetes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> str:
        raise KeyError("room")

    async def script(watching: Watching) -> None:
        await watching.tell(SMOKE.true(fail, "Black", "cellar"), SMOKE.true("Thick.", "Black", "kitchen"))
        assert [content["note"] for _, _, content in lies.written] == ["Thick."]

    telling(lies, tmp_path, script, SEARCH)
    assert said(caplog) == ["cannot build Event"]
