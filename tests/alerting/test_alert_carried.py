"""Labels of pods on the alerts on single agents: which, of whom, and for how long."""

import subprocess
from pathlib import Path

import pytest

from tests.alerting.promtool import Story, both_versions, promtool
from tests.alerting.storms import Agent, Ill, Installation, counted, story, timeline
from watcher.alerting.rules.carried import NONE
from watcher.alerting.rules.maker import rule_files

AGENTS = [Agent(name) for name in ("search", "billing", "guard", "orders", "well-1", "well-2", "well-3")]
SEARCH, BILLING, GUARD, ORDERS = AGENTS[:4]
SCRAPES = 90
DEAD = "AgentUnreachable"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules with two labels."""
    folder = tmp_path_factory.mktemp("rules")
    for name, text in rule_files(("team", "cost_center")).items():
        (folder / name).write_text(text)
    return folder


@both_versions
def test_promtool_has_nothing_to_say_against_them(version: str, folder: Path) -> None:
    options = ("check", "rules", "--lint=all", "--lint-fatal")
    said = subprocess.run(
        [promtool(version), *options, *sorted(folder.glob("*.yaml"))], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr


def labelled(made: Story, agent: Agent, pod: str, values: str = f"1x{SCRAPES}", **labels: str) -> None:
    """A pod of an agent with labels, beside what the story has."""
    of = {"job": "watcher", "instance": "10.0.0.1:9847", "namespace": agent.namespace, "agent": agent.name, "pod": pod}
    carried = {f"label_{name}": value for name, value in labels.items()}
    made.series.pop(
        next((each for each in made.series if "target_info" in each and f'pod="{pod}"' in each), ""),
        None,
    )
    made.add("target_info", values, **of, node=agent.node, **carried)


@both_versions
def test_an_alert_carries_what_its_pods_have_while_the_watcher_is_away_too(
    version: str, folder: Path, tmp_path: Path
) -> None:
    gone = range(30, 50)
    ills = [Ill(SEARCH, DEAD, 4, SCRAPES), Ill(BILLING, "MemoryHigh", 4, SCRAPES), Ill(GUARD, "CPUHigh", 4, SCRAPES)]
    made = story("carried", SCRAPES, Installation(AGENTS, ills, gone=gone))
    there = " ".join("stale" if at in gone else "1" for at in range(SCRAPES))
    labelled(made, SEARCH, "search-0", there, team="vision", cost_center="c1")
    labelled(made, SEARCH, "search-1", there, team="audio", cost_center="c1")
    labelled(made, BILLING, "billing-0", there, team='a"b{{ 1 }}')
    alerts = timeline(version, made, SCRAPES // 2, tmp_path, folder)
    told = {alert.about: {name: alert.labels.get(name) for name in ("team", "cost_center")} for alert in alerts}
    assert told == {
        f"{DEAD} search": {"team": "audio", "cost_center": "c1"},
        "MemoryHigh billing": {"team": 'a\\"b{{ 1 }}', "cost_center": NONE},
        "CPUHigh guard": {"team": NONE, "cost_center": NONE},
        "WatcherDown": {"team": None, "cost_center": None},
    }
    assert set(counted(alerts).values()) == {1}  # nothing is told anew when the watcher goes or comes back


def test_many_agents_at_once_are_one_alert_of_no_team(folder: Path, tmp_path: Path) -> None:
    ills = [Ill(agent, DEAD, 4, SCRAPES) for agent in AGENTS]
    made = story("many", SCRAPES, Installation(AGENTS, ills))
    for number, agent in enumerate(AGENTS):
        labelled(made, agent, f"{agent.name}-0", team=f"team-{number % 3}")
    alerts = timeline("current", made, 20, tmp_path, folder)
    assert counted(alerts) == {f"FleetWide {DEAD}": 1}
    assert all("team" not in alert.labels for alert in alerts)


def test_a_label_that_is_changed_is_that_of_the_next_alert(folder: Path, tmp_path: Path) -> None:
    ills = [Ill(SEARCH, DEAD, 4, SCRAPES, lambda at: not 40 <= at < 60)]
    made = story("changed", SCRAPES, Installation(AGENTS, ills))
    labelled(made, SEARCH, "search-0", "1x20 stale", team="vision")
    made.add(
        "target_info",
        f"_x20 1x{SCRAPES}",
        job="watcher",
        instance="10.0.0.1:9847",
        namespace="prod",
        agent="search",
        pod="search-0",
        label_team="audio",
    )
    alerts = timeline("current", made, SCRAPES // 2, tmp_path, folder)
    assert [(alert.about, alert.labels["team"]) for alert in alerts] == [
        (f"{DEAD} search", "vision"),
        (f"{DEAD} search", "audio"),
    ]
