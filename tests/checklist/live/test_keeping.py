"""Findings survive a restart: of the process, of the release, and of a file that is not what it was."""

import asyncio
from pathlib import Path

from probes.controls.finding import State
from tests.checklist.live.judged import SEARCH, START, Live, Told, given, pod_target
from tests.checklist.live.test_checklist import CONFIG, VALID, seen
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
