"""The optional rules on error budgets: fast and slow burns in virtual time, and nothing of what is none."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from probes import load_probes
from tests.alerting.promtool import WATCHER, Expected, Story, both_versions, expected, promtool, told_by
from tests.alerting.rules import OPTIONAL, alert
from tests.chart.render import rendered
from watcher.alerting.rules.maker import optional_files

FILE = OPTIONAL / "burn-rate.yaml"
FAST, SLOW = "AgentWeaveErrorBudgetFastBurn", "AgentWeaveErrorBudgetSlowBurn"
HOUR, DAY = 3600, 86400


def agent(story: Story, name: str, scrapes: int, *counters: tuple[dict[str, str], str]) -> None:
    """An agent with one pod, and its counters as Prometheus scrapes them of its own page."""
    of = {"namespace": "prod", "pod": f"{name}-0"}
    story.add("target_info", f"1x{scrapes}", **WATCHER, **of, agent=name)
    for labels, values in counters:
        told = {**of, "job": "agents", "instance": f"{name}:9090", **labels}
        series = ",".join(f'{key}="{value}"' for key, value in told.items())
        story.series[f"agentweave_requests_total{{{series}}}"] = values


def of_share(share: float, scrapes: int, label: str = "status", bad: str = "error") -> list[tuple[dict[str, str], str]]:
    """A thousand requests a scrape, of which this share fails from begin to end."""
    good = "success" if label == "status" else "200"
    return [
        ({label: good}, f"0+{1000 * (1 - share):g}x{scrapes}"),
        ({label: bad}, f"0+{1000 * share:g}x{scrapes}"),
    ]


def test_the_file_is_the_one_that_the_maker_makes() -> None:
    assert {path.name: path.read_text() for path in OPTIONAL.iterdir()} == optional_files()


@both_versions
def test_promtool_has_nothing_to_say_against_it(version: str) -> None:
    options = ("check", "rules", "--lint=all", "--lint-fatal")
    said = subprocess.run([promtool(version), *options, FILE], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_a_failure_is_what_the_probe_takes_for_one() -> None:
    [words] = {probe.limits().failed_statuses for probe in load_probes() if probe.name == "slo"}
    assert re.findall(r'status=~"\(\?i\)\((.*?)\)"', FILE.read_text()) == ["|".join([*words, "5.."])]


def told(name: str, agent: str, times: str, share: str, span: str, **labels: str) -> Expected:
    words = {"times": times, "share": share, "span": span}
    return expected(alert(name, OPTIONAL), words=words, namespace="prod", agent=agent, **labels)


@both_versions
def test_a_fast_burn_is_told_of_the_agent_by_each_watcher_that_watches_it(version: str, tmp_path: Path) -> None:
    scrapes = 150
    story = Story("fast")
    agent(story, "ill", scrapes, *of_share(0.09, scrapes))
    agent(story, "http", scrapes, *of_share(0.2, scrapes, "code", "503"))
    agent(story, "well", scrapes, *of_share(0.001, scrapes))
    agent(story, "denies", scrapes, *of_share(0.5, scrapes, bad="denied"))
    agent(story, "mute", scrapes, ({}, f"0+100x{scrapes}"))
    agent(story, "seldom", scrapes, ({"status": "error"}, f"0x80 8x{scrapes - 80}"))
    story.add("target_info", f"1x{scrapes}", job="second", instance="x", namespace="prod", agent="ill", pod="ill-0")
    fires = [
        told(FAST, "ill", "18.0", "9%", "hour"),
        told(FAST, "ill", "18.0", "9%", "hour", job="second"),
        told(FAST, "http", "40.0", "20%", "hour"),
    ]
    story.expect(HOUR, FAST, *fires)
    assert not (report := told_by(version, [story], [FILE], tmp_path, every="1m")), report


@both_versions
def test_a_fast_burn_ends_soon_after_it_is_mended_and_goes_on_while_the_watcher_is_away(
    version: str, tmp_path: Path
) -> None:
    mended, away = Story("mended"), Story("away")
    of = {"namespace": "prod", "pod": "ill-0"}
    for story, bad in ((mended, "0+90x60 5400x90"), (away, "0+90x150")):
        agent(story, "ill", 150, ({"status": "success"}, "0+910x150"), ({"status": "error"}, bad))
    mended.count(1800, f'ALERTS{{alertname="{FAST}",alertstate="firing"}}', 1)
    mended.count(1800 + 2100, f'ALERTS{{alertname="{FAST}",alertstate="firing"}}', 0)
    away.add("target_info", "1x20 stale", **WATCHER, **of, agent="ill")
    away.count(3000, f'ALERTS{{alertname="{FAST}",alertstate="firing"}}', 1)
    assert not (report := told_by(version, [mended, away], [FILE], tmp_path, every="1m")), report


@both_versions
def test_two_percent_of_errors_for_days_are_told_and_no_page(version: str, tmp_path: Path) -> None:
    scrapes = 3 * DAY // 120
    story = Story("slow", interval="2m")
    agent(story, "two", scrapes, *of_share(0.02, scrapes))
    agent(story, "one", scrapes, *of_share(0.008, scrapes))
    agent(story, "well", scrapes, *of_share(0.003, scrapes))
    half = scrapes // 2
    agent(
        story,
        "mended",
        scrapes,
        ({"status": "success"}, f"0+980x{scrapes}"),
        ({"status": "error"}, f"0+20x{half} {20 * half}x{half}"),
    )
    one, two = told(SLOW, "one", "1.6", "0.8%", "day"), told(SLOW, "two", "4.0", "2%", "day")
    story.expect(DAY, SLOW, one, two, told(SLOW, "mended", "4.0", "2%", "day"))
    story.expect(1.5 * DAY + 8 * HOUR, SLOW, one, two)
    for at in (DAY, 2 * DAY):
        story.expect(at, FAST)
    assert not (report := told_by(version, [story], [FILE], tmp_path, every="5m")), report


def _groups(**burn_rate: Any) -> list[dict[str, Any]]:
    values = {"prometheusRule": {"enabled": True, "burnRate": burn_rate}}
    groups = rendered(values)["PrometheusRule/w-agentweave-watcher"]["spec"]["groups"]
    return [group for group in groups if "burn-rate" in group["name"]]


def test_the_chart_has_them_where_they_are_wanted_with_the_budget_of_the_objective() -> None:
    shipped = yaml.load(FILE.read_text(), Loader=yaml.CSafeLoader)["groups"]
    assert _groups() == []
    assert _groups(enabled=True) == shipped
    tighter = _groups(enabled=True, objective=99.9)
    assert yaml.safe_dump(tighter) == yaml.safe_dump(shipped).replace("/ 0.005", "/ 0.001")
    assert str(tighter).count("/ 0.001") == 8


def test_one_is_a_page_and_one_a_warning_and_neither_is_a_condition_of_the_watcher() -> None:
    assert {alert(name, OPTIONAL).labels["severity"] for name in (FAST, SLOW)} == {"critical", "warning"}
    assert all("condition" not in alert(name, OPTIONAL).labels for name in (FAST, SLOW))
