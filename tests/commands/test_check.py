"""The command `check`: one truthful look, its exit codes, its outputs, and what it must leave alone."""

import asyncio
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from probes.contract import ConditionKind, Severity, Unknown, Verdict
from tests.commands.test_readiness_schemas import JUNIT, SARIF
from tests.servers.agents import silent
from tests.servers.daemon import COMMAND, run_daemon, write_config
from tests.servers.kube_lies import run_lying_kubernetes
from tests.servers.pki import Leaf, PlainAuthority
from tests.servers.tls_servers import serve, speak_tls, tls_context
from tests.servers.watched_fleet import SOURCES, WatchedFleet, run_fleet
from watcher.commands.check.command import Options, check
from watcher.commands.check.outcome import FailOn, outcome
from watcher.commands.check.progress import Progress
from watcher.demo.authority import Authority

KIND = ConditionKind(name="DiskFull", severity=Severity.CRITICAL, true_when="It is full.", all_clear="It is not.")
MINOR = ConditionKind(name="DiskOld", severity=Severity.WARNING, true_when="It is old.", all_clear="It is not.")
CRITICAL, WARNING, PASSING = KIND.true("Full."), MINOR.true("Old."), KIND.false()
OPEN, YOUNG = KIND.unknown(Unknown.SIGNAL_ABSENT), KIND.unknown(Unknown.WARMING_UP)
REFUSED = {"namespace": "prod", "agent": "gone", "address": "127.0.0.1:9"}  # discard (RFC 863): refuses


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedFleet]:
    with run_fleet(tmp_path_factory.mktemp("check"), "search", "billing") as fleet:
        yield fleet


@dataclass(frozen=True)
class Told:
    """What a check said."""

    code: int
    out: str
    err: str

    @property
    def targets(self) -> list[dict[str, Any]]:
        """Of JSON."""
        found: list[dict[str, Any]] = json.loads(self.out)["targets"]
        return found

    @property
    def verdicts(self) -> dict[tuple[str, str], str]:
        """Agent and condition -> status and reason, of JSON."""
        return {
            (target["agent"], each["condition"]): f"{each['status']} {each['reason']}".strip()
            for target in self.targets
            for each in target["conditions"]
        }


