"""Who is cut off: a few agents, or the watcher?"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.daemon import DaemonProcess, Page, run_daemon
from tests.servers.process import eventually
from tests.servers.watched_fleet import WatchedFleet, run_fleet

NAMES = ("one", "two", "three", "four", "five", "six")
PACE = {"interval": "1s", "timeout": "400ms"}


@contextmanager
def _watched(home: Path) -> Iterator[tuple[WatchedFleet, DaemonProcess]]:
    """Six agents with nothing but their mTLS ports, and all of them answer."""
    with run_fleet(home, *NAMES, with_opa=False) as fleet:
        targets = [
            {key: value for key, value in fleet.target(name).items() if key in ("namespace", "agent", "address")}
            for name in NAMES
        ]
        with run_daemon(home, fleet.config(*targets, sources={"handshake": PACE})) as daemon:
            eventually(lambda: _told(daemon.page()) == dict.fromkeys(NAMES, "false"))
            yield fleet, daemon


def _told(page: Page) -> dict[str, str]:
    return {name: page.verdict("AgentUnreachable", pod=name) for name in NAMES}


def test_two_of_six_that_fall_silent_are_lost_and_refusals_are_facts_however_many_there_are(tmp_path: Path) -> None:
    with _watched(tmp_path) as (fleet, daemon):
        for name in NAMES[:2]:
            fleet.agents[name].fall_silent()
        told = dict.fromkeys(NAMES[:2], "true Lost") | dict.fromkeys(NAMES[2:], "false")
        eventually(lambda: _told(daemon.page()) == told)
        assert daemon.page().value("impaired", reason="Isolated") == 0
        for name in NAMES[2:]:
            fleet.agents[name].stop_tls()
        told |= dict.fromkeys(NAMES[2:], "true ConnectionRefused")
        eventually(lambda: _told(daemon.page()) == told)
        assert daemon.page().value("impaired", reason="Isolated") == 0


def test_a_whole_fleet_that_falls_silent_at_once_is_not_blamed_for_it(tmp_path: Path) -> None:
    with _watched(tmp_path) as (fleet, daemon):
        for agent in fleet.agents.values():
            agent.fall_silent()
        blamed: list[str] = []

        def is_isolated() -> bool:
            page = daemon.page()
            blamed.extend(name for name, said in _told(page).items() if said.startswith("true"))
            unknown = dict.fromkeys(NAMES, "unknown WatcherImpaired")
            return page.value("impaired", reason="Isolated") == 1 and _told(page) == unknown

        eventually(is_isolated)
        assert blamed == []
        for agent in fleet.agents.values():
            agent.answer_again()
        eventually(lambda: _told(daemon.page()) == dict.fromkeys(NAMES, "false"))
        assert daemon.page().value("impaired", reason="Isolated") == 0
