"""`readiness --url`: what a running daemon says, over what it serves, to whoever it admits; and what it does not."""

import json
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import httpx
import pytest

from probes.controls.catalogue.loading import load_catalogue
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.process import eventually
from tests.web.serving.test_access import free_port
from watcher.checklist.agent_report import Chosen
from watcher.checklist.asked_report import report_of
from watcher.cli import main
from watcher.demo.authority import Authority

TOKEN, PASSWORD = "s3cr3t-t0k3n", "correct horse"
NOBODY = {"namespace": "prod", "agent": "search", "address": "127.0.0.1:9"}  # discard: refuses
OTHER = {"namespace": "dev", "agent": "other", "address": "127.0.0.1:9"}
SOON = {"handshake": {"interval": "1s", "timeout": "500ms"}}
PROFILES = [{"name": "trial", "namespaces": ["dev"], "required": {"add": ["deployment.network.default-deny"]}}]


@dataclass
class Asked:
    """A daemon with two agents that nobody can reach."""

    daemon: DaemonProcess
    home: Path
    url: str


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Over TLS, to those who have a token or a password."""
    home = tmp_path_factory.mktemp("asked")
    now = time.time()
    authority = Authority("example.org", now)
    svid = authority.issue(
        "spiffe://example.org/watcher", not_before=now - 60, not_after=now + 3600, hosts=("127.0.0.1",)
    )
    certificate, key = svid.write(home)
    authority.write_bundle(home)
    (home / "token").write_text(f"{TOKEN}\n")
    (home / "user").write_text(f"ann:{PASSWORD}\n")
    (home / "wrong").write_text("eve:wrong\n")
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    server = {
        "port": 0,
        "health_port": free_port(),
        "tls": {"cert_file": str(certificate), "key_file": str(key)},
        "bearer_token_file": str(home / "token"),
        "basic_auth_users": {"ann": hashed},
    }
    config = {
        "server": server,
        "discovery": {"static": [NOBODY, OTHER]},
        "sources": SOON,
        "checklist": {"profiles": PROFILES},
    }
    with run_daemon(home, config) as daemon:
        yield Asked(daemon, home, f"https://127.0.0.1:{daemon.address[1]}")


def _run(asked: Asked, *arguments: str, as_whom: str = "--bearer-token-file=token") -> int:
    option, _, file = as_whom.partition("=")
    whom = [option, str(asked.home / file)] if file else []
    authorities = ["--ca-file", str(asked.home / "bundle.pem")]
    return main(["readiness", "--url", asked.url, *authorities, *whom, *arguments])


@pytest.fixture
def judged(asked: Asked, capsys: pytest.CaptureFixture[str]) -> Asked:
    """Once all agents have a verdict."""

    def known() -> bool:
        _run(asked, "--output", "json")
        out = capsys.readouterr().out
        return bool(out) and len(json.loads(out)["agents"]) == 2

    eventually(known, within=60)
    return asked


def test_what_the_daemon_says_is_shown_in_each_format_and_ends_with_3_for_what_is_not_known(
    judged: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(judged, "--since", "24h") == 3
    text = capsys.readouterr().out
    assert text.startswith("no findings changed\n\ndev/other: indeterminate\n  required: ")
    assert "\nprod/search: indeterminate\n" in text
    assert text.endswith("Exit code 3: a required control is not known of dev/other, prod/search.\n")
    for form in ("markdown", "html", "junit", "sarif"):
        assert _run(judged, "--output", form) == 3
        assert "prod/search" in capsys.readouterr().out
    assert _run(judged, "--fail-on", "fail") == 0


def test_selections_are_those_of_the_other_ways(judged: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    def agents(*arguments: str) -> list[str]:
        _run(judged, "--output", "json", *arguments)
        return [each["agent"] for each in json.loads(capsys.readouterr().out)["agents"]]

    assert agents("--namespace", "dev") == agents("--profile", "trial") == agents("--agent", "other") == ["other"]
    assert agents("--profile", "checklist") == ["search"]
    _run(judged, "--output", "json", "--agent", "other", "--section", "deployment", "--required")
    [agent] = json.loads(capsys.readouterr().out)["agents"]
    controls = {each["control"] for each in agent["findings"]}
    assert "deployment.network.default-deny" in controls
    assert {each.partition(".")[0] for each in controls} == {"deployment"}
    assert _run(judged, "--agent", "nobody") == 2
    assert capsys.readouterr().err == f"agentweave-watcher readiness: {judged.url}/: no agent is selected\n"


@pytest.mark.parametrize("as_whom", ["--bearer-token-file=token", "--user-file=user"])
def test_who_may_read_is_answered(judged: Asked, as_whom: str) -> None:
    assert _run(judged, as_whom=as_whom) == 3


@pytest.mark.parametrize(
    ("as_whom", "said"),
    [
        ("", "401 Unauthorized"),
        ("--user-file=wrong", "401 Unauthorized"),
        ("--user-file=token", "expected NAME:PASSWORD"),
        ("--user-file=none", "cannot be read: No such file or directory"),
    ],
)
def test_who_may_not_is_told_why(judged: Asked, as_whom: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(judged, as_whom=as_whom) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert TOKEN not in err


def test_a_certificate_of_strangers_is_not_believed(judged: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    token = str(judged.home / "token")
    assert main(["readiness", "--url", judged.url, "--bearer-token-file", token]) == 2
    assert "certificate verify failed" in capsys.readouterr().err


def test_a_secret_is_sent_in_the_clear_to_this_machine_only(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    token = str(asked.home / "token")
    assert main(["readiness", "--url", "http://watcher.example.org", "--bearer-token-file", token]) == 2
    assert "expected https with --bearer-token-file and --user-file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", "http://127.0.0.1:9"], "http://127.0.0.1:9/: Connection refused"),
        (["--url", "http://127.0.0.1:9", "watcher.yaml"], "expected either watcher.yaml or --url, not both"),
        (["--since", "1h"], "--since: only a running daemon knows what turned: give its --url"),
        (["--manifests", "x", "--since", "1h"], "--since: only a running daemon knows what turned: give its --url"),
    ],
)
def test_what_cannot_be_asked_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["readiness", *arguments]) == 2
    assert capsys.readouterr().err == f"agentweave-watcher readiness: {said}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "x"],
        ["--url", "http://127.0.0.1:9", "--manifests", "y"],
        ["--url", "http://127.0.0.1:9", "--since", "a while"],
        ["--url", "http://127.0.0.1:9", "--user-file", "a", "--bearer-token-file", "b"],
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["readiness", *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_api_takes_a_time_and_refuses_what_is_none(asked: Asked) -> None:
    context = ssl.create_default_context(cafile=str(asked.home / "bundle.pem"))

    def ask(query: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.get(f"{asked.url}/api/v1/{query}", headers=headers, verify=context, trust_env=False)

    assert ask("readiness?since=1h").json()["turned"] == []
    assert "turned" not in ask("readiness").json()
    assert "findings" not in ask("readiness").json()["agents"][0]
    assert ask("readiness?since=soon").status_code == 400
    assert ask("readiness?findings=maybe").json() == {"error": "findings: expected true or false, got 'maybe'"}
    assert ask("readiness/prod/nobody").status_code == 404
    [one] = ask("readiness/prod/search").json()["agents"]
    assert {each["control"] for each in one["findings"]} == load_catalogue().by_id.keys()
    controls = ask("controls").json()["controls"]
    assert [each["id"] for each in controls] == [each.id for each in load_catalogue().controls]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<html>", "the answer: Invalid JSON"),
        (b'{"generated_at": "2026-11-30T11:00:00Z"}', "agents: Field required"),
        (b'{"generated_at": "x", "agents": []}', "generated_at: Input should be a valid datetime"),
    ],
)
def test_another_answer_is_told_in_a_line(answer: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        report_of(answer, load_catalogue(), Chosen())
    assert "\n" not in str(refused.value)


def test_controls_that_only_the_daemon_knows_are_told_and_not_taken_for_met() -> None:
    finding = {
        "control": "no.such",
        "state": "pass",
        "underlying": "pass",
        "required": True,
        "reason": "",
        "assurance": "observed",
        "message": "",
        "since": "2026-11-30T11:00:00Z",
        "pods": {},
        "evidence": [],
    }
    agent = {"namespace": "prod", "agent": "search", "profile": "checklist", "labels": {}, "findings": [finding]}
    answer = json.dumps({"generated_at": "2026-11-30T11:00:00Z", "agents": [agent]}).encode()
    report = report_of(answer, load_catalogue(), Chosen())
    assert report.problems == ["a control is not known to this version, such as no.such: use that of the daemon"]
    assert report.agents[0].readiness.verdict == "vacuous"
