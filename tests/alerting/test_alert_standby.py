"""What the alerts make of a warm standby and of shards: who leads may change, what is told may not."""

from pathlib import Path

import pytest

from tests.alerting.promtool import WATCHER, Story, both_versions, expected
from tests.alerting.rules import alert
from tests.alerting.test_alert_watcher import (
    DOWN,
    HELD,
    ILL,
    OLD,
    OPA,
    PAGE,
    STALLED,
    UNKNOWN,
    UNREACHABLE,
    stalled,
    told,
)

FIRST = {"job": "watcher", "instance": "10.0.0.1:9847"}
SECOND = {"job": "watcher", "instance": "10.0.0.2:9847"}
ISOLATED, IMPAIRED, EMPTY = "AgentWeaveWatcherIsolated", "AgentWeaveWatcherImpaired", "AgentWeaveNoTargets"
KINDS = {"l": ("1", "1"), "s": ("1", "0"), "n": ("_", "1"), " ": ("stale", "stale"), "-": ("_", "_")}
"""Of a scrape: leads; stands by; leads and has discovered nothing yet; was there and is gone; was never there."""


def poller(text: str) -> str:
    """`l10 s3` is ten scrapes of one that leads, then three of one that stands by; `x5` are five without a process."""
    return "".join({"x": " "}.get(part[0], part[0]) * int(part[1:]) for part in text.split())


def process(story: Story, of: dict[str, str], text: str, ill: str = "") -> None:
    """The series of one process; `ill`: what it says of the agent at each scrape in which it leads."""
    scrapes = poller(text)
    discovered, active = zip(*(KINDS[each] for each in scrapes), strict=True)
    story.add("discovery_last_success_timestamp_seconds", " ".join(discovered), **of)
    story.add("active", " ".join(active), **of, shard="0")
    for name in ("build_info", "shards"):
        story.add(name, " ".join("1" if each in "01" else each for each in active), **of)
    leads = [each == "l" for each in scrapes]
    story.add("target_info", " ".join("1" if each else "stale" for each in leads), **of, **ILL)
    said = [value if each else "stale" for each, value in zip(leads, ill or "1" * len(leads), strict=True)]
    story.add("condition", " ".join(said), **of, **ILL, **OPA)
    reasons = " ".join("1" if value == "1" else "stale" for value in said)
    story.add("condition_reason_info", reasons, **of, **ILL, **OPA, reason="Timeout")


CHANGES = [
    ("l3 x37", "s4 l36"),  # killed: gone at the next scrape, and the other was scraped just before it took over
    ("l3 s37", "s4 l36"),  # killed, and its container started again at the same address; or it yielded
    ("l3 x1 s36", "s4 l36"),  # the same, and the scrape between failed
    ("l3 x37", "s3 l37"),  # ended, and the lease given back
    ("l4 s36", "s3 l37"),  # a scrape with both
    ("l3 x2 s35", "-3 n1 l36"),  # ended, and another pod began at once
]


@both_versions
@pytest.mark.parametrize(("first", "second"), CHANGES)
def test_a_change_of_the_leader_neither_ends_a_page_nor_tells_it_again_nor_pages_of_itself(
    version: str, first: str, second: str, tmp_path: Path
) -> None:
    story = Story("a page is open")
    process(story, FIRST, "l10 " + first)
    process(story, SECOND, ("-10 " if second.startswith("-") else "s10 ") + second)
    for at in range(int(HELD), 50 * 30, 15):
        story.expect(at, UNREACHABLE, PAGE)
        story.expect(at, DOWN)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
