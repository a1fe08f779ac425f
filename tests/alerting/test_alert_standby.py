"""What the alerts make of a warm standby and of shards: who leads may change, what is told may not."""

from pathlib import Path

import pytest

from tests.alerting.promtool import WATCHER, Story, both_versions, expected
from tests.alerting.rules import alert
from tests.alerting.test_alert_watcher import DOWN, HELD, ILL, OLD, OPA, PAGE, STALLED, UNREACHABLE, told

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
    stalled = expected(alert(STALLED), words={"state": old}, instance=FIRST["instance"])
    story.expect(195, STALLED, *[stalled] * leads)
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