class Checker:
    """Runs `check` in this process."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._directory, self._capsys = directory, capsys

    def __call__(
        self,
        config: Mapping[str, object],
        *,
        namespace: str | None = None,
        agent: str | None = None,
        probe: str | None = None,
        output: str = "json",
        fail_on: FailOn | None = None,
        terminal: bool = False,
        everything: bool = False,
    ) -> Told:
        path = write_config(self._directory, config)
        options = Options(
            config=path,
            namespace=namespace,
            agent=agent,
            probe=probe,
            output=output,
            fail_on=fail_on,
            terminal=terminal,
            everything=everything,
        )
        return Told(check(options, {}), *self._capsys.readouterr())


@pytest.fixture
def run_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(tmp_path, capsys)


def _only(*targets: Mapping[str, object], **sections: object) -> dict[str, object]:
    return {"discovery": {"static": list(targets)}} | sections


def test_a_healthy_fleet_ends_with_0(fleet: WatchedFleet, run_check: Checker) -> None:
    told = run_check(fleet.config())
    assert (told.code, told.err) == (0, "")
    assert set(told.verdicts.values()) == {"false", "unknown WarmingUp"}


def test_a_true_condition_ends_with_1_after_as_many_looks_as_it_takes(run_check: Checker) -> None:
    began = time.monotonic()
    told = run_check(_only(REFUSED))
    assert told.code == 1
    assert told.verdicts["gone", "AgentUnreachable"] == "true ConnectionRefused"
    assert 1 <= time.monotonic() - began < 5


def test_silence_where_nothing_ever_answered_ends_with_3(run_check: Checker) -> None:
    with silent() as nowhere:
        target = {"namespace": "prod", "agent": "quiet", "address": nowhere}
        told = run_check(_only(target, sources={"handshake": {"interval": "2s", "timeout": "300ms"}}))
    assert told.code == 3
    assert told.verdicts["quiet", "AgentUnreachable"] == "unknown NeverReached"


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ({"agent": "nobody"}, "no target matches agent 'nobody'"),
        ({"namespace": "dev"}, "no target matches namespace 'dev'"),
        ({"namespace": "prod", "agent": "x"}, "no target matches namespace 'prod' and agent 'x'"),
        ({"probe": "weather"}, "no probe 'weather'; expected one of "),
    ],
)
def test_a_selection_that_matches_nothing_ends_with_2(run_check: Checker, selection: dict[str, str], said: str) -> None:
    told = run_check(_only(REFUSED), **selection)  # type: ignore[arg-type]  # by name
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert said in told.err


def test_no_targets_at_all_end_with_2(run_check: Checker) -> None:
    told = run_check({})
    assert (told.code, told.out) == (2, "")
    assert told.err.endswith("no targets are configured\n")


@pytest.mark.parametrize(
    ("selection", "agents", "probes"),
    [
        ({"agent": "search"}, {"search"}, {"svid", "opa", "breaker", "memory", "pool", "slo", "cpu", "telemetry"}),
        ({"probe": "svid"}, {"search", "billing"}, {"svid"}),
        ({"namespace": "prod", "agent": "billing", "probe": "opa"}, {"billing"}, {"opa"}),
    ],
)
def test_only_what_is_selected_is_looked_at(
    fleet: WatchedFleet, run_check: Checker, selection: dict[str, str], agents: set[str], probes: set[str]
) -> None:
    told = run_check(fleet.config(), **selection)  # type: ignore[arg-type]  # by name
    assert {target["agent"] for target in told.targets} == agents
    assert {each["probe"] for target in told.targets for each in target["conditions"]} == probes
    sources = {look["source"] for target in told.targets for look in target["looks"]}
    assert sources == {"handshake", "agent_metrics", "opa"} & {
        {"svid": "handshake", "opa": "opa"}.get(probe, "agent_metrics") for probe in probes
    }


def test_json_has_the_shape_of_the_api_and_evidence_for_one_target_only(
    fleet: WatchedFleet, run_check: Checker
) -> None:
    several, one = run_check(fleet.config()), run_check(fleet.config(), agent="search")
    for told in (several, one):
        document = json.loads(told.out)
        assert document.keys() == {"generated_at", "total", "targets", "summary"}
        for target in document["targets"]:
            assert target.keys() == {"namespace", "agent", "pod", "address", "state", "conditions", "looks"}
            for look in target["looks"]:
                assert look["result"] == "ok"
                assert bool(look["evidence"]) == (told is one)


def test_a_terminal_shows_what_is_not_well_by_agent_and_counts_in_one_line(
    fleet: WatchedFleet, run_check: Checker
) -> None:
    bare, young = {"namespace": "prod", "agent": "bare"}, "9 conditions need more history"
    told = run_check(fleet.config(fleet.target("search"), REFUSED, bare), output="text", terminal=True)
    assert told.out.splitlines() == [
        "critical  prod/gone",
        "          AgentUnreachable: 127.0.0.1:9 refused the connection.",
        "          6 conditions not evaluated: the probe failed",
        "no data   prod/bare",
        "          no condition applies: there is nothing to probe",
        f"3 targets: 1 critical, 1 healthy, 1 no data ({young}). Exit code 1: 1 condition failing.",
    ]
    assert (told.code, told.err) == (1, "prod/bare: nothing was judged, for no condition applies to it\n")


def test_what_many_agents_have_in_common_is_folded_on_a_terminal_as_on_the_page(run_check: Checker) -> None:
    targets = [REFUSED | {"agent": f"gone-{number:02}"} for number in range(12)]
    told = run_check(_only(*targets), output="text", terminal=True)
    lines = told.out.splitlines()
    assert lines[0] == "critical  12 agents: AgentUnreachable on 12 pods"
    assert lines[1] == "          prod/gone-00: connection refused"
    assert lines[-2] == "          and 2 agents more"
    assert lines[-1] == "12 targets: 12 critical. Exit code 1: 12 conditions failing."


def test_in_a_pipe_each_condition_is_one_line_the_worst_target_first(fleet: WatchedFleet, run_check: Checker) -> None:
    told = run_check(fleet.config(fleet.target("search"), REFUSED), output="text")
    fields = [line.split("\t") for line in told.out.splitlines()]
    assert {len(each) for each in fields} == {7}
    assert fields[0] == [
        "true",
        "critical",
        "prod/gone/gone",
        "AgentUnreachable",
        "",
        "ConnectionRefused",
        "127.0.0.1:9 refused the connection.",
    ]
    assert [each[2] for each in fields] == sorted((each[2] for each in fields), key=lambda name: "gone" not in name)
    assert len(fields) == sum(len(target["conditions"]) for target in run_check(_both(fleet)).targets)


def _both(fleet: WatchedFleet) -> Mapping[str, object]:
    return fleet.config(fleet.target("search"), REFUSED)


def test_all_shows_what_passes_too(fleet: WatchedFleet, run_check: Checker) -> None:
    told = run_check(_both(fleet), output="text", terminal=True, everything=True)
    assert "critical prod/gone\n  failing AgentUnreachable: ConnectionRefused: 127.0.0.1:9 refused" in told.out
    assert "\n  passing MetricsUnavailable: " in told.out


def test_json_lines_have_one_object_a_condition_with_severity_and_runbook(run_check: Checker) -> None:
    told = run_check(_only(REFUSED), output="jsonl", probe="svid")
    first, *rest = map(json.loads, told.out.splitlines())
    assert first | {"since": ""} == {
        "namespace": "prod",
        "agent": "gone",
        "pod": "gone",
        "state": "critical",
        "probe": "svid",
        "condition": "AgentUnreachable",
        "subject": "",
        "severity": "critical",
        "status": "true",
        "reason": "ConnectionRefused",
        "message": "127.0.0.1:9 refused the connection.",
        "since": "",
        "runbook": "/runbooks/AgentWeaveAgentUnreachable",
    }
    assert {each["reason"] for each in rest} == {"SourceFailed"}


def test_json_has_a_summary(run_check: Checker) -> None:
    document = json.loads(run_check(_only(REFUSED), probe="svid").out)
    assert document["summary"] == {
        "targets": {"critical": 1, "warning": 0, "unknown": 0, "healthy": 0, "nothing_to_judge": 0},
        "conditions": {"true": 1, "false": 0, "unknown": 6, "learning": 0},
    }


def test_junit_fails_what_makes_exit_1_and_skips_what_is_only_unknown(run_check: Checker) -> None:
    told = run_check(_only(REFUSED), output="junit", probe="svid")
    assert 'tests="7" failures="1" errors="0"' in told.out
    assert told.out.count("<skipped ") == 6
    JUNIT.validate(told.out)
    assert 'failures="7"' in run_check(_only(REFUSED), output="junit", probe="svid", fail_on="unknown").out


def test_sarif_and_github_name_the_line_of_the_config(run_check: Checker) -> None:
    document = json.loads(run_check(_only(REFUSED), output="sarif", probe="svid").out)
    assert [error.message for error in SARIF.iter_errors(document)] == []
    [run] = document["runs"]
    assert [each["kind"] for each in run["results"]] == ["fail", *["open"] * 6]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith(".yaml")
    assert place["region"]["startLine"] >= 1
    first, *_, last = run_check(_only(REFUSED), output="github", probe="svid").out.splitlines()
    assert first.startswith("::error file=")
    assert first.endswith(
        "title=AgentUnreachable of prod/gone/gone::ConnectionRefused: 127.0.0.1:9 refused the connection."
    )
    assert last == "::notice title=agentweave-watcher check::Exit code 1: 1 condition failing."


@pytest.mark.parametrize(
    ("fail_on", "verdicts", "code"),
    [
        (None, [CRITICAL], 1),
        (None, [WARNING], 1),
        (None, [OPEN, PASSING], 3),
        (None, [YOUNG, PASSING], 0),
        (None, [YOUNG], 2),
        (None, [], 2),
        ("critical", [CRITICAL], 1),
        ("critical", [WARNING, OPEN], 0),
        ("warning", [WARNING], 1),
        ("warning", [OPEN, PASSING], 0),
        ("unknown", [OPEN], 1),
        ("unknown", [YOUNG, PASSING], 0),
    ],
)
def test_the_exit_code_is_what_fail_on_names(fail_on: FailOn | None, verdicts: list[Verdict], code: int) -> None:
    assert outcome(verdicts, fail_on, incomplete=False).code == code
    assert outcome(verdicts, fail_on, incomplete=True).code == (code if code == 1 else 3)


def test_a_target_with_nothing_to_probe_ends_with_2(run_check: Checker) -> None:
    told = run_check(_only({"namespace": "prod", "agent": "bare"}), output="text")
    assert (told.code, told.out) == (2, "")
    assert told.err == "prod/bare: nothing was judged, for no condition applies to it\n"


def test_watching_a_document_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_config(tmp_path, _only(REFUSED))
    assert check(Options(config=path, output="json", every=1.0), {}) == 2
    assert capsys.readouterr().err == "--watch prints again and again: expected --output text, jsonl, github\n"


def test_without_a_terminal_a_long_call_says_each_ten_seconds_how_far_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def call() -> None:
        said = asyncio.Event()
        async with Progress("check", every=0.01) as progress:
            progress.step("probing, attempt 1 of 3", 4000)
            for _ in range(1200):
                progress.done()
            asyncio.get_running_loop().call_later(0.05, said.set)
            await said.wait()

    asyncio.run(call())
    assert capsys.readouterr().err.startswith("check: probing, attempt 1 of 3: 1,200 of 4,000 after 0 s\n")


def test_the_command_prints_the_same_as_a_program(fleet: WatchedFleet, tmp_path: Path) -> None:
    config = write_config(tmp_path, fleet.config(fleet.target("search"), REFUSED))
    told = subprocess.run(
        [*COMMAND, "check", "--config", config], capture_output=True, text=True, timeout=30, check=False
    )
    assert (told.returncode, told.stderr) == (1, "")
    assert "AgentUnreachable" in told.stdout


@contextmanager
def _counted(answer: bytes) -> Iterator[tuple[str, list[float]]]:
    """A server with one answer for everything: its `host:port`, and when it was asked."""
    asked: list[float] = []

    def talk(connection: socket.socket) -> None:
        if connection.recv(65536):
            asked.append(time.monotonic())
            connection.sendall(answer)

    with serve(talk) as address:
        yield address, asked


def _looks(asked: list[float]) -> int:
    """How often it was looked: questions of one look come together."""
    ordered = sorted(asked)
    return 1 + sum(later - earlier > 0.5 for earlier, later in pairwise(ordered))


UNDEFINED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
BROKEN = b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_bad_look_is_repeated_until_it_counts(run_check: Checker, failures: int) -> None:
    with _counted(BROKEN) as (address, asked):
        target = {"namespace": "prod", "agent": "search", "metrics": f"http://{address}/metrics"}
        told = run_check(_only(target, probes={"telemetry": {"failures": failures}}))
    assert told.verdicts["search", "MetricsUnavailable"] == "true HTTPError"
    assert _looks(asked) == failures


def test_an_opa_that_two_targets_share_is_asked_anew_for_each_look(run_check: Checker) -> None:
    with _counted(UNDEFINED) as (address, asked):
        targets = [{"namespace": "prod", "agent": name, "opa": f"http://{address}"} for name in ("search", "billing")]
        told = run_check(_only(*targets))
    assert {told.verdicts[name, "OPAPolicyMissing"] for name in ("search", "billing")} == {"true Undefined"}
    assert _looks(asked) == 2


def test_what_only_time_can_show_is_not_held_yet_unless_the_state_shows_it(
    fleet: WatchedFleet, run_check: Checker, tmp_path: Path
) -> None:
    breaker = fleet.agents["search"].breaker.labels("ranker")
    breaker.set(1)
    state = tmp_path / "state"
    config = fleet.config(fleet.target("search"), state_dir=str(state), probes={"breaker": {"open_for": "1s"}})
    try:
        told = run_check(config, probe="breaker")
        assert told.code == 3
        assert told.verdicts["search", "CircuitBreakerOpen"] == "unknown NotHeldYet"
        assert not state.exists()
        with run_daemon(tmp_path, config | {"sources": SOURCES}) as daemon:
            daemon.says("CircuitBreakerOpen", "true", subject="ranker")
            assert daemon.end() == 0
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in state.iterdir()}
        told = run_check(config, probe="breaker")
        assert told.code == 1
        assert told.verdicts["search", "CircuitBreakerOpen"].startswith("true Open")
        assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in state.iterdir()} == before
    finally:
        breaker.set(0)


def test_a_state_that_cannot_be_read_is_said_and_left_where_it_is(run_check: Checker, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.jsonl").write_text("junk")
    told = run_check(_only(REFUSED, state_dir=str(state)))
    assert told.code == 1
    assert told.err.startswith("state: ")
    assert told.err.count("\n") == 1
    assert [path.name for path in state.iterdir()] == ["state.jsonl"]


def test_many_targets_are_all_told_in_each_form(run_check: Checker) -> None:
    targets = _only(*(REFUSED | {"pod": f"pod-{number}"} for number in range(500)))
    told = run_check(targets)
    assert sum(each["status"] == "true" for target in told.targets for each in target["conditions"]) == 500
    assert run_check(targets, output="text").out.count("\tAgentUnreachable\t") == 500
    assert "AgentUnreachable on at least 30 pods: " in run_check(targets, output="text", terminal=True).out


def test_watching_prints_again_until_an_interrupt(tmp_path: Path) -> None:
    config = write_config(tmp_path, _only(REFUSED, probes={"svid": {"failures": 1}}))
    command = ["env", "--default-signal=INT", *COMMAND, "check", str(config), "--watch", "200ms", "--probe", "svid"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        failing = (
            line for line in process.stdout if line.startswith("true\tcritical\tprod/gone/gone\tAgentUnreachable")
        )
        assert [next(failing) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode in (1, 130)  # 130: it was probing just then


def test_a_discovery_that_failed_is_never_an_all_clear(run_check: Checker, tmp_path: Path) -> None:
    now = time.time()
    authority = Authority("example.org", now)
    svid = authority.issue("spiffe://example.org/agent/search", not_before=now - 10, not_after=now + 3600)
    certificate, key = svid.write(tmp_path)
    own = {"cert_file": str(certificate), "key_file": str(key), "bundle_file": str(authority.write_bundle(tmp_path))}
    with run_lying_kubernetes() as lies, serve(speak_tls(tls_context(svid))) as address:
        static = [{"namespace": "prod", "agent": "search", "address": address}]
        found = {"kubernetes": {"kubeconfig": str(lies.kubeconfig(tmp_path))}, "static": static}
        assert run_check({"identity": own, "discovery": found}).code == 0
        lies.list_status = 403
        told = run_check({"identity": own, "discovery": found})
    assert (told.code, told.err) == (3, "discovery: all namespaces: 403: no list now\n")
    assert set(told.verdicts.values()) == {"false"}


def test_what_is_well_and_has_a_remark_is_printed_with_it_and_counts_as_well(
    run_check: Checker, tmp_path: Path
) -> None:
    now = time.time()
    authorities = [PlainAuthority(now), PlainAuthority(now)]
    served = Leaf(not_before=now - 10, not_after=now + 3600).signed_by(authorities[0])
    certificate, key = served.write(tmp_path)
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"".join(each.certificate.public_bytes(Encoding.PEM) for each in authorities))
    own = {"cert_file": str(certificate), "key_file": str(key), "bundle_file": str(bundle)}
    with serve(speak_tls(tls_context(served))) as address:
        static = [{"namespace": "prod", "agent": "search", "address": address}]
        told = run_check({"identity": own, "discovery": {"static": static}}, output="text")
    remarks = [line.split("\t") for line in told.out.splitlines() if "2 valid authorities of " in line]
    assert [each[:4] for each in remarks] == [["false", "critical", "prod/search/search", "SVIDNotTrusted"]]
    assert told.code == 0
