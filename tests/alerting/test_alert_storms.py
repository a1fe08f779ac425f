"""Storms: one cause is one page, whatever is left is told, and what is another cause is another page."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.alerting.promtool import both_versions
from tests.alerting.storms import Agent, Alert, Ill, Installation, counted, fleet, story, struck, timeline

DEAD, REFUSED, SILENT = "AgentUnreachable", "OPAUnreachable", "MetricsUnavailable"
A = {"job": "team-a", "instance": "10.0.0.1:9847"}
B = {"job": "team-b", "instance": "10.0.0.2:9847"}


def played(directory: Path, minutes: int, *installations: Installation, version: str = "current") -> list[Alert]:
    return timeline(version, story("storm", 2 * minutes, *installations), minutes, directory)


def one(alerts: Sequence[Alert], about: str) -> Alert:
    """The only firing of it."""
    [found] = [alert for alert in alerts if alert.about == about]
    return found


@both_versions
@pytest.mark.parametrize("namespaces", [1, 4])
def test_three_of_three_and_four_of_four_agents_are_one_page(version: str, namespaces: int, tmp_path: Path) -> None:
    for count in (3, 4):
        agents = fleet(count, namespaces)
        alerts = played(tmp_path, 30, Installation(agents, struck(agents, DEAD, 4, 30, 3)), version=version)
        assert counted(alerts) == {f"FleetWide {DEAD}": 1}


def test_another_fault_of_one_of_them_is_told(tmp_path: Path) -> None:
    agents = fleet(4, 4)
    ills = [*struck(agents, DEAD, 4, 40, 3), Ill(agents[0], "OPAWrongAllow", 20, 40)]
    alerts = played(tmp_path, 30, Installation(agents, ills))
    assert counted(alerts) == {f"FleetWide {DEAD}": 1, "OPAWrongAllow a000": 1}
    assert one(alerts, "OPAWrongAllow a000").begin == 600 + 120


def test_agents_that_are_dead_in_every_way_are_one_page_a_condition_and_one_warning(tmp_path: Path) -> None:
    agents = fleet(6, 3)
    ills = [ill for condition in (DEAD, REFUSED, SILENT) for ill in struck(agents, condition, 4, 40, 3)]
    alerts = played(tmp_path, 30, Installation(agents, ills))
    told = {f"FleetWide {DEAD}": 1, f"FleetWide {REFUSED}": 1, f"FleetWideWarning {SILENT}": 1}
    assert counted(alerts) == told


def test_a_fifth_of_seven_agents_that_wavers_makes_no_second_page(tmp_path: Path) -> None:
    agents = fleet(7)
    ills = [*struck(agents[:4], DEAD, 4, 60), Ill(agents[4], DEAD, 4, 60, lambda at: at % 6 < 3)]
    alerts = played(tmp_path, 45, Installation(agents, ills))
    assert counted(alerts) == {f"FleetWide {DEAD}": 1}


def test_a_page_on_many_ends_only_when_alerts_of_their_own_tell_of_who_is_left(tmp_path: Path) -> None:
    agents = fleet(7)
    ills = [*struck(agents[:5], DEAD, 4, 30), *struck(agents[5:], DEAD, 4, 80)]
    alerts = played(tmp_path, 50, Installation(agents, ills))
    assert counted(alerts) == {f"FleetWide {DEAD}": 1, f"{DEAD} a005": 1, f"{DEAD} a006": 1}
    assert one(alerts, f"FleetWide {DEAD}").end > one(alerts, f"{DEAD} a006").begin


def test_who_was_told_of_before_is_not_said_to_be_well_when_many_are_told_of(tmp_path: Path) -> None:
    agents = fleet(12)
    ills = [Ill(agents[0], DEAD, 4, 60), *struck(agents[1:], DEAD, 20, 50)]
    alerts = played(tmp_path, 45, Installation(agents, ills))
    assert counted(alerts) == {f"{DEAD} a000": 1, f"FleetWide {DEAD}": 1}
    assert one(alerts, f"{DEAD} a000").end >= 60 * 30


def test_twenty_and_sixty_of_sixty_are_one_page(tmp_path: Path) -> None:
    agents = fleet(60, 3, 6)
    for ill in (agents[:20], agents):
        alerts = played(tmp_path, 30, Installation(agents, struck(ill, DEAD, 4, 40, 3)))
        assert counted(alerts) == {f"FleetWide {DEAD}": 1}


def test_a_namespace_is_one_page_and_an_agent_elsewhere_another(tmp_path: Path) -> None:
    agents = [*fleet(8), *(Agent(f"b{n}", f"other-{n % 20}", f"m{n % 30}") for n in range(500))]
    ills = [*struck(agents[:8], DEAD, 4, 40, 3), Ill(agents[100], DEAD, 10, 40)]
    alerts = played(tmp_path, 30, Installation(agents, ills))
    assert counted(alerts) == {f"FleetWide {DEAD} team-0": 1, f"{DEAD} b92": 1}


def test_a_node_is_one_page_and_a_blip_of_it_none(tmp_path: Path) -> None:
    agents = fleet(60, 3, 12)
    on_node = [agent for agent in agents if agent.node == "n3"]
    for end, told in ((40, {f"FleetWide {DEAD} n3": 1}), (7, {})):
        alerts = played(tmp_path, 30, Installation(agents, struck(on_node, DEAD, 4, end)))
        assert counted(alerts) == told


@pytest.mark.parametrize("ill", [1, 6])
def test_a_watcher_that_is_killed_in_a_storm_neither_ends_a_page_nor_tells_it_again(ill: int, tmp_path: Path) -> None:
    agents = fleet(6)
    installation = Installation(agents, struck(agents[:ill], DEAD, 4, 70), gone=range(20, 40))
    alerts = played(tmp_path, 45, installation)
    page = f"{DEAD} a000" if ill == 1 else f"FleetWide {DEAD}"
    assert counted(alerts) == {page: 1, "WatcherDown": 1}
    assert one(alerts, page).end > 60 * 35


@both_versions
def test_of_two_installations_one_dies_and_its_pages_stay_whoever_else_is_up(version: str, tmp_path: Path) -> None:
    agents = fleet(6)
    dies = Installation(agents, struck(agents[:1], DEAD, 4, 280), A, range(20, 260))
    alerts = played(tmp_path, 150, dies, Installation(agents, struck(agents[1:2], REFUSED, 4, 280), B), version=version)
    assert counted(alerts) == {f"{DEAD} a000": 1, f"{REFUSED} a001": 1, "WatcherDown": 1}
    down = one(alerts, "WatcherDown")
    assert (down.labels["job"], down.begin, down.end) == ("team-a", 600 + 180, 130 * 60)  # two hours of it
    assert (one(alerts, f"{DEAD} a000").labels["job"], one(alerts, f"{DEAD} a000").end) == ("team-a", 60 * 145)


ODD = {"cluster": 'eu"1\n', "job": "a\\b", "instance": "x"}


@pytest.mark.parametrize("labels", [{"instance": "x"}, {"job": "w", "instance": "x"}, ODD])
def test_an_installation_without_a_job_or_with_odd_labels_is_told_as_any(
    labels: dict[str, str], tmp_path: Path
) -> None:
    agents = fleet(4)
    installation = Installation(agents, struck(agents, DEAD, 4, 60), labels, range(20, 30))
    alerts = played(tmp_path, 25, installation)
    assert counted(alerts) == {f"FleetWide {DEAD}": 1, "WatcherDown": 1}


def test_two_clusters_with_equal_names_are_two_alerts(tmp_path: Path) -> None:
    agents = fleet(4)
    both = [
        Installation(agents, struck(agents[:ill], DEAD, 4, 40), {"cluster": cluster, "job": "w", "instance": cluster})
        for cluster, ill in (("c1", 1), ("c2", 4))
    ]
    alerts = played(tmp_path, 20, *both)
    assert {(alert.about, alert.labels["cluster"]) for alert in alerts} == {
        (f"{DEAD} a000", "c1"),
        (f"FleetWide {DEAD}", "c2"),
    }
    assert len(alerts) == 2


def test_an_installation_that_is_gone_for_an_hour_goes_on_where_it_was_when_it_is_back(tmp_path: Path) -> None:
    agents = fleet(8)
    gone = range(20, 140)
    ills = [*struck(agents[:5], DEAD, 4, 80), *struck(agents[5:7], DEAD, 4, 190), Ill(agents[7], REFUSED, 4, 190)]
    alerts = played(tmp_path, 100, Installation(agents, ills, gone=gone))
    singles = {f"{DEAD} a005": 1, f"{DEAD} a006": 1, f"{REFUSED} a007": 1}
    assert counted(alerts) == {f"FleetWide {DEAD}": 1, "WatcherDown": 1} | singles
    assert one(alerts, f"FleetWide {DEAD}").end > 30 * gone.stop  # five were mended while nobody looked: told when seen
    assert one(alerts, f"{DEAD} a005").begin < one(alerts, f"FleetWide {DEAD}").end
    assert one(alerts, f"{REFUSED} a007").end >= 100 * 60 - 300


def test_agents_that_are_gone_when_the_watcher_is_back_end_with_what_it_knows_then(tmp_path: Path) -> None:
    agents = fleet(5)
    before = Installation(agents, struck(agents[:1], DEAD, 4, 400), gone=range(20, 400))
    after = Installation(agents[1:], [], {"job": "watcher", "instance": "10.0.0.9:9847"}, range(140))
    alerts = played(tmp_path, 100, before, after)
    assert counted(alerts) == {f"{DEAD} a000": 1, "WatcherDown": 1}
    assert 30 * 140 <= one(alerts, f"{DEAD} a000").end <= 30 * 140 + 420
