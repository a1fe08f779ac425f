"""The command `rollout`: waits for the verdict on one rollout, tells lines once decided, ends with the record."""

import io
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from tests.rollouts.made_rollouts import FAILED, GOING_ON, IMAGE, REVISION, ROLLED_BACK, SUPERSEDED, rollout
from tests.web.rollouts.served_rollouts import Served
from watcher.cli import main
from watcher.commands.readiness.asking import AskingError
from watcher.commands.rollout.following import EVERY, MISSING, Followed, follow
from watcher.commands.rollout.telling import Teller
from watcher.rollouts.reports.gate_answer import gate_answer
from watcher.rollouts.reports.json_form import gate_json
from watcher.rollouts.rollout import Rollout
from watcher.rollouts.terms import Outcome, Window

WHO = ("--namespace", "prod", "--agent", "search", "--image", IMAGE)


@contextmanager
def serving(directory: Path, *found: Rollout) -> Iterator[str]:
    """The daemon's app at a real port, whose address it gives."""
    app = Served(directory, *found).app
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        (rollout(), 0, f"revision {REVISION.id} of prod/search is verified until short. All lines passed."),
        (FAILED, 1, f"revision {REVISION.id} of prod/search failed until short. Error rate normal: 5.1% of 1,200"),
        (ROLLED_BACK, 1, f"revision {REVISION.id} of prod/search failed until short."),
        (SUPERSEDED, 3, f"revision {REVISION.id} of prod/search is not decided until short. Another revision came"),
        (GOING_ON, 3, f"revision {REVISION.id} of prod/search is not decided until short. Not decided: Traffic"),
    ],
)
def test_the_exit_code_says_how_it_ended_and_the_record_is_the_last_word(
    found: Rollout, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, found) as url:
        assert main(["rollout", "--url", url, *WHO, "--timeout", "50ms"]) == code
    out = capsys.readouterr().out.splitlines()
    assert out[-1].startswith(f"Exit code {code}: {said}")
    assert "# Deployment Checklist: search v2.1" in out
    assert "✓ Pods running (immediate) pass: Good." in out
    assert ("✗ Error rate normal (short) fail: 5.1% of 1,200 requests failed, before 0.2%." in out) == (code == 1)


def test_json_and_markdown_alone_are_on_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path, FAILED) as url:
        assert main(["rollout", "--url", url, *WHO, "--output", "json"]) == 1
        told = capsys.readouterr()
        assert json.loads(told.out)["record"]["beside"] == "failed: Error rate normal"
        assert "✗ Error rate normal (short) fail" in told.err
        assert main(["rollout", "--url", url, *WHO, "--output", "markdown"]) == 1
        assert capsys.readouterr().out.startswith("# Deployment Checklist: search v2.1\n")


def test_what_is_not_seen_is_waited_for_and_has_no_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path) as url:
        assert main(["rollout", "--url", url, *WHO, "--timeout", "50ms"]) == 3
    told = capsys.readouterr()
    assert "undecided: No such rollout of this agent was seen yet, or another one came after it." in told.out
    assert told.err == "no record: No such rollout of this agent was seen yet, or another one came after it.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--namespace", "prod", "--agent", "search"), "one of the arguments --image --revision --since is required"),
        ((*WHO, "--since", "1h"), "argument --since: not allowed with argument --image"),
        ((*WHO[:4], "--since", "yesterday"), "--since: expected a duration such as 10m or 24h, or a time such as"),
        ((*WHO, "--until", "never"), "argument --until: invalid choice: 'never'"),
        ((*WHO, "--timeout", "5"), "argument --timeout: expected a duration such as"),
    ],
)
def test_a_mistake_is_one_line(arguments: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["rollout", "--url", "http://127.0.0.1:9", *arguments])
    except SystemExit as ended:
        code = ended.code  # type: ignore[assignment]  # argparse gives a number
    assert code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_the_config_of_a_daemon_says_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path, rollout()) as url:
        config = tmp_path / "own.yaml"
        config.write_text(f"server: {{host: 0.0.0.0, port: {url.rpartition(':')[2]}}}\n")
        assert main(["rollout", str(config), *WHO]) == 0
        config.write_text("server: {prot: 1}\n")
        capsys.readouterr()
        assert main(["rollout", str(config), *WHO]) == 2
    assert "server.prot" in capsys.readouterr().err


