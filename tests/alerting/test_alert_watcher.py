"""The alerts of the watcher about itself, and what becomes of pages when nobody can look."""

from pathlib import Path

import pytest

from probes import load_probes
from tests.alerting.promtool import WATCHER, Expected, Story, both_versions, expected, told_by
from tests.alerting.rules import CORE, RULES, alert, conditions

DOWN, STALLED, BLIND = "AgentWeaveWatcherDown", "AgentWeaveWatcherStalled", "AgentWeaveWatcherBlind"
WATCHDOG, TOO_SLOW = "AgentWeaveWatchdog", "AgentWeaveScrapeTooSlow"
BUNDLE, UNKNOWN = "AgentWeaveTrustBundleExpiring", "AgentWeaveVerdictUnknown"
UNREACHABLE = "AgentWeaveOPAUnreachable"
ILL = {"namespace": "prod", "agent": "ill", "pod": "ill-0"}
OPA = {"probe": "opa", "condition": "OPAUnreachable"}
HELD = 180.0
OLD = (
    f"The last heartbeat of the watcher at {WATCHER['instance']} is 3m 15s old. It does not probe, so its verdicts "
    "become unknown and new faults are not seen; or its clock is behind that of Prometheus."
)


def told(version: str, story: Story, directory: Path) -> str:
    return told_by(version, [story], [CORE, RULES / "opa.yaml"], directory)


def ill(values: str, reason: str = "Timeout") -> Story:
    """One agent whose OPA is unreachable at these scrapes."""
    story = Story("ill")
    story.add("condition", values, **WATCHER, **ILL, **OPA)
    info = " ".join("1" if value == "1" else "stale" for value in values.split())
    story.add("condition_reason_info", info, **WATCHER, **ILL, **OPA, reason=reason)
    return story


PAGE = expected(alert(UNREACHABLE), words={"reason": "Timeout"}, namespace="prod", agent="ill")


def times(value: str, count: int) -> str:
    return " ".join([value] * count)


@both_versions
def test_no_watcher_at_all_is_a_page(version: str, tmp_path: Path) -> None:
    story = Story("gone")
    story.watcher(f"{times('1', 10)} {times('stale', 20)}")
    story.expect(285, DOWN)
    story.expect(300 + 165, DOWN)
    nobody = {"state": "Prometheus has no series of the watcher watcher, so none of its agents is watched."}
    story.expect(300 + 180, DOWN, expected(alert(DOWN), words=nobody))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_lost_shard_is_a_page_and_a_standby_is_none(version: str, tmp_path: Path) -> None:
    story = Story("shards")
    story.watcher("1x40", shards=2)
    other = {"job": "watcher", "instance": "10.0.0.2:9847"}
    story.add("build_info", "1x40", **other)
    story.add("active", f"{times('1', 10)} {times('stale', 10)} {times('1', 20)}", **other, shard="1")
    story.add("active", "0x40", job="watcher", instance="10.0.0.3:9847", shard="1")
    story.expect(300, DOWN)
    half = {"state": "50% of the watcher's shards look at their agents; the agents of the others are not watched."}
    story.expect(300 + 180, DOWN, expected(alert(DOWN), words=half))
    story.expect(615, DOWN)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_page_stays_while_there_is_no_watcher_and_ends_by_the_first_look_that_says_so(
    version: str, tmp_path: Path
) -> None:
    story = ill(f"{times('1', 10)} {times('stale', 60)} {times('0', 20)}")
    story.watcher(f"{times('1', 10)} {times('stale', 60)} {times('1', 20)}")
    for at in (270, 900, 2085):
        story.expect(at, UNREACHABLE, PAGE)
    story.expect(2100 + 315, UNREACHABLE)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_page_stays_while_the_shard_that_looked_is_gone(version: str, tmp_path: Path) -> None:
    story = ill(f"{times('1', 10)} {times('stale', 60)} {times('0', 20)}")
    story.watcher(f"{times('1', 10)} {times('stale', 60)} {times('1', 20)}", shards=2)
    story.add("target_info", f"{times('1', 10)} {times('stale', 60)} {times('1', 20)}", **WATCHER, **ILL)
    other = {"job": "watcher", "instance": "10.0.0.2:9847"}
    for name in ("build_info", "discovery_last_success_timestamp_seconds"):
        story.add(name, "1x90", **other)
    story.add("shards", "2x90", **other)
    story.add("active", "1x90", **other, shard="1")
    for at in (900, 2085):
        story.expect(at, UNREACHABLE, PAGE)
    story.expect(2100 + 315, UNREACHABLE)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_new_watcher_that_has_not_looked_yet_does_not_begin_for_again(version: str, tmp_path: Path) -> None:
    story = ill(f"{times('1', 3)} {times('stale', 20)}")
    story.watcher(f"{times('1', 3)} {times('stale', 20)}")
    fresh = {"job": "watcher", "instance": "10.0.9.9:9847"}
    for name in ("build_info", "discovery_last_success_timestamp_seconds", "shards"):
        story.add(name, f"{times('_', 4)} {times('1', 20)}", **fresh)
    story.add("active", f"{times('_', 4)} {times('1', 20)}", **fresh, shard="0")
    story.add("target_info", f"{times('_', 4)} {times('1', 20)}", **fresh, **ILL)
    unknown = f"{times('_', 4)} 1 1 {times('stale', 20)}"
    story.add("condition_unknown", unknown, **fresh, **ILL, **OPA, reason="WarmingUp")
    story.add("condition", f"{times('_', 6)} {times('1', 18)}", **fresh, **ILL, **OPA)
    story.expect(HELD - 15, UNREACHABLE)
    story.expect(HELD, UNREACHABLE, PAGE)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
