"""Findings survive a restart: of the process, of the release, and of a file that is not what it was."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from probes.controls.finding import EvidenceShown, State
from tests.checklist.live.judged import SEARCH, START, Live, Told, given, pod_target
from tests.checklist.live.test_checklist import CONFIG, OTHER, VALID, seen
from watcher.checklist.live.kept.findings_file import FILE_NAME
from watcher.checklist.live.kept.keeper import LEFT_FOR
from watcher.checklist.live.provider import Presence
from watcher.checklist.live.turns import Regression


def _failing(state_dir: Path) -> Live:
    """An agent that passed and then failed, and a file that says so."""
    told = Told()
    live = Live(providers=[told], state_dir=state_dir)
    live.watch(pod_target())
    told.tell(SEARCH, given({CONFIG: seen("example.org", START)}))
    live.wait(10)
    told.tell(SEARCH, given({CONFIG: seen("", START + 10)}))
    live.wait(10)
    asyncio.run(live.keeper.write_last())
    return live


def _again(live: Live, *, after: float = 60.0) -> Live:
    """The next process, so many seconds later; it has no evidence yet."""
    other = Live(providers=[Told()], state_dir=live.state_dir, uptime=live.uptime + after, may_begin=False)
    asyncio.run(other.keeper.restore())
    other.watch(pod_target())
    other.wait(1)
    return other


def test_what_was_found_is_shown_at_once_after_a_short_stop_with_its_since_and_its_regression(tmp_path: Path) -> None:
    live = _failing(tmp_path)
    again = _again(live)
    assert again.view.findings(SEARCH) == live.view.findings(SEARCH)
    assert again.view.verdict(SEARCH) == live.view.verdict(SEARCH)
    assert again.view.regressed(SEARCH) == {VALID: Regression(START + 14, State.PASS, State.FAIL)}
    assert again.view.turned(START) == live.view.turned(START)


def test_all_that_turned_survives_in_its_order_however_much_it_is(tmp_path: Path) -> None:
    live = _failing(tmp_path)
    turn = live.keeper.turned[0]
    live.keeper.turned.extend(turn._replace(at=START + number) for number in range(101, 352))
    asyncio.run(live.keeper.write_last())
    assert list(_again(live).keeper.turned)[: len(live.keeper.turned)] == list(live.keeper.turned)


def test_after_a_long_stop_it_is_judged_before_it_is_shown_and_a_fail_stays_without_evidence(
    tmp_path: Path,
) -> None:
    live = _failing(tmp_path)
    again = _again(live, after=3600)
    assert again.view.agents() == []
    again.may_begin = True
    again.wait(1)
    found = again.finding(VALID)
    assert (found.state, found.since) == (State.FAIL, live.finding(VALID).since)
    assert found.evidence_lost_since == START + again.uptime
    assert again.view.regressed(SEARCH) == {VALID: Regression(START + 14, State.PASS, State.FAIL)}


def test_since_when_a_pod_is_watched_survives(tmp_path: Path) -> None:
    again = _again(_failing(tmp_path))
    assert again.checklist.roster.agents[SEARCH].watched == {"search-0": START + 1}


def test_what_turned_is_written_within_minutes_and_dates_alone_after_half_an_hour(tmp_path: Path) -> None:
    told = Told()
    live = Live(providers=[told], state_dir=tmp_path)
    live.watch(pod_target())
    live.wait(1)
    file, written = tmp_path / FILE_NAME, list[float]()

    def keep(seconds: float) -> None:
        for _ in range(round(seconds / 30)):
            live.wait(30, step=10)
            asyncio.run(live.keeper.write())
            if file.exists():
                written.append(live.uptime)
                file.unlink()

    keep(5400)
    assert len(written) > 1
    assert all(1800 <= later - earlier <= 1830 for earlier, later in pairwise(written))
    written.clear()
    told.tell(SEARCH, given({CONFIG: seen("", START + live.uptime)}))
    keep(240)
    assert len(written) == 1


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        (lambda raw: b"nonsense" + raw, "all"),
        (lambda raw: raw.replace(b"agentweave-watcher-findings", b"something-else"), "all"),
        (lambda raw: raw + b"nonsense\n", "1 agents"),
    ],
)
def test_a_file_that_cannot_be_read_is_set_aside_and_told(
    tmp_path: Path, damage: Callable[[bytes], bytes], lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    live, file = _failing(tmp_path), tmp_path / FILE_NAME
    file.write_bytes(damage(file.read_bytes()))
    again = _again(live)
    assert [each.__dict__["lost"] for each in caplog.records] == [lost]
    assert [each.name.partition("-")[0] for each in tmp_path.iterdir()] == [f"{FILE_NAME}.unreadable"]
    assert again.view.agents() == ([] if lost == "all" else [SEARCH])


def test_a_disk_that_does_not_take_it_is_told_and_the_old_file_stays(tmp_path: Path) -> None:
    live = _failing(tmp_path)
    before = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / "findings.new").mkdir()  # where it would be written first
    asyncio.run(live.keeper.write_last())
    assert live.keeper.trouble == f"{tmp_path / FILE_NAME}: Is a directory"
    assert (tmp_path / FILE_NAME).read_bytes() == before
    (tmp_path / "findings.new").rmdir()
    asyncio.run(live.keeper.write_last())
    assert live.keeper.trouble == ""


def test_by_another_catalogue_nothing_turned_and_nothing_has_regressed(tmp_path: Path) -> None:
    live, file = _failing(tmp_path), tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes().replace(live.view.catalogue.digest.encode(), b"sha256:another", 1))
    again = _again(live)
    assert again.view.agents() == []
    again.may_begin = True
    again.wait(5)
    assert again.finding(VALID).state is State.FAIL
    assert (again.view.regressed(SEARCH), again.turned) == ({}, [])


def _without(live: Live, *, after: float = 60.0, presence: Presence = Presence.GONE) -> tuple[Live, Told]:
    """The next process, which has not found the agent, but another one."""
    told = Told()
    told.left[SEARCH] = presence
    other = Live(providers=[told], state_dir=live.state_dir, uptime=live.uptime + after)
    asyncio.run(other.keeper.restore())
    other.watch(pod_target("other-0", OTHER))
    other.wait(5)
    return other, told


def test_an_agent_that_the_next_process_has_not_seen_yet_is_written_again_and_is_as_old_as_it_is(
    tmp_path: Path,
) -> None:
    live = _failing(tmp_path)
    other, _ = _without(live)
    asyncio.run(other.keeper.write_last())
    other, _ = _without(other, after=600)
    asyncio.run(other.keeper.write_last())
    again = _again(other)
    assert again.view.agents() == []  # what was found of it was so too long ago to be shown
    again.may_begin = True
    again.wait(1)
    assert (again.finding(VALID).state, again.finding(VALID).since) == (State.FAIL, live.finding(VALID).since)
    assert again.view.regressed(SEARCH) == {VALID: Regression(START + 14, State.PASS, State.FAIL)}


def test_an_agent_that_has_just_come_and_is_not_judged_yet_is_written_as_the_last_process_left_it(
    tmp_path: Path,
) -> None:
    live = _failing(tmp_path)
    other, _ = _without(live, after=3600)
    told = Told()
    other.checklist.gathering.providers = (told,)
    told.tell(SEARCH, given({CONFIG: "no evidence"}))  # type: ignore[dict-item]  # so that it cannot be judged
    other.watch(pod_target(), pod_target("other-0", OTHER))
    other.wait(5)
    asyncio.run(other.keeper.write_last())
    again = _again(other, after=3600)
    again.may_begin = True
    again.wait(1)
    assert (again.finding(VALID).state, again.finding(VALID).since) == (State.FAIL, live.finding(VALID).since)


@pytest.mark.parametrize("presence", [Presence.GONE, Presence.UNTOLD])
def test_an_agent_that_does_not_come_again_is_forgotten_after_a_day_where_it_is_known_to_be_gone(
    tmp_path: Path, presence: Presence
) -> None:
    other, _ = _without(_failing(tmp_path), after=LEFT_FOR, presence=presence)
    file = tmp_path / FILE_NAME
    asyncio.run(other.keeper.write_last())
    assert b'"search"' in file.read_bytes()
    other.wait(1200, step=30)
    asyncio.run(other.keeper.write_last())
    assert (b'"search-0"' in file.read_bytes()) is (presence is Presence.UNTOLD)


def test_by_another_catalogue_an_agent_that_is_written_again_is_still_of_the_old_one(tmp_path: Path) -> None:
    live, file = _failing(tmp_path), tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes().replace(live.view.catalogue.digest.encode(), b"sha256:another", 1))
    other, _ = _without(live)
    asyncio.run(other.keeper.write_last())
    again = _again(other)
    assert again.view.agents() == []
    again.may_begin = True
    again.wait(5)
    assert again.finding(VALID).state is State.FAIL
    assert (again.view.regressed(SEARCH), again.turned) == ({}, [])


def test_where_no_agent_was_found_because_none_could_be_looked_for_no_round_is_complete_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    live, file = _failing(tmp_path), tmp_path / FILE_NAME
    before = file.read_bytes()
    blind = Live(providers=[Told()], state_dir=tmp_path, uptime=live.uptime, may_begin=False)
    asyncio.run(blind.keeper.restore())
    blind.wait(60)
    asyncio.run(blind.keeper.write_last())
    assert blind.view.last_complete is None
    assert file.read_bytes() == before
    blind.may_begin = True  # it is known that there is none
    blind.wait(1)
    assert blind.view.last_complete == START + blind.uptime


def test_a_large_agent_is_kept_too(tmp_path: Path) -> None:
    live = _failing(tmp_path)
    found = live.view.findings(SEARCH)
    pods = [
        EvidenceShown(CONFIG, f"pod/prod/search-{each}", START, "It has no port.", f"search-{each}")
        for each in range(70_000)
    ]
    large = dict(found) | {VALID: found[VALID]._replace(evidence=tuple(pods))}
    live.checklist.store.put(SEARCH, large)
    asyncio.run(live.keeper.write_last())
    assert (tmp_path / FILE_NAME).stat().st_size > 4 << 20
    assert live.keeper.trouble == ""
    assert _again(live).view.findings(SEARCH) == large
