"""The demo as slow as README says: each fault lasts until its alert fires, in virtual time and the real `for`."""

import re
from collections.abc import Callable, Mapping
from math import ceil, floor
from pathlib import Path

import pytest

from probes.contract import Verdict
from probes.contract.condition import Status
from probes.readings.certificate import Leaf
from probes.svid.expiry import expired, expiry_imminent, rotation_overdue
from tests.alerting.end_to_end import alerts_of
from tests.alerting.promtool import Story, both_versions
from tests.alerting.storms import SCRAPE, Agent, Ill, Installation, story, timeline
from tests.repository import ROOT
from watcher.cli import main
from watcher.demo.fleet import LIFETIME, NAMES, NAMESPACE
from watcher.demo.scenario import ROUND, SCRIPT, SLOW_ENOUGH, InjectedFault

SEEN_WITHIN = 12.0
"""Seconds: two looks in a row, two seconds apart, and ten for the window of `slo`. In README nothing takes longer."""

GAUGES = {"breaker": "CircuitBreakerOpen", "pool": "PoolSaturated"}
"""Conditions of which the gauges are that vanish."""

JUDGES: Mapping[str, Callable[[Leaf, float], Verdict]] = {
    "SVIDExpired": expired,
    "SVIDExpiryImminent": lambda leaf, now: expiry_imminent(leaf, (), now, 0.2),
    "SVIDRotationOverdue": lambda leaf, now: rotation_overdue(leaf, now, 0.4),
}


def true_from_to(fault: InjectedFault, condition: str, slower: int) -> tuple[float, float]:
    """Seconds from which and until which it is true; an SVID that is not rotated was so at the last moment."""
    begin, end = fault.at * slower, fault.until * slower
    if condition not in JUDGES:
        return begin + SEEN_WITHIN, end
    leaf = Leaf(serial="1", not_before=begin, not_after=begin + LIFETIME * slower)
    true = [at for at in range(int(begin), int(end)) if JUDGES[condition](leaf, at).status is Status.TRUE]
    return true[0] + SEEN_WITHIN, true[-1]


def scrapes(fault: InjectedFault, condition: str, slower: int) -> tuple[int, int]:
    """The scrapes that see it, by the worst chance."""
    begin, end = true_from_to(fault, condition, slower)
    first = ceil(begin / SCRAPE)
    return first, first + floor((end - begin) / SCRAPE)


def played(slower: int) -> Story:
    """One round."""
    count = ceil(ROUND * slower / SCRAPE) + 1
    agents = {name: Agent(name, NAMESPACE) for name in NAMES}
    ills, vanished = [], []
    for fault in SCRIPT:
        for condition in fault.detected_as:
            first, last = scrapes(fault, condition, slower)
            if condition == "SignalAbsent":
                vanished.append((fault.agent, first, last))
            else:
                ills.append(Ill(agents[fault.agent], condition, first, last))
    made = story("demo", count, Installation(list(agents.values()), ills))
    for agent, first, last in vanished:
        values = " ".join("1" if first <= at < last else "stale" for at in range(count))
        of = {"namespace": NAMESPACE, "agent": agent, "pod": f"{agent}-0", "reason": "SignalAbsent"}
        for probe, condition in GAUGES.items():
            made.add("condition_unknown", values, job="watcher", **of, probe=probe, condition=condition)
    return made


def fired(version: str, slower: int, directory: Path) -> set[tuple[str, str]]:
    """Alert and agent, or namespace, of all that fired."""
    alerts = timeline(version, played(slower), ceil(ROUND * slower / 60), directory)
    return {(each.name, each.labels.get("agent", each.labels.get("namespace", ""))) for each in alerts}


EXPECTED = {
    (name.removeprefix("AgentWeave"), NAMESPACE if "Unknown" in name else fault.agent)
    for fault in SCRIPT
    for name in alerts_of(fault)
}


@both_versions
def test_every_fault_of_the_demo_fires_its_alerts_and_no_others(version: str, tmp_path: Path) -> None:
    assert fired(version, SLOW_ENOUGH, tmp_path) == EXPECTED


def test_readme_and_help_say_how_slow_that_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.findall(r"demo --slower (\d+)", (ROOT / "README.md").read_text()) == [str(SLOW_ENOUGH)]
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert f"stretch the scenario N times; at {SLOW_ENOUGH} every fault lasts until its alert fires" in told