@pytest.mark.parametrize("watcher", ["1x40", f"1 1 {times('stale', 40)}"])
def test_one_true_scrape_that_then_vanished_is_no_page(version: str, watcher: str, tmp_path: Path) -> None:
    story = ill(f"0 1 {times('stale', 40)}")
    story.watcher(watcher)
    for at in range(0, 1200, 30):
        story.expect(at, UNREACHABLE)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_target_that_is_deleted_while_it_pages_is_held_by_nothing_but_keep_firing(
    version: str, tmp_path: Path
) -> None:
    story = ill(f"{times('1', 10)} {times('stale', 40)}")
    story.watcher("1x50")
    story.expect(285, UNREACHABLE, PAGE)
    story.expect(300 + 315, UNREACHABLE)
    assert not (report := told(version, story, tmp_path)), report


def stalled(state: str, instance: str = WATCHER["instance"], pod: str = "", logs: str = "${POD:?}") -> Expected:
    return expected(alert(STALLED), words={"state": state, "pod": pod, "logs": logs}, instance=instance)


@both_versions
def test_a_heartbeat_that_stands_still_is_a_page(version: str, tmp_path: Path) -> None:
    story = Story("stalled")
    story.watcher("1x40")
    beats = f"{' '.join(str(30 * at) for at in range(10))} {times('270', 30)}"
    story.add("heartbeat_timestamp_seconds", beats, **WATCHER, pod="eye-0")
    story.expect(390, STALLED)
    page = stalled(OLD, pod="eye-0", logs="eye-0")
    page["exp_labels"]["pod"] = "eye-0"
    story.expect(465, STALLED, page)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_heartbeat_of_the_future_is_a_page_too(version: str, tmp_path: Path) -> None:
    story = Story("ahead")
    story.watcher("1x40")
    ahead = " ".join(str(3600 + 30 * at) for at in range(38))
    story.add("heartbeat_timestamp_seconds", f"0 30 {ahead}", **WATCHER)
    story.expect(105, STALLED)
    text = (
        f"The heartbeat of the watcher at {WATCHER['instance']} is 59m 0s ahead of the clock of Prometheus. One of the "
        "two clocks is wrong; dates of SVIDs are judged by that of the watcher."
    )
    story.expect(120, STALLED, stalled(text))
    assert not (report := told(version, story, tmp_path)), report


