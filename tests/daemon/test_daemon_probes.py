"""A probe is a file: the daemon finds it, serves it, takes its settings, and outlives its faults."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.daemon import COMMAND, DaemonProcess, Page, run_daemon, write_config
from tests.servers.watched_fleet import SOURCES, WatchedFleet, run_fleet

# Stands on the path of a program before it starts (site, "sitecustomize"): as if the files lay in probes/.
_ON_THE_PATH = "import probes\nprobes.__path__.append({!r})\n"

_PROBE = '''
"""How windy is it?"""

from dataclasses import dataclass

from probes.contract.signal import Row, Signal
from probes.contract import ConditionKind, Evaluation, Limits, Metric, Probe, Sample, Severity

WIND = Signal(name="wind", rows=(Row(metric="wind_metres_per_second"),))
STORM = ConditionKind(name="Storm", severity=Severity.CRITICAL, true_when="It storms.", all_clear="It is calm.")
SPEED = Metric(name="wind_speed", help="Wind, in m/s.")


class WeatherLimits(Limits):
    """When wind is a storm."""

    storm_from: float = 25.0


@dataclass(frozen=True)
class Nothing:
    """Weather has no memory."""


def judge(page, history, context):
    speed = page.value(WIND)
    assert speed != 13
    verdict = STORM.true("It storms.") if speed >= context.limits.storm_from else STORM.false()
    return Evaluation(verdicts=(verdict,), history=history, samples=(Sample(SPEED, speed),))


PROBE = Probe(
    name="weather",
    source="agent_metrics",
    conditions=(STORM,),
    limits=WeatherLimits,
    history=Nothing,
    judge=judge,
    metrics=(SPEED,),
    wants=lambda _: (WIND,),
)
'''


@dataclass(frozen=True)
class Weather:
    """A daemon with one more probe over three agents: calm, storm, and one at which the probe raises."""

    fleet: WatchedFleet
    daemon: DaemonProcess
    path: Path
    page: Page


def _config(fleet: WatchedFleet) -> dict[str, object]:
    return fleet.config(sources=SOURCES, probes={"weather": {"storm_from": 20}})


@pytest.fixture(scope="module")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weather]:
    home, path = tmp_path_factory.mktemp("weather"), tmp_path_factory.mktemp("path")
    (path / "more").mkdir()
    (path / "more/weather.py").write_text(_PROBE)
    (path / "sitecustomize.py").write_text(_ON_THE_PATH.format(str(path / "more")))
    with run_fleet(home, "calm", "stormy", "cursed", with_opa=False) as fleet:
        for name, speed in (("calm", 3.0), ("stormy", 22.0), ("cursed", 13.0)):
            fleet.agents[name].gauge("wind_metres_per_second").set(speed)
        with run_daemon(home, _config(fleet), python_path=path) as daemon:
            yield Weather(fleet, daemon, path, daemon.says("Storm", "unknown ProbeError", pod="cursed"))


def _call(weather: Weather, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(weather.path), *sys.path])}
    command = [*COMMAND, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environ)


def test_a_new_probe_is_served_like_any_other(weather: Weather) -> None:
    assert weather.page.verdict("Storm", pod="calm", probe="weather") == "false"
    assert weather.page.value("wind_speed", pod="stormy") == 22
    assert weather.page.value("conditions", condition="Storm", status="false") == 1
    [calm] = weather.daemon.targets("?agent=calm")
    assert "It is calm." in [each["message"] for each in calm["conditions"]]
    assert "Storm" in weather.daemon.get("/agents/prod/calm").text


def test_a_new_probe_takes_its_settings_from_the_config(weather: Weather) -> None:
    assert weather.page.verdict("Storm", pod="stormy") == "true Storm"
    schema = json.loads(_call(weather, "config", "schema").stdout)
    assert "storm_from" in json.dumps(schema)
    told = _call(
        weather, "config", "check", write_config(weather.path, {"probes": {"weather": {"storm_from": "much"}}})
    )
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "probes.weather.storm_from" in told.stderr


def test_a_judge_that_raises_costs_one_verdict_and_nothing_else(weather: Weather) -> None:
    assert weather.page.contradictions == []
    assert weather.page.verdict("MetricsUnavailable", pod="cursed") == "false"
    assert weather.page.verdict("AgentUnreachable", pod="cursed") == "false"
    assert weather.page.verdict("CircuitBreakerOpen", pod="cursed") == "false"
    assert not weather.page.all("wind_speed", pod="cursed")
    failures = weather.daemon.logged(lambda line: line["level"] == "error")
    assert {(line["msg"], line["probe"], line["target"]) for line in failures} == {
        ("probe failed", "weather", "prod/cursed/cursed")
    }


def test_check_asks_a_new_probe_too(weather: Weather) -> None:
    config = write_config(weather.path, _config(weather.fleet))
    told = _call(weather, "check", "--config", config, "--probe", "weather", "--output", "json")
    verdicts = {
        target["agent"]: [(each["condition"], each["status"], each["reason"]) for each in target["conditions"]]
        for target in json.loads(told.stdout)["targets"]
    }
    assert verdicts == {
        "calm": [("Storm", "false", "")],
        "stormy": [("Storm", "true", "Storm")],
        "cursed": [("Storm", "unknown", "ProbeError")],
    }
    assert told.returncode == 1