@pytest.mark.parametrize(("first", "second"), CHANGES)
def test_a_change_of_the_leader_does_not_begin_for_again(version: str, first: str, second: str, tmp_path: Path) -> None:
    story = Story("a page is near")
    process(story, FIRST, first)
    process(story, SECOND, second)
    story.expect(HELD - 15, UNREACHABLE)
    for at in range(int(HELD), 600, 15):
        story.expect(at, UNREACHABLE, PAGE)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_what_the_new_leader_says_is_well_ends_the_page(version: str, tmp_path: Path) -> None:
    story = Story("mended meanwhile")
    process(story, FIRST, "l10 x30")
    process(story, SECOND, "s11 l29", "1" * 11 + "0" * 29)
    story.expect(300, UNREACHABLE, PAGE)
    story.expect(330 + 315, UNREACHABLE)  # after keep_firing_for
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_while_nobody_leads_pages_stay_and_that_is_a_page_of_its_own(version: str, tmp_path: Path) -> None:
    story = Story("two on standby")
    process(story, FIRST, "l10 s50 l10", "1" * 60 + "0" * 10)
    process(story, SECOND, "s70")
    for at in range(int(HELD), 1800, 15):
        story.expect(at, UNREACHABLE, PAGE)
    story.expect(1800 + 330, UNREACHABLE)
    story.expect(300 + 165, DOWN)
    none = {"state": "0% of the watcher's shards look at their agents; the agents of the others are not watched."}
    story.expect(300 + 180, DOWN, expected(alert(DOWN), words=none))
    story.expect(1800, DOWN)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
@pytest.mark.parametrize("leads", [True, False])
def test_one_that_hangs_or_is_cut_off_pages_where_it_leads_and_is_a_warning_on_standby(
    version: str, leads: bool, tmp_path: Path
) -> None:
    story = Story("hangs")
    process(story, FIRST, "l40" if leads else "s40")
    process(story, SECOND, "s40" if leads else "l40")
    story.add("heartbeat_timestamp_seconds", "0x40", **FIRST)
    story.add("heartbeat_timestamp_seconds", "0+30x40", **SECOND)
    for of, isolated in ((FIRST, 1), (SECOND, 0)):
        story.add("impaired", f"{isolated}x40", **of, reason="Isolated")
        story.add("impaired", "0x40", **of, reason="NoIdentity")
    old = OLD.replace(WATCHER["instance"], FIRST["instance"])
    story.expect(195, STALLED, *[stalled(old, FIRST["instance"])] * leads)
    story.expect(195, ISOLATED, *[expected(alert(ISOLATED))] * leads)
    warned = [expected(alert(IMPAIRED), reason=reason) for reason in ("Isolated", "Stalled")]
    story.expect(285, IMPAIRED)
    story.expect(1000, IMPAIRED, *warned * (not leads))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
@pytest.mark.parametrize(
    ("targets", "empty"),
    [
        ([(FIRST, 0, 1, 0), (SECOND, 5, 0, 0)], True),  # the leader knows none
        ([(FIRST, 5, 1, 0), (SECOND, 0, 0, 0)], False),
        ([(FIRST, 5, 1, 0), (SECOND, 0, 1, 1)], False),  # a shard without targets, in a small fleet
        ([(FIRST, 0, 1, 0), (SECOND, 0, 1, 1)], True),
    ],
)
def test_that_there_is_nothing_to_watch_is_told_of_all_shards_together_and_of_no_standby(
    version: str, targets: list[tuple[dict[str, str], int, int, int]], empty: bool, tmp_path: Path
) -> None:
    story = Story("few targets")
    for of, count, active, shard in targets:
        story.add("build_info", "1x40", **of)
        story.add("targets", f"{count}x40", **of)
        story.add("active", f"{active}x40", **of, shard=str(shard))
    story.expect(900, EMPTY, *[expected(alert(EMPTY))] * empty)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_target_that_moves_to_a_new_shard_goes_on_paging(version: str, tmp_path: Path) -> None:
    story = Story("one shard more")
    old, new = " ".join(["1"] * 10 + ["stale"] * 30), " ".join(["_"] * 11 + ["1"] * 29)
    for of, shard, there in ((FIRST, "0", "1x39"), (SECOND, "1", new)):
        for name in ("build_info", "discovery_last_success_timestamp_seconds"):
            story.add(name, there, **of)
        story.add("active", there, **of, shard=shard)
    story.add("shards", " ".join(["1"] * 10 + ["2"] * 30), **FIRST)
    story.add("shards", new.replace("1", "2"), **SECOND)
    for of, values in ((FIRST, old), (SECOND, new)):
        story.add("target_info", values, **of, **ILL)
        story.add("condition", " ".join(["_"] * 13 + ["1"] * 27) if of is SECOND else values, **of, **ILL, **OPA)
        story.add("condition_reason_info", values, **of, **ILL, **OPA, reason="Timeout")
    story.add(
        "condition_unknown",
        " ".join(["_"] * 11 + ["1", "1"] + ["stale"] * 27),
        **SECOND,
        **ILL,
        **OPA,
        reason="WarmingUp",
    )
    for at in range(int(HELD), 1170, 15):
        story.expect(at, UNREACHABLE, PAGE)
        story.expect(at, DOWN)
    assert not (report := told(version, story, tmp_path)), report