def verdicts(story: Story, counts: dict[str, tuple[tuple[str, int], ...]]) -> None:
    """By probe: how many verdicts are unknown for which reason; without a reason they are false."""
    for probe, parts in counts.items():
        for reason, count in parts:
            of = {"probe": probe, "condition": "X", "status": "unknown" if reason else "false", "reason": reason}
            story.add("conditions", f"{count}x80", **WATCHER, **of)
            for number in range(count * bool(reason)):
                pod = {"namespace": "prod", "agent": "dark", "pod": f"{reason}-{number}"}
                place = {"probe": probe, "condition": "X", "reason": reason}
                story.add("condition_unknown", "1x80", **WATCHER, **pod, **place)


def blind(source: str, share: str, reason: str) -> Expected:
    return expected(alert(BLIND), words={"share": share, "reason": reason}, source=source)


@both_versions
def test_a_source_that_mostly_tells_nothing_is_one_page_but_not_for_want_of_history_signals_or_facts(
    version: str, tmp_path: Path
) -> None:
    story = Story("blind")
    story.watcher("1x80")
    cut_off = dict.fromkeys(("breaker", "pool", "slo", "telemetry"), (("NeverReached", 3), ("SourceFailed", 0)))
    wanting = (("WarmingUp", 4), ("SignalAbsent", 3), ("Malformed", 1), ("FactUnknown", 2), ("", 1))
    verdicts(story, {**cut_off, "cpu": (("", 1),), "opa": wanting, "svid": (("Stale", 4), ("", 6))})
    story.expect(885, BLIND)
    story.expect(900, BLIND, blind("agent_metrics", "92.31%", "NeverReached"))
    assert not (report := told(version, story, tmp_path)), report


REASONS = ("SourceFailed", "HistoryInterrupted", "Stale", "NeverReached")


def dark(story: Story, pods: int, probe: str, *true: tuple[str, str]) -> None:
    """Of so many pods each verdict of a probe is unknown, for reasons in turn, and these conditions are true."""
    for number in range(pods):
        of = {"namespace": "prod", "agent": "down", "pod": f"down-{number}"}
        reason = REASONS[number % len(REASONS)]
        story.add("condition_unknown", "1x80", **WATCHER, **of, probe=probe, condition="X", reason=reason)
        for named, condition in true:
            story.add("condition", "1x80", **WATCHER, **of, probe=named, condition=condition)
    story.add("conditions", f"{pods}x80", **WATCHER, probe=probe, condition="X", status="unknown")
    for named, condition in true:
        story.add("conditions", f"{pods}x80", **WATCHER, probe=named, condition=condition, status="true")


@both_versions
def test_what_something_true_tells_does_not_blind(version: str, tmp_path: Path) -> None:
    dead = (("svid", "AgentUnreachable"),)
    stories = []
    for probe, true in (
        *((probe.name, dead) for probe in load_probes()),
        ("opa", (("opa", "OPAUnreachable"),)),
        ("svid", (("svid", "TLSMissing"),)),
        *(
            (probe.name, (("telemetry", "MetricsUnavailable"),))
            for probe in load_probes()
            if probe.source == "agent_metrics"
        ),
    ):
        story = Story(f"{probe}: {true}")
        story.watcher("1x80")
        dark(story, 12, probe, *true)
        story.expect(1800, BLIND)
        stories.append(story)
    assert not (report := told_by(version, stories, [CORE], tmp_path)), report


