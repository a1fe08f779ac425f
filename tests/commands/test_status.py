"""`status` and `/api/v1/fleet`: the fleet page of a running daemon, in a terminal and for programs."""

import json
from argparse import Namespace
from collections.abc import Iterator

import pytest

from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.watched_fleet import SOURCES, WatchedFleet, run_fleet
from watcher.commands.fleet.rows import row_lines, summary
from watcher.commands.fleet.status import command

GONE = [{"namespace": "dev", "agent": f"gone-{number}", "address": "127.0.0.1:9"} for number in range(6)]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    home = tmp_path_factory.mktemp("status")
    with run_fleet(home, "search") as fleet, run_daemon(home, _config(fleet)) as daemon:
        for each in GONE:
            daemon.says("AgentUnreachable", "true", agent=str(each["agent"]))
        daemon.says("AgentUnreachable", "false", agent="search")
        yield daemon


def _config(fleet: WatchedFleet) -> dict[str, object]:
    return fleet.config(fleet.target("search"), *GONE) | {"sources": SOURCES}


def _given(url: str, **more: object) -> Namespace:
    given = {"namespace": None, "agent": None, "output": "text", "ca_file": None}
    return Namespace(**{**given, "bearer_token_file": None, "user_file": None, "url": url, **more})


def _lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was printed, without the trouble of a watcher on a busy machine."""
    return [line for line in capsys.readouterr().out.splitlines() if not line.startswith("watcher: Overloaded: ")]


def test_status_shows_the_rows_of_the_page_folded_as_there(
    daemon: DaemonProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(_given(daemon.url)) == 1
    lines = _lines(capsys)
    assert lines[0] == "critical  6 agents: AgentUnreachable on 6 pods"
    assert lines[1:7] == [f"          dev/gone-{number}: connection refused" for number in range(6)]
    assert lines[-1].startswith("7 targets: 6 critical, 1 healthy (")
    assert f". {daemon.url} at 20" in lines[-1]


def test_status_of_one_agent_is_not_folded_and_its_exit_code_is_its_own(
    daemon: DaemonProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(_given(daemon.url, namespace="prod", agent="search")) == 0
    assert _lines(capsys)[0].startswith("1 target: 1 healthy (")
    assert command(_given(daemon.url, agent="nobody")) == 2
    assert _lines(capsys)[0].startswith("0 targets: nothing to judge. ")


def test_the_api_has_the_rows(daemon: DaemonProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(_given(daemon.url, output="json", namespace="dev", agent="gone-1")) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["agents"], document["total"], document["standby"]) == (1, 1, False)
    assert document["targets"]["critical"] == 1
    [row] = document["rows"]
    [told] = row["conditions"]
    assert (row["state"], row["pod"], row["not_evaluated"]) == ("critical", "gone-1", 6)
    assert told | {"since": ""} == {
        "conditions": ["AgentUnreachable"],
        "state": "critical",
        "status": "true",
        "reason": "ConnectionRefused",
        "message": "127.0.0.1:9 refused the connection.",
        "pods": 1,
        "since": "",
        "runbook": "/runbooks/AgentWeaveAgentUnreachable",
    }


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=501", "limit: expected at most 500 rows, got 501"),
        ("severity=x", "severity: expected one of critical, "),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(daemon: DaemonProcess, query: str, said: str) -> None:
    answer = daemon.get(f"/api/v1/fleet?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(said)


def test_a_daemon_that_is_not_there_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(_given("http://127.0.0.1:9")) == 2
    assert capsys.readouterr() == ("", "http://127.0.0.1:9: Connection refused\n")


def test_what_another_process_says_is_one_line_and_coloured_only_by_us() -> None:
    row = {
        "state": "critical",
        "namespace": "prod",
        "agent": "\x1b[31mred\n",
        "pods": 1,
        "asked_for": 1,
        "read": 1,
        "since": "2026-11-23T09:00:00Z",
        "conditions": [{"conditions": ["X"], "status": "true", "message": "a\nb \x1b]0;title\x07", "pods": 1}],
        "left_out": 0,
        "not_evaluated": 0,
        "problems": [],
    }
    lines = list(row_lines(row, 1795424520.0, 60, colour=True))
    assert lines == [
        "\x1b[1;31mcritical \x1b[0m \x1b[1mprod/\\x1b[31mred\\n\x1b[0m, for 2m0s",
        "          X: a\\nb \\x1b]0;title\\x07",
    ]


def test_what_learns_is_counted_and_what_is_one_is_in_the_singular() -> None:
    assert summary({"healthy": 1}, 1, colour=False) == "1 target: 1 healthy (1 condition needs more history)"
    assert summary({"critical": 2000}, 0, colour=False) == "2,000 targets: 2,000 critical"