def test_a_daemon_that_asks_for_credentials_is_a_mistake_and_one_that_is_away_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, rollout()) as url:
        path = f"{url}/elsewhere"
        assert main(["rollout", "--url", path, *WHO]) == 2
    assert "404 Not Found" in capsys.readouterr().err
    assert main(["rollout", "--url", url, *WHO, "--timeout", "50ms"]) == 3
    assert "refused" in capsys.readouterr().out


class Answers:
    """What a gate says, one after the other; and the clock, which goes on while one sleeps."""

    def __init__(self, *answers: Rollout | Exception | None) -> None:
        self.answers, self.slept = list(answers), 0.0

    def ask(self) -> bytes:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(gate_json(gate_answer(answer, Window.SHORT, ""), alone=False)).encode()

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def follow(self, told: Teller, timeout: float = 3600) -> Followed:
        return follow(self.ask, told, timeout, lambda: self.slept, self.sleep)


def log() -> tuple[io.StringIO, Teller]:
    stream = io.StringIO()
    return stream, Teller(stream, moves=False)


def test_a_log_has_a_line_for_each_thing_that_is_new_and_one_a_minute() -> None:
    stream, teller = log()
    away = AskingError("http://w: Connection refused")
    answers = Answers(None, None, away, *[GOING_ON] * 15, rollout())
    assert answers.follow(teller).outcome is Outcome.VERIFIED
    assert answers.slept == 18 * EVERY
    said = stream.getvalue().splitlines()
    assert said[:2] == [
        "0ms  undecided: No such rollout of this agent was seen yet, or another one came after it.",
        "10s  unable: http://w: Connection refused",
    ]
    assert said[2:6] == [
        f"✓ {name} (immediate) pass: Good."
        for name in ("Pods running", "Health checks passing", "Logs normal", "Metrics available")
    ]
    assert [each.partition(":")[0] for each in said[6:8]] == ["15s  undecided", "1m15s  undecided"]
    assert len(said) == 8 + 7


def test_a_rollout_that_another_one_follows_ends_the_wait_and_keeps_its_revision() -> None:
    _, teller = log()
    anew = [None] * (MISSING - 1)  # as of a daemon that takes up what it knew
    answers = Answers(None, GOING_ON, *anew, GOING_ON, None)
    ended = answers.follow(teller)
    assert (ended.outcome, ended.revision) == (Outcome.UNDECIDED, REVISION.id)
    assert answers.slept == (2 * MISSING + 1) * EVERY
    assert ended.why.partition(", ")[2] == "or another one came after it."


def test_a_terminal_has_one_line_that_moves_and_is_never_wider_than_it_is() -> None:
    stream = io.StringIO()
    teller = Teller(stream, moves=True, width=40)
    Answers(GOING_ON, FAILED).follow(teller)
    teller.end()
    moving = [each for each in stream.getvalue().split("\r\x1b[K") if each and not each.endswith("\n")]
    assert moving == ["0ms  undecided: Not decided: Traffic r…"]
    assert stream.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"verdict": "fine"}', b'{"lines": []}', b"[" * 5000])
def test_what_is_no_gate_is_a_mistake_and_never_verified(body: bytes) -> None:
    _, teller = log()
    with pytest.raises(AskingError, match="what answers is no gate of the watcher"):
        follow(lambda: body, teller, 60, lambda: 0.0, lambda _: None)


def test_texts_of_agents_never_move_the_cursor() -> None:
    stream, teller = log()
    teller.line("Pods running", "immediate", "fail", "\x1b[2J\nExit code 0")
    teller.waiting(0, "\x1b]0;x\x07\r")
    assert stream.getvalue().count("\n") == 2
    assert "\x1b" not in stream.getvalue()


def test_the_time_is_over_when_it_is_over() -> None:
    _, teller = log()
    answers = Answers(GOING_ON)
    ended = answers.follow(teller, timeout=12)
    assert (ended.outcome, answers.slept) == (Outcome.UNDECIDED, 12)
