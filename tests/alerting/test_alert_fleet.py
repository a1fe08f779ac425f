"""The alerts on many agents: one cause, one page."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.alerting.promtool import WATCHER, Expected, Story, both_versions, expected, moment, told_by
from tests.alerting.rules import CORE, RULES, alert

Poller = Callable[[int], str]
"""Values of an agent at each scrape."""

OVERDUE, STALE = "AgentWeaveSVIDRotationOverdue", "AgentWeaveOPABundleStale"
WIDE, WIDE_WARNING = "AgentWeaveFleetWide", "AgentWeaveFleetWideWarning"
RULE_FILES = [CORE, RULES / "svid.yaml", RULES / "opa.yaml"]


def fleet(name: str, condition: str, agents: int, poller: Poller, scrapes: int, reason: str = "NotRotated") -> Story:
    """`agents` agents in three namespaces, each with its course, and the counts that the watcher makes of them."""
    story = Story(name)
    story.watcher(f"1x{scrapes}")
    probe = "svid" if condition.startswith("SVID") else "opa"
    pollers = [poller(agent).split() for agent in range(agents)]
    for agent, values in enumerate(pollers):
        of = {"namespace": f"team-{agent % 3}", "agent": f"a{agent}", "pod": f"a{agent}-0"}
        of |= {"condition": condition, "subject": "authz" if condition == "OPABundleStale" else ""}
        story.add("condition", " ".join(values), **WATCHER, **of, probe=probe)
        told = " ".join("1" if value == "1" else "stale" for value in values)
        story.add("condition_reason_info", told, **WATCHER, **of, probe=probe, reason=reason)
        story.add("target_info", f"1x{scrapes}", **WATCHER, **{key: of[key] for key in ("namespace", "agent", "pod")})
    for status, value in (("true", "1"), ("false", "0")):
        counts = [sum(values[at] == value for values in pollers) for at in range(scrapes)]
        of = {"probe": probe, "condition": condition, "status": status}
        story.add("conditions", " ".join(map(str, counts)), **WATCHER, **of)
    return story


def ill(begin: int, end: int, scrapes: int) -> str:
    """False, then true from scrape `begin` on, false again from scrape `end` on."""
    return " ".join("1" if begin <= at < end else "0" for at in range(scrapes))


CAUSES = {
    "SVIDRotationOverdue": ("NotRotated", "SPIRE (server, agents, its datastore) or the trust bundle"),
    "OPABundleStale": ("BundleStale", "the server that hands out the bundle, or a bundle that OPA refuses"),
}


def wide(name: str, condition: str, extent: str) -> Expected:
    """The alert on so many agents."""
    reason, cause = CAUSES[condition]
    words = {"extent": extent, "reason": reason, "cause": cause, "where": "", "node": ""}
    return expected(alert(name), words=words, condition=condition)


def never(story: Story, alerts: Sequence[str], scrapes: int, since: int = 0) -> None:
    """None of these ever fires."""
    for at in range(since, scrapes):
        for each in alerts:
            story.expect(30 * at, each)


def singly(agents: int, since: int) -> list[Expected]:
    """The alerts of the first so many agents."""
    of = [{"namespace": f"team-{agent % 3}", "agent": f"a{agent}"} for agent in range(agents)]
    return [expected(alert(OVERDUE), words={"since": moment(since)}, **labels) for labels in of]


def told(version: str, story: Story, directory: Path) -> str:
    return told_by(version, [story], RULE_FILES, directory)


@both_versions
def test_three_hundred_agents_whose_spire_stopped_are_one_page_from_the_start_to_the_recovery(
    version: str, tmp_path: Path
) -> None:
    # They turn bad and well within two minutes of each other, as their looks come.
    story = fleet("spire", "SVIDRotationOverdue", 300, lambda a: ill(4 + a % 4, 24 + a % 4, 42), 42)
    never(story, [OVERDUE, WIDE_WARNING], 42)
    for at in (150, 165):
        story.expect(at, WIDE)
    for at in (300, 600, 690):
        story.expect(at, WIDE, wide(WIDE, "SVIDRotationOverdue", "300 of 300 agents"))
    for at in (795, 825, 1095):  # the end is damped as that of a single alert is
        story.expect(at, WIDE, wide(WIDE, "SVIDRotationOverdue", "75 of 300 agents"))
    for at in (1125, 1230):
        story.expect(at, WIDE)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_six_hundred_agents_at_once_are_five_pending_alerts_and_then_one_page(version: str, tmp_path: Path) -> None:
    story = fleet("flood", "SVIDRotationOverdue", 600, lambda _: ill(4, 16, 28), 28)
    never(story, [OVERDUE], 28)
    for at in (135, 150, 165):
        story.count(at, 'ALERTS{alertstate="pending"}', 5)
    for at in (195, 450, 765):
        story.expect(at, WIDE, wide(WIDE, "SVIDRotationOverdue", "600 of 600 agents"))
        story.count(at, 'ALERTS{alertstate="pending"}', 0)
    story.expect(795, WIDE)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_agents_of_a_flood_that_does_not_last_are_told_one_by_one_after(version: str, tmp_path: Path) -> None:
    # All of 600 blip for half a minute; three stay ill.
    story = fleet("blip", "SVIDRotationOverdue", 600, lambda a: ill(4, 20 if a < 3 else 5, 20), 20)
    never(story, [WIDE], 20)
    story.expect(120 + 30 + 300, OVERDUE, *singly(3, since=120))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_four_of_four_agents_are_one_page(version: str, tmp_path: Path) -> None:
    story = fleet("four", "SVIDRotationOverdue", 4, lambda _: ill(4, 60, 60), 60)
    never(story, [OVERDUE], 60)
    for at in (360, 1785):
        story.expect(at, WIDE, wide(WIDE, "SVIDRotationOverdue", "4 of 4 agents"))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_two_of_two_agents_are_told_one_by_one(version: str, tmp_path: Path) -> None:
    story = fleet("two", "SVIDRotationOverdue", 2, lambda _: ill(4, 60, 60), 60)
    never(story, [WIDE], 60)
    story.expect(120 + 300, OVERDUE, *singly(2, since=120))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_warning_on_all_agents_is_one_warning(version: str, tmp_path: Path) -> None:
    story = fleet("bundle", "OPABundleStale", 10, lambda _: ill(4, 40, 40), 40, "BundleStale")
    never(story, [STALE, WIDE], 40)
    for at in (240, 1170):
        story.expect(at, WIDE_WARNING, wide(WIDE_WARNING, "OPABundleStale", "10 of 10 agents"))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_rolling_deploy_in_which_never_the_same_agents_blip_is_no_page(version: str, tmp_path: Path) -> None:
    story = fleet("deploy", "SVIDRotationOverdue", 240, lambda a: ill(a // 12, a // 12 + 1, 40), 40)
    never(story, [OVERDUE, WIDE], 40)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_eight_chronic_agents_of_sixty_are_no_fleet(version: str, tmp_path: Path) -> None:
    story = fleet("chronic", "SVIDRotationOverdue", 60, lambda a: ill(4, 160, 160) if a < 8 else "0 " * 160, 160)
    never(story, [WIDE], 160)
    story.expect(4770, OVERDUE, *singly(8, since=120))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_twelve_new_agents_of_two_hundred_within_the_hour_are_one_page(version: str, tmp_path: Path) -> None:
    story = fleet("new", "SVIDRotationOverdue", 200, lambda a: ill(4, 60, 60) if a < 12 else "0 " * 60, 60)
    never(story, [OVERDUE], 60)
    story.expect(300, WIDE, wide(WIDE, "SVIDRotationOverdue", "12 of 200 agents"))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_what_is_left_when_the_fleet_recovers_is_told_one_by_one_before_the_page_ends(
    version: str, tmp_path: Path
) -> None:
    story = fleet("rest", "SVIDRotationOverdue", 30, lambda a: ill(4, 20 if a > 1 else 60, 60), 60)
    never(story, [OVERDUE], 30)
    story.expect(540, WIDE, wide(WIDE, "SVIDRotationOverdue", "30 of 30 agents"))
    for at in (630, 885, 915, 1185):  # ... and damped
        story.expect(at, WIDE, wide(WIDE, "SVIDRotationOverdue", "2 of 30 agents"))
    for at in (915, 1245):
        story.expect(at, OVERDUE, *singly(2, since=600))
    story.expect(1245, WIDE)
    assert not (report := told(version, story, tmp_path)), report


@pytest.mark.parametrize("subject", ["callee", "bundle", "pool"])
def test_the_same_trouble_with_several_subjects_of_one_agent_is_one_agent(subject: str, tmp_path: Path) -> None:
    condition, probe = {
        "callee": ("CircuitBreakerOpen", "breaker"),
        "bundle": ("OPABundleStale", "opa"),
        "pool": ("PoolExhausted", "pool"),
    }[subject]
    story = Story("many subjects")
    story.watcher("1x40")
    for number in range(8):
        of = {"namespace": "prod", "agent": "search", "pod": "search-0", "probe": probe, "condition": condition}
        story.add("condition", "1x40", **WATCHER, **of, subject=f"s{number}")
    of = {"probe": probe, "condition": condition}
    story.add("conditions", "1x40", **WATCHER, **of, status="true")
    never(story, [WIDE, WIDE_WARNING], 40)
    report = told_by("oldest", [story], [CORE, RULES / f"{probe}.yaml"], tmp_path)
    assert not report, report