@both_versions
@pytest.mark.parametrize(
    ("probe", "source", "true"),
    [
        ("memory", "agent_metrics", ()),
        ("memory", "agent_metrics", (("opa", "OPAUnreachable"),)),  # says nothing of the agents' metrics
        ("opa", "opa", (("memory", "MemoryDrift"),)),
    ],
)
def test_what_nothing_true_tells_of_the_same_way_does(
    version: str, probe: str, source: str, true: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    story = Story("dark")
    story.watcher("1x80")
    dark(story, 12, probe, *true)
    story.count(900, f'ALERTS{{alertname="{BLIND}",source="{source}",alertstate="firing"}}', 1)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_watcher_that_is_cut_off_is_told_by_that_alone(version: str, tmp_path: Path) -> None:
    story = Story("isolated")
    story.watcher("1x80")
    verdicts(story, {"svid": (("WatcherImpaired", 6),)})
    story.add("impaired", "1x60 0x20", **WATCHER, reason="Isolated")
    story.expect(1200, BLIND)
    story.expect(1200, "AgentWeaveWatcherIsolated", expected(alert("AgentWeaveWatcherIsolated")))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_every_probe_is_counted_with_the_source_that_it_rests_on(version: str, tmp_path: Path) -> None:
    stories = []
    for probe in load_probes():
        story = Story(probe.name)
        story.watcher("1x80")
        verdicts(story, {probe.name: (("NeverReached", 1),)})
        story.expect(900, BLIND, blind(probe.source, "100%", "NeverReached"))
        stories.append(story)
    assert not (report := told_by(version, stories, [CORE], tmp_path)), report


@both_versions
def test_each_trouble_of_the_watcher_is_told_by_its_reason(version: str, tmp_path: Path) -> None:
    story = Story("impaired")
    story.watcher("1x40")
    for reason, value in (("NoIdentity", 1), ("ConfigRejected", 0), ("Isolated", 1), ("ClockJumped", 1)):
        story.add("impaired", f"{value}x40", **WATCHER, reason=reason)
    isolated, impaired = "AgentWeaveWatcherIsolated", "AgentWeaveWatcherImpaired"
    story.expect(45, isolated)
    story.expect(60, isolated, expected(alert(isolated)))
    story.expect(285, impaired)
    told_of = [expected(alert(impaired), reason=reason) for reason in ("NoIdentity", "ClockJumped")]
    story.expect(300, impaired, *told_of)
    assert not (report := told(version, story, tmp_path)), report


DAY = 86400


@both_versions
@pytest.mark.parametrize(
    ("began", "ends", "left"),
    [
        (-19 * DAY // 24, 5 * DAY // 24, "4h 50m 0s"),  # of a day, as SPIRE has it by default
        (-13 * DAY // 24, 11 * DAY // 24, ""),
        (-3000 * DAY, 29 * DAY, "28d 23h 50m 0s"),
        (-3000 * DAY, 31 * DAY, ""),
        (None, DAY // 2, "11h 50m 0s"),
        (None, 2 * DAY, ""),
    ],
)
def test_a_trust_bundle_is_near_its_end_by_its_own_length(
    version: str, began: int | None, ends: int, left: str, tmp_path: Path
) -> None:
    story = Story("bundle")
    story.watcher("1x30")
    story.add("trust_bundle_not_after_timestamp_seconds", f"{ends}x30", **WATCHER, trust_domain="example.org")
    if began is not None:
        story.add("trust_bundle_not_before_timestamp_seconds", f"{began}x30", **WATCHER, trust_domain="example.org")
    story.expect(585, BUNDLE)
    told_of = [expected(alert(BUNDLE), words={"left": left}, trust_domain="example.org")] if left else []
    story.expect(600, BUNDLE, *told_of)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_verdicts_that_stay_unknown_are_told_by_reason_and_those_of_a_deploy_or_of_a_failed_look_are_not(
    version: str, tmp_path: Path
) -> None:
    story = Story("unknown")
    story.watcher("1x100")
    unknown = {"probe": "breaker", "condition": "CircuitBreakerOpen"}
    for number in range(2):
        of = {"namespace": "prod", "agent": "bare", "pod": f"bare-{number}"}
        story.add("condition_unknown", "1x100", **WATCHER, **of, **unknown, reason="SignalAbsent")
    story.add("condition_unknown", "1x100", **WATCHER, **ILL, **unknown, reason="WarmingUp")
    again = {"probe": "slo", "condition": "ErrorRateHigh", "reason": "HistoryInterrupted"}
    story.add("condition_unknown", "1x100", **WATCHER, **ILL, **again)
    down = {"namespace": "prod", "agent": "down", "pod": "down-0"}
    story.add("condition_unknown", "1x100", **WATCHER, **down, **unknown, reason="SourceFailed")
    story.add("condition", "1x100", **WATCHER, **down, probe="telemetry", condition="MetricsUnavailable")
    for number in range(20):  # a deploy that goes on: each new pod is unreachable for five minutes
        of = {"namespace": "prod", "agent": "deployed", "pod": f"deployed-{number}", **OPA}
        poller = f"{times('_', 5 * number)} {times('1', 10)} {times('stale', 90 - 5 * number)}"
        story.add("condition_unknown", poller.strip(), **WATCHER, **of, reason="NeverReached")
    story.expect(1785, UNKNOWN)
    of = {"namespace": "prod", "probe": "breaker", "reason": "SignalAbsent"}
    interrupted = {"namespace": "prod", "probe": "slo", "reason": "HistoryInterrupted"}
    for at in (1800, 2970):
        story.expect(
            at,
            UNKNOWN,
            expected(alert(UNKNOWN), words={"count": "2"}, **of),
            expected(alert(UNKNOWN), words={"count": "1"}, **interrupted),
        )
    assert not (report := told(version, story, tmp_path)), report


WAYS = {"svid": "SVIDExpired", "opa": "OPABundleStale", "slo": "LatencyHigh"}
"""Probe -> a condition of it, each read in another way."""


@both_versions
@pytest.mark.parametrize("unknown", WAYS)
@pytest.mark.parametrize(
    ("probe", "condition"),
    [("", ""), ("svid", "SVIDRotationOverdue"), ("opa", "OPAPolicyMissing"), ("telemetry", "MetricsUnavailable")],
)
def test_a_failed_look_is_told_but_where_what_is_true_of_the_same_way_explains_it(
    version: str, unknown: str, probe: str, condition: str, tmp_path: Path
) -> None:
    story = Story("unexplained")
    story.watcher("1x80")
    place = {"probe": unknown, "condition": WAYS[unknown]}
    story.add("condition_unknown", "1x80", **WATCHER, **ILL, **place, reason="SourceFailed")
    if probe:
        story.add("condition", "1x80", **WATCHER, **ILL, probe=probe, condition=condition)
    explained = probe == unknown or (probe, unknown) == ("telemetry", "slo")
    of = {"namespace": "prod", "probe": unknown, "reason": "SourceFailed"}
    story.expect(1800, UNKNOWN, *[expected(alert(UNKNOWN), words={"count": "1"}, **of)] * (not explained))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_that_an_agent_cannot_be_reached_explains_every_failed_look_at_it(version: str, tmp_path: Path) -> None:
    story = Story("unreachable")
    story.watcher("1x80")
    [unreachable] = [probe for name, (probe, _) in conditions().items() if name == "AgentWeaveAgentUnreachable"]
    story.add("condition", "1x80", **WATCHER, **ILL, probe=unreachable, condition="AgentUnreachable")
    for probe, condition in WAYS.items():
        story.add(
            "condition_unknown", "1x80", **WATCHER, **ILL, probe=probe, condition=condition, reason="SourceFailed"
        )
    story.expect(1800, UNKNOWN)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_fleet_without_policies_whose_metrics_ports_are_all_closed_is_not_watched(
    version: str, tmp_path: Path
) -> None:
    story = Story("a policy that is missing explains no closed port")
    story.watcher("1x80")
    verdicts(story, {"slo": (("SourceFailed", 4),), "opa": (("", 4),)})
    for number in range(4):
        of = {"namespace": "prod", "agent": "dark", "pod": f"SourceFailed-{number}"}
        story.add("condition", "1x80", **WATCHER, **of, probe="opa", condition="OPAPolicyMissing")
    story.expect(900, BLIND, blind("agent_metrics", "100%", "SourceFailed"))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_the_alert_that_always_fires_does_so_without_a_watcher(version: str, tmp_path: Path) -> None:
    story = Story("always")
    for at in (0, 3600):
        story.expect(at, WATCHDOG, expected(alert(WATCHDOG), job=""))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
@pytest.mark.parametrize(("interval", "count"), [("30s", 0), ("1m", 10), ("2m", 5)], ids=["as expected", "1m", "2m"])
def test_a_watcher_that_is_scraped_more_seldom_than_the_rules_expect_is_a_warning(
    version: str, interval: str, count: int, tmp_path: Path
) -> None:
    story = Story("seldom", interval=interval)
    story.add("heartbeat_timestamp_seconds", "0x200", **WATCHER)
    both_ends = version == "oldest"  # of a range count there
    words = {"count": str(count + both_ends), "pod": ""}
    slow = expected(alert(TOO_SLOW), words=words, instance=WATCHER["instance"])
    story.expect(600 + 870, TOO_SLOW)
    for at in (1800, 3600):
        story.expect(at, TOO_SLOW, *[slow] * bool(count))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_watcher_that_starts_or_was_away_for_some_minutes_is_not_scraped_too_seldom(
    version: str, tmp_path: Path
) -> None:
    story = Story("away")
    story.add("heartbeat_timestamp_seconds", f"{times('1', 40)} {times('stale', 10)} {times('1', 60)}", **WATCHER)
    for at in range(0, 3000, 60):
        story.expect(at, TOO_SLOW)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_nothing_to_watch_and_missed_drills_are_warnings(version: str, tmp_path: Path) -> None:
    story = Story("own")
    story.watcher("1x40")
    story.add("targets", "0x40", **WATCHER)
    story.add("drill_failures", f"0 {times('1', 10)} {times('2', 30)}", **WATCHER)
    empty, drills = "AgentWeaveNoTargets", "AgentWeaveDrillMissed"
    story.expect(585, empty)
    story.expect(600, empty, expected(alert(empty)))
    story.expect(330 + 285, drills)
    story.expect(330 + 300, drills, expected(alert(drills), words={"count": "2"}))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_names_with_quotes_braces_and_newlines_leave_the_text_readable(version: str, tmp_path: Path) -> None:
    odd = {"namespace": 'a"b', "agent": "{{ x }}\n\\", "pod": "p{0}"}
    story = Story("odd")
    story.watcher("1x40")
    story.add("condition", "1x40", **WATCHER, **odd, **OPA)
    story.add("condition_reason_info", "1x40", **WATCHER, **odd, **OPA, reason="Timeout")
    page = expected(
        alert(UNREACHABLE), words={"reason": "Timeout", "pod": odd["pod"]}, namespace='a"b', agent="{{ x }}\n\\"
    )
    url = "http://127.0.0.1:9847/runbooks/AgentWeaveOPAUnreachable?namespace=a%22b&agent=%7B%7B+x+%7D%7D%0A%5C"
    page["exp_annotations"]["runbook_url"] = url
    page["exp_annotations"]["dashboard_url"] = (
        "http://127.0.0.1:3000/d/agentweave-agent?var-namespace=a%22b&var-agent=%7B%7B+x+%7D%7D%0A%5C&var-job=watcher"
    )
    story.expect(HELD, UNREACHABLE, page)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_the_pods_of_a_text_are_sorted_and_at_most_five(version: str, tmp_path: Path) -> None:
    story = Story("pods")
    story.watcher("1x40")
    for number in range(7):
        of = {"namespace": "prod", "agent": "ill", "pod": f"ill-{6 - number}", **OPA}
        story.add("condition", "1x40", **WATCHER, **of)
        story.add("condition_reason_info", "1x40", **WATCHER, **of, reason="Lost")
    page = expected(alert(UNREACHABLE), words={"reason": "Lost"}, namespace="prod", agent="ill")
    listed = ", ".join(f"ill-{number} (Lost)" for number in range(5))
    text, _, since = page["exp_annotations"]["description"].partition(" Seen on ill-0 (Lost)")
    page["exp_annotations"]["description"] = f"{text} Seen on {listed} and others, 7 pods in all{since}"
    story.expect(HELD, UNREACHABLE, page)
    assert not (report := told(version, story, tmp_path)), report
