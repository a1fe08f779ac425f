"""A real daemon with too little CPU, or held up now and then: it says so, stays fair and small, and blames nobody."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from tests.servers.cpu_quota import cpu_quota
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.process import eventually
from tests.servers.tls_servers import hear, serve

AGENTS = 2000
NOBODY = "127.0.0.1:9"  # discard: refuses


def _target(agent: str, address: str) -> dict[str, str]:
    return {"namespace": "prod", "agent": agent, "address": address}


def _overloaded(daemon: DaemonProcess) -> bool:
    return daemon.page().value("impaired", reason="Overloaded") == 1


def _looks(daemon: DaemonProcess) -> float:
    return sum(daemon.page().all("looks_total").values())


def test_a_twentieth_of_a_core_is_told_with_the_numbers_and_the_daemon_stays_live_fair_and_small(
    tmp_path: Path,
) -> None:
    targets = [_target(f"agent-{number}", NOBODY) for number in range(AGENTS)]
    pace = {"interval": "5s", "timeout": "4s"}
    config = {"discovery": {"static": targets}, "sources": {"handshake": pace}}
    with run_daemon(tmp_path, config, wait_for="/readyz") as daemon:
        eventually(lambda: not _overloaded(daemon), within=180)  # a machine that is busy itself is told at the start
        rss = daemon.rss()
        with cpu_quota(daemon.process.pid, 0.05):
            eventually(lambda: _overloaded(daemon), within=60)
            [line] = daemon.logged(lambda line: line.get("reason") == "Overloaded")
            assert line["level"] == "warning"
            assert " of handshake " in line["why"]
            assert any(character.isdigit() for character in line["why"])
            assert f"Overloaded: {line['why']}".split(",")[0] in daemon.get("/").text
            for _ in range(5):
                assert daemon.get("/livez").status_code == 200
            assert daemon.rss() < rss + 64 * 2**20
        before = _looks(daemon)
        began = time.monotonic()
        eventually(lambda: _looks(daemon) > before + 2 * AGENTS, within=40)  # it catches up
        assert time.monotonic() - began < 30
        ages = {each["looks"][0]["at"] for each in daemon.targets()}
        assert len(ages) <= 30, "seconds in which the last looks were made: nobody was left behind"
        assert not daemon.page().contradictions


@contextmanager
def _held_up(daemon: DaemonProcess, stopped: float, runs: float) -> Iterator[None]:
    """It is stopped for so many seconds again and again."""
    end = Event()

    def hold_up() -> None:
        while not end.wait(runs):
            daemon.process.send_signal(signal.SIGSTOP)
            time.sleep(stopped)
            daemon.process.send_signal(signal.SIGCONT)

    thread = Thread(target=hold_up)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_a_mute_port_is_told_although_something_holds_up_the_daemon_again_and_again(tmp_path: Path) -> None:
    pace = {"interval": "6s", "timeout": "5s"}
    with serve(hear) as mute:
        config = {"discovery": {"static": [_target("mute", mute)]}, "sources": {"handshake": pace}}
        with run_daemon(tmp_path, config, wait_for="/livez") as daemon, _held_up(daemon, 1.2, 5.0):
            daemon.says("AgentUnreachable", "true HandshakeTimeout", pod="mute", within=60)


def test_a_look_in_which_the_daemon_itself_stood_still_says_nothing_of_a_mute_port(tmp_path: Path) -> None:
    pace = {"interval": "3s", "timeout": "2500ms"}
    with serve(hear) as mute:
        config = {"discovery": {"static": [_target("mute", mute)]}, "sources": {"handshake": pace}}
        with run_daemon(tmp_path, config, wait_for="/livez") as daemon, _held_up(daemon, 1.6, 0.4):
            daemon.says("AgentUnreachable", "unknown WatcherImpaired", pod="mute", within=40)
            end = time.monotonic() + 8
            while time.monotonic() < end:
                assert not daemon.page().verdict("AgentUnreachable", pod="mute").startswith("true")
                time.sleep(0.5)
