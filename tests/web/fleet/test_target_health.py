"""The state of a target: the same words on pages, in the API and on badges."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import load_probes
from probes.contract import Unknown, Verdict
from tests.engine.toy import FIRE, SMOKE
from tests.web.fleet.made_fleet import BURNS, CALM, UNREAD, YOUNG, MadeFleet, smoke
from watcher.web.fleet.row_words import reason_words
from watcher.web.fleet.target_health import TargetHealth, worst

CASES: dict[str, tuple[Sequence[Verdict], str]] = {
    "a critical condition wins over all": ((smoke(), UNREAD, BURNS), "critical"),
    "a warning wins over what is unknown": ((smoke(), UNREAD), "warning"),
    "unknown for a reason of its own": ((UNREAD, SMOKE.false("hall")), "unknown"),
    "unknown because the probe failed": ((FIRE.unknown(Unknown.SOURCE_FAILED), SMOKE.false()), "unknown"),
    "learning takes nothing from what passes": ((YOUNG, SMOKE.false("hall")), "healthy"),
    "all pass": ((CALM, SMOKE.false("hall")), "healthy"),
    "nothing has passed yet": ((YOUNG, SMOKE.unknown(Unknown.WARMING_UP)), "nothing_to_judge"),
    "no condition applies": ((), "nothing_to_judge"),
}


@pytest.mark.parametrize(("verdicts", "state"), CASES.values(), ids=CASES)
def test_a_target_has_the_state_of_its_worst_condition(tmp_path: Path, verdicts: Sequence[Verdict], state: str) -> None:
    fleet = MadeFleet(tmp_path, {"prod/search/a": verdicts})
    [told] = fleet.get("/api/v1/targets").json()["targets"]
    assert told["state"] == state
    assert fleet.pods(f"?severity={state}") == ["a"]
    others = {each.value for each in TargetHealth} - {state}
    assert {fleet.get(f"/api/v1/targets?severity={each}").json()["total"] for each in others} == {0}
    name = "nothing judged" if state == "nothing_to_judge" else state
    assert f'aria-label="search: {name}"' in fleet.get("/badge/prod/search.svg").text
    assert f'<span class="health {state}">{name}</span>' in fleet.get("/").text


def test_old_results_are_unknown(tmp_path: Path) -> None:
    fleet = MadeFleet(tmp_path, {"prod/search/a": [CALM]})
    board = fleet.engine.board
    [state] = board.states.values()
    result = state.results[0]
    assert result is not None
    state.post((result._replace(at=result.at - 3 * 30 - 1),))
    assert fleet.get("/api/v1/targets").json()["targets"][0]["state"] == "unknown"


@given(st.lists(st.sampled_from(TargetHealth)))
def test_the_worst_is_never_better_than_any(healths: list[TargetHealth]) -> None:
    assert all(worst(healths).rank <= each.rank for each in healths)


def test_reasons_are_words_for_people() -> None:
    assert reason_words("ConnectionRefused") == "connection refused"
    assert reason_words("HTTPError") == "HTTP error"
    assert reason_words("OpenIdle") == "open idle"
    assert reason_words("UnexpectedID") == "unexpected ID"
    reasons = {reason for probe in load_probes() for kind in probe.conditions for reason in kind.reasons}
    told = {word for reason in (*reasons, *Unknown) for word in reason_words(reason).split()}
    assert {word for word in told if not word.islower() and word != "a"} == {
        *("HTTP", "TLS", "URI", "SAN", "SANs", "SPIFFE", "ID"),
    }
