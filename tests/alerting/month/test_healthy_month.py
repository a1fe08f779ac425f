"""A healthy fleet pages nobody, and each fault in it pages once: two days here, thirty by tests.alerting.month."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from probes import load_probes
from probes.contract import Fault as Silence
from probes.contract.signal import Signal
from tests.alerting.month.__main__ import write
from tests.alerting.month.faults import FAULTS, Fault
from tests.alerting.month.figures import trouble
from tests.alerting.month.firings import Stretch, firings
from tests.alerting.month.fleet import Fleet, Later
from tests.alerting.month.kinds import KINDS, START, Ills
from tests.alerting.month.plan import DAY, Plan, healthy
from tests.alerting.month.planted import Planted, crowd, play
from tests.alerting.month.play import Month
from tests.alerting.month.quiet import stretches
from tests.alerting.month.readings import page
from tests.alerting.month.scrapes import EVERY, Scrapes
from tests.alerting.promtool import promtool
from tests.alerting.rules import conditions, rules
from tests.servers.metrics_pages import page_of

SEED, HOUR = "1", 3600.0
SMALL = tuple(kind for kind in KINDS if kind.name in ("prod/gateway", "ml/embed", "staging/search", "staging/guard"))
SOLITARY = tuple(kind for kind in SMALL if kind.name == "staging/guard")
NOTHING_HAPPENS = Plan((), frozenset(), 2, ())
LONG_BLIPS = [Later(START + hour * HOUR, "blip", (hour, 100.0, Silence.SILENT, True)) for hour in range(3, 45, 6)]
"""Of a whole node, for long enough to be seen twice in a row and not for long enough to page."""

LEAKS = [fault for fault in FAULTS if fault.is_slow]
OF_ONE = [
    fault for fault in FAULTS if fault.ills is not None and fault not in LEAKS and "WatcherDown" not in fault.also
]
OF_ALL = [fault for fault in FAULTS if fault not in (*LEAKS, *OF_ONE)]


@pytest.fixture
def current() -> str:
    """The version of the promtool that judges in the end; asked for before the long play, not after."""
    return had("current")


@pytest.fixture
def oldest() -> str:
    """The same of the oldest."""
    return had("oldest")


def had(version: str) -> str:
    promtool(version)
    return version


def small(directory: Path) -> Month:
    """Two days of four agents."""
    return Month(SMALL, healthy(SMALL, SEED, 2), SEED, directory)


def pollers(scrapes: Scrapes) -> dict[str, list[tuple[int, float | None]]]:
    return {told: series.poller for told, series in scrapes.series.items()}


def assert_each_pages_once(month: Month, planted: Sequence[Planted], version: str) -> None:
    for paged in play(month, planted, version):
        words = f"{paged.planted.fault.words}: {paged}"
        assert paged.firings == 1, words
        assert 0 < paged.fires <= paged.planted.fault.minutes * 60, words
        assert paged.resolved <= paged.planted.fault.after * 60 - EVERY, words
        assert not paged.strange, words


def test_two_healthy_days_page_nobody(tmp_path: Path, current: str) -> None:
    month = Month(SMALL, healthy(SMALL, SEED, 2, LONG_BLIPS), SEED, tmp_path)
    assert set(month.plan.counts) == {"deploy", "restart", "scale", "blip", "publish", "stop_watcher", "missed scrape"}
    month.play(START + 2 * DAY)
    near = stretches(month.scrapes, 0, round(2 * DAY / EVERY))
    assert firings(month.scrapes, near, current, tmp_path) == []
    assert {"AgentUnreachable", "MetricsUnavailable", "OPAUnreachable"} <= trouble(month.scrapes, near[-1].end).keys()


def test_each_fault_of_an_agent_pages_once_and_is_over_when_it_is_mended(tmp_path: Path, oldest: str) -> None:
    assert_each_pages_once(small(tmp_path), crowd(OF_ONE, SMALL, START + 2 * HOUR), oldest)


@pytest.mark.parametrize("fault", OF_ALL, ids=[fault.words for fault in OF_ALL])
def test_what_befalls_all_or_the_watcher_pages_once(fault: Fault, tmp_path: Path, current: str) -> None:
    kinds = KINDS if fault.alert == "FleetWide" else SMALL  # of five agents on there is a fleet
    month = Month(kinds, NOTHING_HAPPENS, SEED, tmp_path)
    assert_each_pages_once(month, crowd([fault], kinds, START + 0.5 * HOUR), current)


@pytest.mark.parametrize("fault", LEAKS, ids=[fault.words for fault in LEAKS])
def test_a_leak_of_an_agent_whose_memory_is_flat_otherwise_pages_once(
    fault: Fault, tmp_path: Path, current: str
) -> None:
    month = Month(SOLITARY, NOTHING_HAPPENS, SEED, tmp_path)
    assert_each_pages_once(month, crowd([fault], SOLITARY, START + HOUR), current)


def test_there_is_a_fault_for_every_condition() -> None:
    assert {f"AgentWeave{fault.alert}" for fault in FAULTS} >= conditions().keys()


def test_the_same_seed_makes_the_same_month(tmp_path: Path) -> None:
    months = [small(tmp_path), small(tmp_path), Month(SMALL, healthy(SMALL, "2", 2), "2", tmp_path)]
    for month in months:
        month.play(START + HOUR / 2)
    one, same, other = (pollers(month.scrapes) for month in months)
    assert one == same != other


def test_a_copy_of_a_month_goes_on_as_the_month_does(tmp_path: Path) -> None:
    month = small(tmp_path)
    month.play(START + HOUR)
    copy = month.copy(tmp_path, busy=False)
    begin, end = round(HOUR / EVERY), round(1.5 * HOUR / EVERY)
    for each in (month, copy):
        each.play(START + 1.5 * HOUR)
    one, same = (
        {told: list(series.runs(begin, end)) for told, series in of.series.items() if series.is_there(begin, end)}
        for of in (month.scrapes, copy.scrapes)
    )
    assert one == same


def test_what_is_left_out_of_an_evaluation_changes_no_alert(tmp_path: Path, current: str) -> None:
    month, end = small(tmp_path), round(HOUR / EVERY)
    for at, ills in ((0.2, Ills(pool=1.0)), (0.7, Ills(plaintext=True))):
        month.add(Later(START + at * HOUR, "fall_ill", ("prod/gateway", ills)))
        month.add(Later(START + (at + 0.3) * HOUR, "get_well", ("prod/gateway",)))
    month.play(START + HOUR)
    whole = firings(month.scrapes, [Stretch(0, end, ((0, end),))], current, tmp_path, whole=True)
    parts = firings(month.scrapes, stretches(month.scrapes, 0, end), current, tmp_path)
    told = [[(each.labels, each.count, each.begin, each.end) for each in of] for of in (whole, parts)]
    assert [each.alert for each in whole] == ["PoolExhausted", "PoolSaturated", "TLSMissing"]
    assert told[0] == told[1]


def test_no_rule_asks_whether_a_condition_is_false() -> None:
    for _, rule in rules():
        for asked in re.findall(r"agentweave_watcher_condition\b(?! == 1)", rule["expr"]):
            pytest.fail(f"{rule.get('alert') or rule['record']} reads {asked} where it is 0 too")


def test_a_simulated_page_is_what_the_source_makes_of_its_text() -> None:
    wants = tuple(
        want for probe in load_probes() if probe.source == "agent_metrics" for want in probe.wants(probe.limits())
    )
    fleet = Fleet(KINDS, SEED, START)
    for pod in fleet.pods.values():
        seen = page(fleet, pod, START + 60, wants)
        text = b"\n".join(filter(None, seen.kept.lines))
        assert page_of(text, *(want for want in wants if isinstance(want, Signal))).kept == seen.kept


def test_the_figures_go_between_their_marks(tmp_path: Path) -> None:
    document = tmp_path / "alerting.md"
    document.write_text("a\n<!-- month -->\nold\n<!-- /month -->\nb\n")
    write("new", document)
    assert document.read_text() == "a\n<!-- month -->\nnew\n<!-- /month -->\nb\n"
    document.write_text("no marks")
    with pytest.raises(ValueError, match="expected <!-- month --> and <!-- /month --> once"):
        write("new", document)