LEASED = "LeaseUnconfirmed"
TWO, NOT_WATCHED = "AgentWeaveTwoLeaders", "AgentWeavePodsNotWatched"
ALWAYS = 80
"""Scrapes of a story of two leaders."""
CUT = 7
"""The scrape at which one of them is cut off: what was true before has paged."""


def cut_off(story: Story, *, back: int = ALWAYS) -> None:
    """The first leads and is cut off alone; the other leads from the scrape CUT on. `back`: the first yields."""
    after = ALWAYS - back
    process(story, FIRST, f"l{back} s{after}" if after else f"l{back}")
    process(story, SECOND, f"s{CUT} l{ALWAYS - CUT}", "0" * ALWAYS)
    cut, ended = " ".join(["1"] * (back - CUT)), " ".join(["0"] * after)
    story.add("impaired", f"{'0 ' * CUT}{cut} {ended}".strip(), **FIRST, reason=LEASED)
    story.add("impaired", f"0x{ALWAYS}", **SECOND, reason=LEASED)


@both_versions
def test_of_two_that_lead_the_worse_counts_and_two_are_told_after_a_minute(version: str, tmp_path: Path) -> None:
    story = Story("cut off alone")
    cut_off(story)
    for at in range(int(HELD), 30 * ALWAYS, 15):
        story.expect(at, UNREACHABLE, PAGE)  # what the second says is well is ill for the first
        story.expect(at, DOWN)
    story.expect(30 * CUT + 45, TWO)
    for at in range(30 * CUT + 60, 30 * ALWAYS, 60):
        story.expect(at, TWO, expected(alert(TWO), job=WATCHER["job"]))
    story.expect(30 * CUT + 300, IMPAIRED, expected(alert(IMPAIRED), reason=LEASED))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_once_the_one_that_was_cut_off_yields_there_is_one_leader_and_what_it_says(
    version: str, tmp_path: Path
) -> None:
    story = Story("back again")
    cut_off(story, back=20)
    story.expect(570, TWO, expected(alert(TWO), job=WATCHER["job"]))
    story.expect(615, TWO)
    story.expect(570, UNREACHABLE, PAGE)
    story.expect(600 + 330, UNREACHABLE)  # after keep_firing_for
    assert not (report := told(version, story, tmp_path)), report


GONE = {"namespace": "prod", "agent": "gone", "pod": "gone-0"}


@both_versions
@pytest.mark.parametrize("last", ["condition", "condition_unknown"], ids=["silent", "unknown"])
@pytest.mark.parametrize("back", [ALWAYS, 10], ids=["stays cut off", "yields soon"])
def test_a_target_that_only_the_one_without_the_lease_still_has_ends_with_what_the_other_knows(
    version: str, back: int, last: str, tmp_path: Path
) -> None:
    story = Story("a pod that was deleted while one was cut off")
    cut_off(story, back=back)
    there = " ".join(["1"] * back + ["stale"] * (ALWAYS - back)).strip()
    before = " ".join(["_"] * CUT)
    after = " ".join(["1"] * (back - CUT) + ["stale"] * (ALWAYS - back)).strip()
    story.add("target_info", there, **FIRST, **GONE)
    said = {"condition": there, "condition_unknown": f"{'1 ' * CUT}{'stale ' * (ALWAYS - CUT)}".strip()}
    story.add("condition", said[last], **FIRST, **GONE, **OPA)
    if last == "condition_unknown":
        story.add(last, f"{before} {after}", **FIRST, **GONE, **OPA, reason="WatcherImpaired")
    story.add("condition_reason_info", said[last], **FIRST, **GONE, **OPA, reason="Timeout")
    page = expected(alert(UNREACHABLE), words={"reason": "Timeout"}, namespace="prod", agent="gone")
    story.expect(HELD, UNREACHABLE, PAGE, page)
    for at in range(30 * CUT + 15 + 300, min(30 * ALWAYS, 30 * back + 285), 15):  # the other leads; and keep_firing_for
        story.expect(at, UNREACHABLE, PAGE)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
