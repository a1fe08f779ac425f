"""A hundred hostile agents beside fifty healthy ones, and strangers at the port: nothing falls, nothing lies."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile.fleet import HEALTHY, hostile_fleet
from tests.hostile.observation import Observation, late_looks, observe
from tests.servers.daemon import DaemonProcess, Page, run_daemon
from tests.servers.strangers import KINDS, strangers
from tests.servers.tools import need

pytestmark = pytest.mark.xdist_group("hostile fleet")  # one run for all tests

MIB = 1 << 20
SECONDS = 60.0
STRANGERS = 99


@dataclass(frozen=True)
class Attacked:
    """A daemon after a minute of it."""

    daemon: DaemonProcess
    state: Path
    seen: Observation
    before: Page
    after: Page


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    need("a running daemon")  # before the fleet starts, not after
    home, state = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("state")
    with hostile_fleet(home) as fleet, run_daemon(home, fleet.config(state), wait_for="/livez") as daemon:
        observe(daemon, state, 10)  # everybody was looked at once
        before = daemon.page()
        seen = observe(daemon, state, SECONDS)
        yield Attacked(daemon, state, seen, before, daemon.page())


def test_healthy_agents_are_told_as_healthy(attacked: Attacked) -> None:
    assert attacked.seen.wrong == {}
    assert attacked.seen.judged == HEALTHY


def test_no_page_contradicts_itself(attacked: Attacked) -> None:
    assert attacked.seen.contradictions == {}


def test_looks_begin_on_time_and_none_is_left_out(attacked: Attacked) -> None:
    late, made = late_looks(attacked.before, attacked.after, "0.25")
    assert made > 150 * SECONDS / 5
    assert late <= 0.01 * made
    before, after = (sum(page.all("schedule_skipped_total").values()) for page in (attacked.before, attacked.after))
    assert after == before


def test_the_daemon_answers_that_it_lives(attacked: Attacked) -> None:
    assert attacked.seen.livez_p99 < 1.0


def test_the_daemon_is_not_overloaded_nor_isolated(attacked: Attacked) -> None:
    assert attacked.seen.impaired == {}


def test_memory_state_and_descriptors_are_bounded(attacked: Attacked) -> None:
    assert attacked.seen.rss < 400 * MIB
    assert attacked.seen.state < 64 * MIB
    assert attacked.seen.descriptors < 600


@pytest.mark.parametrize("kind", KINDS)
def test_strangers_at_the_port_keep_nobody_from_it(attacked: Attacked, kind: str) -> None:
    with strangers(attacked.daemon.address[1], kind, STRANGERS):
        seen = observe(attacked.daemon, attacked.state, 8)
    assert (seen.livez_p99 < 1.0, seen.wrong, seen.impaired, seen.contradictions) == (True, {}, {}, {})
    assert seen.judged == HEALTHY


def test_nothing_is_logged_with_a_traceback(attacked: Attacked) -> None:
    said = [line for line in attacked.daemon.log() if "traceback" in str(line).lower() or line["level"] == "critical"]
    assert said == []
