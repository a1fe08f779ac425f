"""The life of a daemon: how it starts, what it remembers, how it ends; and what of its own trouble it tells."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.servers.agents import silent
from tests.servers.daemon import COMMAND, DaemonProcess, run_daemon, write_config
from tests.servers.process import eventually
from tests.servers.tls_servers import hear, serve
from tests.servers.watched_fleet import PACE, SOURCES, WatchedFleet, run_fleet
from tests.servers.workload_api import HANGING, WorkloadApiServer

NOBODY = {"namespace": "prod", "agent": "nobody", "address": "127.0.0.1:9"}  # discard: refuses


def _quiet(daemon: DaemonProcess) -> bool:
    return not [line for line in daemon.log() if line["level"] in ("error", "critical")]


@contextmanager
def _hanging(home: Path) -> Iterator[tuple[dict[str, object], Sequence[Mapping[str, object]]]]:
    """A config in which every server takes all that it is sent and never says a word, and its targets."""
    patient = {"interval": "40s", "timeout": "30s"}
    with ExitStack() as stack:
        nowhere, mute = stack.enter_context(silent()), stack.enter_context(serve(hear))
        stack.enter_context(WorkloadApiServer(home / "agent.sock", HANGING))
        url = f"http://{mute}"
        targets = [
            {"namespace": "prod", "agent": "mute", "address": mute, "metrics": url, "opa": url},
            {"namespace": "prod", "agent": "twin", "address": mute, "metrics": url, "opa": url},
            {"namespace": "prod", "agent": "nowhere", "address": nowhere, "metrics": f"http://{nowhere}"},
        ]
        config = {
            "identity": {"workload_api": f"unix://{home}/agent.sock", "trust_domain": "example.org"},
            "sources": dict.fromkeys(SOURCES, patient),
            "state_dir": str(home / "state"),
            "discovery": {"static": targets},
        }
        yield config, targets


def test_a_signal_ends_it_cleanly_whatever_hangs(tmp_path: Path) -> None:
    with _hanging(tmp_path) as (config, _), run_daemon(tmp_path, config, wait_for="/livez") as daemon:
        eventually(lambda: daemon.page().value("targets") == 3)
        eventually(lambda: daemon.page().value("schedule_lag_seconds_count", source="opa") == 2)  # looks hang now
        assert daemon.page().value("impaired", reason="NoIdentity") == 1
        with socket.create_connection(daemon.address) as unread:
            unread.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert daemon.end() == 0
        assert _quiet(daemon)


def test_an_interrupt_while_it_starts_ends_it_too(tmp_path: Path) -> None:
    with _hanging(tmp_path) as (config, _), run_daemon(tmp_path, config, wait_for="/livez") as daemon:
        assert daemon.end(signal.SIGINT) == 0
        assert _quiet(daemon)


def test_signals_before_the_config_is_read_are_heeded(tmp_path: Path) -> None:
    config = tmp_path / "pipe.yaml"
    os.mkfifo(config)
    with subprocess.Popen([*COMMAND, "run", "--config", config]) as process, config.open("w"):
        process.send_signal(signal.SIGHUP)  # it has opened the pipe, and waits for what nobody writes
        time.sleep(0.1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def _remember_that_all_were_reached(state: Path, targets: Sequence[Mapping[str, object]]) -> None:
    lines: list[object] = [{"format": "agentweave-watcher-state", "version": 1, "targets": len(targets)}]
    for each in targets:
        key = (each["namespace"], each["agent"], each["agent"])
        lines.append({"target": key, "reached": {"address": each["address"]}, "probes": {}})
    state.mkdir()
    (state / "state.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_reloads_while_it_starts_are_one_after_the_start_and_cost_no_history(tmp_path: Path) -> None:
    with _hanging(tmp_path) as (config, targets):
        _remember_that_all_were_reached(tmp_path / "state", targets)
        with run_daemon(tmp_path, config, wait_for="/livez") as daemon:
            pace = {"interval": "600ms", "timeout": "500ms"}
            write_config(tmp_path, config | {"sources": dict.fromkeys(SOURCES, pace), "state_dir": "/elsewhere"})
            for _ in range(20):
                daemon.process.send_signal(signal.SIGHUP)  # it waits for its identity for three seconds
                time.sleep(0.01)
            daemon.says("AgentUnreachable", "true Lost", pod="nowhere")
            daemon.says("AgentUnreachable", "true HandshakeTimeout", pod="mute")
            children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children")
            eventually(lambda: not children.read_text())
            assert len(daemon.logged(lambda line: line.get("section") == "state_dir")) <= 2  # each reload says so


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedFleet]:
    with run_fleet(tmp_path_factory.mktemp("life"), "search", "billing", with_opa=False) as fleet:
        yield fleet


def _since(daemon: DaemonProcess, agent: str, condition: str) -> str:
    [target] = daemon.targets(f"?agent={agent}")
    [since] = [each["since"] for each in target["conditions"] if each["condition"] == condition]
    return str(since)


def _state(home: Path) -> dict[str, Mapping[str, object]]:
    head, *lines = (home / "state/state.jsonl").read_text().splitlines()
    assert json.loads(head)["targets"] == len(lines)
    return {entry["target"][1]: entry for entry in map(json.loads, lines)}


def test_what_is_known_survives_an_end_and_a_kill(tmp_path: Path, fleet: WatchedFleet) -> None:
    search, billing = fleet.agents["search"], fleet.agents["billing"]
    billing.issue(ages=(3600, -5))
    with silent() as nowhere:
        never = {"namespace": "prod", "agent": "never", "address": nowhere}
        config = fleet.config(
            fleet.target("search"), fleet.target("billing"), never, state_dir=str(tmp_path / "state"), probes={}
        )
        with run_daemon(tmp_path, config) as daemon:
            daemon.says("SVIDExpired", "true", pod="billing")
            daemon.says("AgentUnreachable", "false", pod="search")
            since = _since(daemon, "billing", "SVIDExpired")
            time.sleep(1.1)  # the API tells whole seconds
            assert daemon.end() == 0
        reached = {name: entry["reached"] for name, entry in _state(tmp_path).items()}
        assert set(reached["search"]) == {"address", "metrics"}  # type: ignore[call-overload]  # JSON
        assert reached["never"] == {}
        search.fall_silent()
        with run_daemon(tmp_path, config) as daemon:
            daemon.says("AgentUnreachable", "true Lost", pod="search")
            daemon.says("SVIDExpired", "true", pod="billing")
            assert daemon.page().verdict("AgentUnreachable", pod="never") == "unknown NeverReached"
            assert _since(daemon, "billing", "SVIDExpired") == since
            assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
        assert set(_state(tmp_path)) == {"search", "billing", "never"}
        with run_daemon(tmp_path, config) as daemon:
            daemon.says("AgentUnreachable", "true Lost", pod="search")
            daemon.says("SVIDExpired", "true", pod="billing")
            assert _since(daemon, "billing", "SVIDExpired") == since


def test_a_kill_at_any_moment_leaves_a_whole_state(tmp_path: Path) -> None:
    state = tmp_path / "state"
    targets = [NOBODY | {"pod": f"pod-{number}"} for number in range(300)]
    config = {"state_dir": str(state), "discovery": {"static": targets}, "sources": SOURCES}
    for delay in (0.0, 0.1):
        with run_daemon(tmp_path, config, wait_for="/livez") as daemon:
            time.sleep(delay)
            daemon.end(signal.SIGKILL)
        if (state / "state.jsonl").exists():
            head, *lines = (state / "state.jsonl").read_text().splitlines()
            assert json.loads(head)["targets"] == len(lines) == len(targets)
    assert not list(state.glob("*.unreadable-*"))


def test_a_state_that_cannot_be_read_is_set_aside_with_a_warning(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.jsonl").write_text("junk")
    config = {"state_dir": str(state), "discovery": {"static": [NOBODY]}, "sources": SOURCES}
    with run_daemon(tmp_path, config) as daemon:
        assert daemon.page().value("impaired", reason="StateUnwritable") == 0
        [warning] = daemon.logged(lambda line: "history starts again" in line["msg"])
    assert warning["level"] == "warning"
    assert Path(warning["set_aside_as"]).read_text() == "junk"


def test_a_state_that_cannot_be_written_is_its_own_trouble_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = {"state_dir": str(tmp_path / "file/state"), "discovery": {"static": [NOBODY]}, "sources": SOURCES}
    with run_daemon(tmp_path, config) as daemon:
        eventually(lambda: daemon.page().value("impaired", reason="StateUnwritable") == 1)
        daemon.says("AgentUnreachable", "true ConnectionRefused", pod="nobody")
        [line] = daemon.logged(lambda line: line.get("reason") == "StateUnwritable")
        assert line["why"] == f"{tmp_path}/file/state/state.jsonl: Not a directory"
        assert daemon.end() == 0


def test_a_full_disk_is_told_and_the_old_state_stays(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.new").symlink_to("/dev/full")  # full(4): every write fails with ENOSPC
    config = {"state_dir": str(state), "discovery": {"static": [NOBODY]}, "sources": SOURCES}
    with run_daemon(tmp_path, config) as daemon:
        eventually(lambda: daemon.page().value("impaired", reason="StateUnwritable") == 1)
        assert daemon.end() == 0
    assert not (state / "state.jsonl").exists()


def test_a_disk_that_hangs_holds_up_neither_the_looks_nor_the_end(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    os.mkfifo(state / "state.new")  # to open it for writing waits for a reader, for ever
    config = {"state_dir": str(state), "discovery": {"static": [NOBODY]}, "sources": SOURCES}
    with run_daemon(tmp_path, config) as daemon:
        daemon.says("AgentUnreachable", "true ConnectionRefused")
        assert daemon.end() == 0
        assert [line["step"] for line in daemon.log() if line["msg"] == "shutdown step timed out"] == ["state"]


def test_the_first_line_of_the_log_says_what_runs_by_which_config_shard_and_identity(tmp_path: Path) -> None:
    config = {"discovery": {"static": [NOBODY]}, "shard": {"index": 1, "count": 3}}
    with run_daemon(tmp_path, config, wait_for="/livez") as daemon:
        first = daemon.log()[0]
    assert {name: first[name] for name in ("level", "msg", "version", "config", "shard", "identity")} == {
        "level": "info",
        "msg": "starting agentweave-watcher",
        "version": version("agentweave-watcher"),
        "config": str(tmp_path / "watcher.yaml"),
        "shard": "1 of 3",
        "identity": "none",
    }


def test_a_variable_that_looks_like_the_configs_and_is_not_is_a_warning_at_the_start(tmp_path: Path) -> None:
    of_kubernetes = {"AGENTWEAVE_WATCHER_SERVICE_HOST": "10.96.0.9", "AGENTWEAVE_WATCHER_SERVICE_PORT": "9847"}
    given = {"AGENTWEAVE_WATCHER_STATE_DIR": "/nowhere", "AGENTWEAVE_WATCHER_SERVER_PORT": "1", **of_kubernetes}
    with run_daemon(tmp_path, {"discovery": {"static": [NOBODY]}}, wait_for="/livez", environment=given) as daemon:
        told = [line for line in daemon.log() if line["msg"] == "environment variable not read"]
    assert [line["variable"] for line in told] == ["AGENTWEAVE_WATCHER_SERVER_PORT", "AGENTWEAVE_WATCHER_STATE_DIR"]
    assert {line["level"] for line in told} == {"warning"}
    [why] = {line["why"] for line in told}
    assert why == (
        "names of the config have two underscores between section and key, such as "
        "AGENTWEAVE_WATCHER_SERVER__PORT; keys outside of all sections stand in the file only"
    )


def test_a_port_that_is_taken_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = write_config(tmp_path, {"server": {"port": port}, "discovery": {"static": [NOBODY]}})
        told = subprocess.run(
            [*COMMAND, "run", "--config", config], capture_output=True, text=True, timeout=30, check=False
        )
    assert told.returncode == 2
    [line] = told.stderr.splitlines()
    assert line.startswith(f"{config}: server: port: cannot listen on 127.0.0.1:{port}: Address already in use")


def test_a_daemon_that_was_stopped_for_a_while_says_so_and_catches_up(tmp_path: Path) -> None:
    config = {"discovery": {"static": [NOBODY]}, "sources": {"handshake": PACE}}
    with run_daemon(tmp_path, config) as daemon:
        daemon.says("AgentUnreachable", "true ConnectionRefused")
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(2)
        daemon.process.send_signal(signal.SIGCONT)
        eventually(lambda: daemon.page().value("impaired", reason="Overloaded") == 1)
        looks = daemon.page().value("looks_total", source="handshake", result="error")
        assert looks is not None
        eventually(lambda: (daemon.page().value("looks_total", source="handshake", result="error") or 0) > looks + 2)
        assert daemon.page().verdict("AgentUnreachable") == "true ConnectionRefused"
