"""Gates: one status for each verdict, GET and POST, on both ports, and never a yes by mistake."""

from pathlib import Path

import pytest

from tests.rollouts.made_rollouts import (
    EARLIER,
    EARLIER_IMAGE,
    FAILED,
    GOING_ON,
    IMAGE,
    IMPAIRED,
    NOW,
    REVISION,
    rollout,
)
from tests.web.rollouts.served_rollouts import Served
from watcher.rollouts.rollout import Rollout

GATE, API = "/gate/prod/search", "/api/v1/gate/prod/search"
MEANT = f"?image={IMAGE}"

CASES = [
    (rollout(), "", 200, "verified"),
    (FAILED, "", 409, "failed"),
    (GOING_ON, "", 425, "undecided"),
    (IMPAIRED, "", 503, "unable"),
    (GOING_ON, "&until=immediate", 200, "verified"),
    (GOING_ON, "&until=long", 425, "undecided"),
    (rollout(), "&signal=rollback", 409, "verified"),
    (FAILED, "&signal=rollback", 200, "failed"),
    (GOING_ON, "&signal=rollback", 425, "undecided"),
    (IMPAIRED, "&signal=rollback", 503, "unable"),
]


@pytest.mark.parametrize("health", [False, True], ids=["pages", "health"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_verdict_has_its_status_and_names_the_revision(method: str, health: bool, tmp_path: Path) -> None:
    for found, query, status, verdict in CASES:
        served = Served(tmp_path, found)
        answer = served.ask(f"{GATE}{MEANT}{query}", method, health=health)
        assert answer.status_code == status, (query, answer.text)
        assert answer.text.startswith(verdict)
        assert f"revision {REVISION.id} image {IMAGE}" in answer.text
        told = served.ask(f"{API}{MEANT}{query.replace('&signal=rollback', '')}", method, health=health)
        assert told.status_code == 200
        assert (told.json()["verdict"], told.json()["revision"], told.json()["image"]) == (verdict, REVISION.id, IMAGE)


@pytest.mark.parametrize(
    "query", [f"?image={EARLIER_IMAGE}", f"?revision={EARLIER.id}", "?since=1h", "?since=2026-12-01T00:00:00Z"]
)
def test_what_was_not_seen_yet_is_undecided_however_good_another_revision_is(query: str, tmp_path: Path) -> None:
    served = Served(tmp_path, rollout())
    assert served.ask(f"{GATE}{query}").status_code == 425
    assert served.ask(f"{GATE}{query}&signal=rollback").status_code == 425
    told = served.ask(f"{API}{query}").json()
    assert (told["verdict"], told["reason"], told["revision"]) == ("undecided", "NotSeenYet", "")


def test_what_was_deployed_before_is_not_verified_or_failed_by_what_came_of_it_then(tmp_path: Path) -> None:
    for earlier in (rollout(), FAILED):
        newest = rollout(revision=EARLIER, began_at=NOW - 60, lines=(), ready_at=None)
        served = Served(tmp_path, newest, earlier)
        assert served.ask(f"{GATE}{MEANT}").status_code == 425
        assert served.ask(f"{GATE}{MEANT}&signal=rollback").status_code == 425
        assert served.ask(f"{API}{MEANT}").json()["reason"] == "NotSeenYet"
        assert served.ask(f"{GATE}{MEANT}&since=3h").status_code in (200, 409), "who says when means that one"


def test_a_rollout_is_also_meant_by_when_it_began(tmp_path: Path) -> None:
    served = Served(tmp_path, rollout())
    assert served.ask(f"{GATE}?since=3h").status_code == 200
    assert served.ask(f"{GATE}?since=2026-09-21T11:00:00Z").status_code == 200


def test_an_impaired_watcher_verifies_nothing_at_either_port(tmp_path: Path) -> None:
    served = Served(tmp_path, rollout())
    served.impair()
    for health in (False, True):
        assert served.ask(f"{GATE}{MEANT}", health=health).status_code == 503
        assert served.ask(f"{API}{MEANT}", health=health).json()["verdict"] == "unable"
        assert served.ask(f"{GATE}?image={EARLIER_IMAGE}", health=health).status_code == 503


def test_a_watcher_on_standby_verifies_nothing(tmp_path: Path) -> None:
    served = Served(tmp_path, rollout())
    served.engine.role.active = False
    assert served.ask(f"{GATE}{MEANT}").status_code == 503


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "expected image, revision or since: which rollout is meant is part of the question"),
        ("?image=", "expected image, revision or since: which rollout is meant is part of the question"),
        (f"{MEANT}&until=never", "until: expected immediate, short, long, got 'never'"),
        (f"{MEANT}&signal=go", "signal: expected rollback, got 'go'"),
        ("?since=yesterday", "since: expected a duration such as 10m or 24h, or a time such as 2026-11-30T09:00:00Z"),
        (f"?image={'a' * 2000}", "expected at most 1024 characters of image, revision and since"),
    ],
)
def test_a_question_that_names_no_rollout_is_refused(query: str, said: str, tmp_path: Path) -> None:
    served = Served(tmp_path, rollout())
    for health in (False, True):
        text, as_json = served.ask(f"{GATE}{query}", health=health), served.ask(f"{API}{query}", health=health)
        assert (text.status_code, as_json.status_code) == (400, 400)
        assert text.text.startswith(said)
        assert as_json.json()["error"].startswith(said)


def test_the_lines_are_told_at_the_port_of_the_pages_alone(tmp_path: Path) -> None:
    served = Served(tmp_path, FAILED)
    told = served.ask(f"{API}{MEANT}").json()
    assert told["phase"] == "failed"
    assert {each["line"]: each["state"] for each in told["lines"]}["Error rate normal"] == "fail"
    assert (
        "✗ Error rate normal (short): 5.1% of 1,200 requests failed, before 0.2%.\n"
        in served.ask(f"{GATE}{MEANT}").text
    )
    alone = served.ask(f"{API}{MEANT}", health=True).json()
    assert alone.keys() == {"verdict", "revision", "image", "until", "reason"}
    assert served.ask(f"{GATE}{MEANT}", health=True).text == (
        f"failed: revision {REVISION.id} image {IMAGE}, until short\n"
    )


def test_other_methods_are_refused_and_an_agent_of_any_name_can_be_asked_for(tmp_path: Path) -> None:
    served = Served(tmp_path, rollout(agent="a%b c"))
    assert served.ask(f"{GATE}{MEANT}", "PUT").status_code == 405
    assert served.ask(f"/gate/prod/a%25b%20c{MEANT}").status_code == 200


def test_a_question_for_any_agent_costs_little(tmp_path: Path) -> None:
    found: list[Rollout] = [rollout(agent=f"agent-{number}") for number in range(50)]
    served = Served(tmp_path, *found)
    assert served.ask(f"/gate/prod/agent-49{MEANT}").elapsed.total_seconds() < 0.5