@pytest.mark.parametrize(
    ("shared", "stale"), [(False, False), (True, True)], ids=["of another fleet", "discovers no more"]
)
def test_what_only_the_one_without_the_lease_knows_stays_where_the_other_cannot_know_it(
    version: str, shared: bool, stale: bool, tmp_path: Path
) -> None:
    story = Story("two that lead")
    cut_off(story)
    if not shared:  # another release of the same job, with agents of its own
        story.series = {
            name: values
            for name, values in story.series.items()
            if SECOND["instance"] not in name or ILL["pod"] not in name
        }
        story.add("target_info", f"1x{ALWAYS}", **SECOND, namespace="dev", agent="other", pod="other-0")
    story.add("impaired", f"{int(stale)}x{ALWAYS}", **SECOND, reason="DiscoveryStale")
    story.add("target_info", f"1x{ALWAYS}", **FIRST, **GONE)
    story.add("condition", f"1x{ALWAYS}", **FIRST, **GONE, **OPA)
    story.add("condition_reason_info", f"1x{ALWAYS}", **FIRST, **GONE, **OPA, reason="Timeout")
    page = expected(alert(UNREACHABLE), words={"reason": "Timeout"}, namespace="prod", agent="gone")
    for at in range(int(HELD), 30 * ALWAYS, 60):
        story.expect(at, UNREACHABLE, PAGE, page)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_what_two_that_lead_both_say_is_counted_once(version: str, tmp_path: Path) -> None:
    story = Story("counted once")
    cut_off(story)
    for of, pods in ((FIRST, 3), (SECOND, 2)):
        story.add("pods_not_watched", f"{pods}x{ALWAYS}", **of, namespace="prod", state="refused")
        story.add("condition_unknown", f"1x{ALWAYS}", **of, **ILL, **OPA, reason="SignalAbsent")
    third = {"job": "watcher", "instance": "10.0.0.3:9847"}
    story.add("active", f"1x{ALWAYS}", **third, shard="1")  # of other pods
    story.add("pods_not_watched", f"4x{ALWAYS}", **third, namespace="prod", state="refused")
    refused = expected(alert(NOT_WATCHED), words={"count": "7"}, namespace="prod", state="refused")
    story.expect(1000, NOT_WATCHED, refused)
    unknown = {"namespace": "prod", "probe": "opa", "reason": "SignalAbsent"}
    story.expect(1900, UNKNOWN, expected(alert(UNKNOWN), words={"count": "1"}, **unknown))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_leader_that_is_alone_keeps_all_it_knows_while_nobody_can_renew(version: str, tmp_path: Path) -> None:
    story = Story("the API server is away")
    process(story, FIRST, "l80")
    process(story, SECOND, "s80")
    for of in (FIRST, SECOND):
        story.add("impaired", "0 0 0 0 0 1x74", **of, reason=LEASED)
    for at in range(int(HELD), 30 * ALWAYS, 60):
        story.expect(at, UNREACHABLE, PAGE)
        story.expect(at, TWO)
    story.expect(900, IMPAIRED, expected(alert(IMPAIRED), reason=LEASED))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_two_that_look_in_a_rollout_without_a_lease_are_no_two_leaders(version: str, tmp_path: Path) -> None:
    story = Story("no lease")
    process(story, FIRST, "l40 x40")
    process(story, SECOND, "-10 l70")
    for at in range(0, 30 * ALWAYS, 60):
        story.expect(at, TWO)
    assert not (report := told(version, story, tmp_path)), report
