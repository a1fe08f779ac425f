"""Until when a target is learning: a time where it is known, and none where it is not."""

import asyncio
from pathlib import Path

import pytest

from probes import load_probes
from probes.contract import ConditionKind, Target, TargetKey, Unknown
from probes.contract.condition import Window
from tests.engine.toy import FIRE
from tests.web.fleet.made_fleet import CALM, NOW, YOUNG, MadeFleet
from tests.web.markup import Markup
from watcher.config.settings import load_settings
from watcher.engine.board import Board
from watcher.engine.debounce import ProbeResult, share
from watcher.web.fleet.learning import Judged, judged

HOUR = 3600.0


def _judged(directory: Path, condition: str, *, waited: float) -> Judged:
    """Of one condition of a real probe that is learning for so many seconds."""
    path = directory / "watcher.yaml"
    path.write_text("{}")
    limits = load_settings(path, {}).probes
    probe = next(each for each in load_probes() if condition in {kind.name for kind in each.conditions})
    board = Board([probe], [], lambda: NOW)
    board.endpoints = {probe.source: "metrics"}
    board.set_intervals({probe.source: 30.0})
    target = Target(key=TargetKey("prod", "a", "p"), metrics="http://127.0.0.1:1/", memory_limit=1, limits=limits)
    asyncio.run(board.replace([target], {}))
    [state] = board.states.values()
    kind = next(each for each in probe.conditions if each.name == condition)
    verdicts = share((kind.unknown(Unknown.WARMING_UP),))
    state.post((ProbeResult(NOW, verdicts, (NOW - waited,), (), (), probe.history()),))
    return judged(board, [state], NOW)


@pytest.mark.parametrize(
    ("condition", "waited", "until"),
    [
        ("MemoryDrift", 60.0, 28 * HOUR - 60),
        ("MemoryExhaustionPredicted", HOUR, 2 * HOUR),
        ("CircuitBreakerFlapping", 60.0, 29 * 60.0),
        # Longer than its window: at the latest after twice the window and four looks.
        ("CircuitBreakerFlapping", 40 * 60.0, 20 * 60.0 + 120),
    ],
)
def test_what_needs_a_window_is_told_when_the_window_is_full(
    tmp_path: Path, condition: str, waited: float, until: float
) -> None:
    assert _judged(tmp_path, condition, waited=waited) == Judged(0, 1, NOW + until)


def test_what_takes_longer_than_expected_has_no_time(tmp_path: Path) -> None:
    assert _judged(tmp_path, "MemoryDrift", waited=40 * HOUR) == Judged(0, 1, None, overdue=True)


def test_a_row_says_how_many_pass_and_how_many_learn(tmp_path: Path) -> None:
    window = ConditionKind(name="Slow", severity=FIRE.severity, true_when="", all_clear="", window=Window(seconds=HOUR))
    learning = window.unknown(Unknown.WARMING_UP)
    fleet = MadeFleet(tmp_path, {"prod/a/p": [CALM, (learning, 60.0)], "prod/b/p": [(learning, 60.0)]})
    page = " ".join(Markup(fleet.get("/").text).text.split())
    assert "1 check passes, 1 still learning, the last until about 15:12 UTC" in page
    assert "prod/p 1 still learning, the last until about 15:12 UTC" in page


def test_a_first_bad_look_is_no_health(tmp_path: Path) -> None:
    page = MadeFleet(tmp_path, {"prod/a/p": [YOUNG]}).get("/").text
    assert '<span class="health nothing_to_judge">nothing judged</span>' in page
    assert "0</b> <span" in page


def test_the_page_of_an_agent_says_how_much_history_is_needed_and_had(tmp_path: Path) -> None:
    window = ConditionKind(name="Slow", severity=FIRE.severity, true_when="", all_clear="", window=Window(seconds=HOUR))
    own = window.unknown(Unknown.WARMING_UP, "Has 3 of 20 decisions.", "kitchen")
    fleet = MadeFleet(tmp_path, {"prod/a/p": [(window.unknown(Unknown.WARMING_UP), 60.0), own]})
    page = " ".join(Markup(fleet.get("/agents/prod/p").text).text.split())
    assert "WarmingUp Needs 1h0m of history, has 1m0s." in page
    assert "WarmingUp Has 3 of 20 decisions." in page
