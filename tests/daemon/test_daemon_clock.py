"""A real daemon whose date is set while it runs: no look is left out, nothing lies, and it says so."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from pathlib import Path

import pytest

from tests.daemon.test_daemon_kubernetes import CONFIG_MAP, pod
from tests.daemon.test_daemon_kubernetes import config as kubernetes_config
from tests.discovery.pods.test_target import CONFIG
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.kube_lies import run_lying_kubernetes
from tests.servers.process import eventually
from tests.servers.wall_clock import WallClock
from tests.servers.watched_fleet import WatchedFleet, run_fleet

HOUR = 3600.0
NAMES = ("search", "billing", "orders")
PACE = {"interval": "1s", "timeout": "900ms"}
SOURCES = dict.fromkeys(("handshake", "agent_metrics"), PACE)
DATES = ("SVIDExpired", "SVIDExpiryImminent", "SVIDRotationOverdue", "SVIDNotTrusted")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[WatchedFleet]:
    with run_fleet(tmp_path, *NAMES, with_opa=False) as fleet:
        yield fleet


@pytest.fixture
def wall_clock(tmp_path: Path) -> WallClock:
    return WallClock(tmp_path)


def _config(fleet: WatchedFleet, **sections: object) -> dict[str, object]:
    return fleet.config(sources=SOURCES, state_dir=str(fleet.home / "state"), **sections)


def _looks(daemon: DaemonProcess) -> float:
    return sum(daemon.page().all("looks_total").values())


def _jumped(daemon: DaemonProcess) -> bool:
    return daemon.page().value("impaired", reason="ClockJumped") == 1


def _why(daemon: DaemonProcess) -> list[str]:
    return [line["why"] for line in daemon.log() if line.get("reason") == "ClockJumped" and "why" in line]


def _moments(daemon: DaemonProcess, *names: str) -> list[float]:
    page = daemon.page()
    return [value for name in names for value in page.all(name).values()]


@pytest.mark.parametrize(("step", "said"), [(-HOUR, "1h0m back"), (HOUR, "1h0m forward")])
def test_a_date_that_is_set_costs_no_look_and_is_told_with_its_size(
    fleet: WatchedFleet, wall_clock: WallClock, step: float, said: str
) -> None:
    with run_daemon(fleet.home, _config(fleet), environment=wall_clock.environment) as daemon:
        daemon.says("SVIDExpired", "false", pod="search")
        assert daemon.page().value("impaired", reason="ClockJumped") == 0
        before = _looks(daemon)
        wall_clock.set_by(step)
        began = time.monotonic()
        eventually(lambda: _jumped(daemon), within=5)
        assert time.monotonic() - began < 4, "noticed within a second or so, on a machine that has more to do"
        eventually(lambda: _looks(daemon) >= before + 30, within=20)
        assert daemon.page().value("heartbeat_timestamp_seconds") == pytest.approx(time.time() + step, abs=5)
        assert _why(daemon)[0] == f"The wall clock jumped {said}."
        assert len([why for why in _why(daemon) if why == f"The wall clock jumped {said}."]) == 1
        moments = _moments(
            daemon, "discovery_last_success_timestamp_seconds", "config_last_reload_success_timestamp_seconds"
        )
        assert all(abs(moment - time.time() - step) < 60 for moment in moments), "dated by the clock as it is now"
        [target] = daemon.targets("?agent=search")
        dates = [each["since"] for each in target["conditions"]] + [each["at"] for each in target["looks"]]
        offsets = [datetime.fromisoformat(date).timestamp() - time.time() - step for date in dates]
        assert max(map(abs, offsets)) < 60


def test_agents_that_stop_while_the_date_goes_back_are_seen_to_stop(fleet: WatchedFleet, wall_clock: WallClock) -> None:
    with run_daemon(fleet.home, _config(fleet), environment=wall_clock.environment) as daemon:
        for name in NAMES:
            daemon.says("AgentUnreachable", "false", pod=name)
        wall_clock.set_by(-HOUR)
        for agent in fleet.agents.values():
            agent.stop_tls()
        for name in NAMES:
            daemon.says("AgentUnreachable", "true ConnectionRefused", pod=name, within=15)


def test_a_daemon_whose_date_is_wrong_suspects_itself_and_not_the_fleet(
    fleet: WatchedFleet, wall_clock: WallClock
) -> None:
    with run_daemon(fleet.home, _config(fleet), environment=wall_clock.environment) as daemon:
        daemon.says("SVIDExpired", "false", pod="search")
        wall_clock.set_by(3 * HOUR)  # all SVIDs ended two hours ago, by this date
        for condition in DATES:
            daemon.says(condition, "unknown WatcherImpaired", pod="search", within=15)
        [target] = daemon.targets("?agent=search")
        said = {each["condition"]: each["message"] for each in target["conditions"]}
        assert {said[condition] for condition in DATES} == {"The watcher's clock is 3h0m ahead of most agents'."}
        assert any("3h0m ahead of most agents'" in why for why in _why(daemon))
        assert daemon.page().verdict("AgentUnreachable", pod="search") == "false"
        wall_clock.set_by(0)
        for condition in DATES:
            daemon.says(condition, "false", pod="search", within=15)


def test_the_api_server_is_a_witness_too(tmp_path: Path) -> None:
    with run_lying_kubernetes() as kubernetes:
        kubernetes.ahead = -3 * HOUR  # its clock or ours: the daemon cannot tell, and says what it sees
        kubernetes.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG}}
        kubernetes.put(pod(1))
        with run_daemon(tmp_path, kubernetes_config(kubernetes, tmp_path), wait_for="/livez") as daemon:
            eventually(lambda: _jumped(daemon), within=60)
            assert _why(daemon) == ["The watcher's clock is 3h0m ahead of the API server's."]
            assert "ClockJumped: The watcher's clock is 3h0m ahead of the API server's." in unescape(
                daemon.get("/").text
            )


def test_a_fleet_whose_svids_all_expired_pages_for_no_clock_says_otherwise(fleet: WatchedFleet) -> None:
    for agent in fleet.agents.values():
        agent.issue(ages=(3600, -60))
    with run_daemon(fleet.home, _config(fleet)) as daemon:
        for name in NAMES:
            daemon.says("SVIDExpired", "true CertificateExpired", pod=name)
        assert not _jumped(daemon)


def test_a_restart_with_a_jump_in_between_keeps_since_when_right(fleet: WatchedFleet, wall_clock: WallClock) -> None:
    def since(daemon: DaemonProcess) -> float:
        [target] = daemon.targets("?agent=search")
        [found] = [each["since"] for each in target["conditions"] if each["condition"] == "SVIDWrongIdentity"]
        return datetime.fromisoformat(found).timestamp()

    with run_daemon(fleet.home, _config(fleet), environment=wall_clock.environment) as daemon:
        daemon.says("SVIDWrongIdentity", "false", pod="search")
        before = since(daemon)
        assert daemon.end() == 0
    wall_clock.set_by(-HOUR)
    with run_daemon(fleet.home, _config(fleet), environment=wall_clock.environment) as daemon:
        eventually(lambda: _jumped(daemon), within=10)
        daemon.says("SVIDWrongIdentity", "false", pod="search")
        assert since(daemon) == pytest.approx(before - HOUR, abs=2)
        assert _why(daemon)[0].startswith("The wall clock jumped 1h0m back.")


def test_a_time_zone_that_is_another_changes_nothing(fleet: WatchedFleet) -> None:
    zone = {"TZ": "Pacific/Kiritimati"}
    with run_daemon(fleet.home, _config(fleet), environment=os.environ | zone) as daemon:
        daemon.says("SVIDExpired", "false", pod="search")
        assert daemon.page().value("heartbeat_timestamp_seconds") == pytest.approx(time.time(), abs=5)
        assert not _jumped(daemon)


def test_a_process_that_was_stopped_blames_nobody_and_has_seen_no_jump(fleet: WatchedFleet) -> None:
    with run_daemon(fleet.home, _config(fleet)) as daemon:
        for name in NAMES:
            daemon.says("AgentUnreachable", "false", pod=name)
            daemon.says("MetricsUnavailable", "false", pod=name)
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(8)  # by its intervals of a second this is what minutes are to a real one
        daemon.process.send_signal(signal.SIGCONT)
        end, seen = time.monotonic() + 6, set[str]()
        while time.monotonic() < end:
            page = daemon.page()
            seen |= {said for labels, said in page.verdicts.items() if ("condition", "AgentUnreachable") in labels}
            seen |= {said for labels, said in page.verdicts.items() if ("condition", "MetricsUnavailable") in labels}
            assert not page.contradictions
        assert not [said for said in seen if said.startswith("true")], seen
        assert not _jumped(daemon)
        for name in NAMES:
            daemon.says("AgentUnreachable", "false", pod=name)
