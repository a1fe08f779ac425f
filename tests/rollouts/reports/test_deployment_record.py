"""The deployment record: the template's words and order, ticked by what was seen, and nothing else."""

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from probes.contract.units import utc
from tests.probes.controls.seed import TEXT
from tests.rollouts.made_rollouts import (
    BEGAN,
    CLAIMED,
    EARLIER,
    FAILED,
    GOING_ON,
    HOSTILE,
    IMPAIRED,
    ROLLED_BACK,
    SUPERSEDED,
    line,
    lines,
    rollout,
)
from watcher.rollouts.reports.markdown import as_markdown
from watcher.rollouts.reports.record import Known, Record, Surroundings, record_of
from watcher.rollouts.rollout import Pods, Rollout
from watcher.rollouts.terms import LineName, LineState, Window

TEMPLATE = TEXT[TEXT.index("# Deployment Checklist: [Agent Name]") : TEXT.index("Remember: Production readiness")]
READY = utc(BEGAN + 60)


def record(found: Rollout, **around: object) -> Record:
    return record_of(found, Surroundings(**around))  # type: ignore[arg-type]  # as they are named there


def markdown(found: Rollout, **around: object) -> str:
    return as_markdown(record(found, **around), found)


def boxes(found: Rollout, **around: object) -> dict[str, bool]:
    return {
        box.words.partition(" {")[0].partition(" (timestamp")[0]: box.ticked
        for section in record(found, **around).sections
        for box in section.boxes
    }


def said(found: Rollout, words: str) -> str:
    return next(box.said for part in record(found).sections for box in part.boxes if box.words.startswith(words))


def skeleton(text: str) -> list[str]:
    """Headings, boxes and fields without what is filled in."""
    found = []
    for each in text.splitlines():
        bare = re.sub(r"^- \[[x ]\]|^\d+$", "- [ ]", each.strip())
        bare = re.sub(r" - .*", "", re.sub(r"\(timestamp: .*?\)", "(timestamp: )", bare))
        bare = re.sub(r"(made by:|approved by|\*\*(?:Date|Engineer|Environment|Notes)\*\*:).*", r"\1", bare)
        bare = re.sub(r"\[[x ]\] (Success|Rolled back|In progress)", r"[ ] \1", bare.partition(" (failed")[0])
        found += [bare] if bare.startswith(("#", "- [ ]", "**")) and bare != "- [ ]" else []
    return found


def test_it_has_the_words_of_the_template_in_its_order() -> None:
    wanted = skeleton(TEMPLATE)
    assert len(wanted) == 28
    assert wanted[0] == "# Deployment Checklist: [Agent Name] v[Version]"
    assert skeleton(markdown(FAILED))[1 : len(wanted)] == wanted[1:]


def test_a_good_rollout_ticks_what_a_machine_saw_and_leaves_open_what_people_must_say() -> None:
    assert boxes(rollout()) == {
        "All tests passing (unit, integration, load)": False,
        "Configuration validated": False,
        "Security review completed": False,
        "Rollback plan documented": False,
        "Change approved by": False,
        "Deployed to staging": False,
        "Smoke tests passed in staging": False,
        "Deployed to production": True,
        "Health checks passing": True,
        "Metrics normal (15 min)": True,
        "Logs normal (15 min)": True,
        "Error rate normal (1 hour)": True,
        "Memory/CPU stable (1 hour)": True,
        "No alerts fired": True,
        "Rollback decision made by:": False,
        "Rollback executed": False,
        "Previous version healthy": False,
        "Incident report filed": False,
    }
    text = markdown(rollout())
    assert text.startswith("# Deployment Checklist: search v2.1\n\n**Date**: 2026-09-21  \n**Engineer**: ____  \n")
    assert "- [ ] Security review completed - to be filled in by a person\n" in text
    assert f"- [x] Deployed to production (timestamp: {READY}) - begun {utc(BEGAN)}, all pods Ready {READY}\n" in text
    assert f"- [x] Error rate normal (1 hour) - {utc(BEGAN + 900)}: Good.\n" in text
    assert "**Status**: [x] Success / [ ] Rolled back / [ ] In progress (verified)\n" in text


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (rollout(), "[x] Success / [ ] Rolled back / [ ] In progress (verified)"),
        (GOING_ON, "[ ] Success / [ ] Rolled back / [x] In progress (short-term checks)"),
        (
            rollout(lines=lines(until=Window.SHORT)),
            "[x] Success / [ ] Rolled back / [ ] In progress (long-term monitoring)",
        ),
        (FAILED, "[ ] Success / [ ] Rolled back / [ ] In progress (failed: Error rate normal)"),
        (ROLLED_BACK, "[ ] Success / [x] Rolled back / [ ] In progress (failed: Error rate normal)"),
        (SUPERSEDED, "[ ] Success / [ ] Rolled back / [ ] In progress (superseded by revision 0123456789ab)"),
        (IMPAIRED, "[ ] Success / [ ] Rolled back / [ ] In progress (undecided)"),
    ],
)
def test_the_status_is_ticked_only_where_it_is_so(found: Rollout, status: str) -> None:
    assert f"**Status**: {status}\n" in markdown(found)


def test_what_a_record_of_the_checklist_says_ticks_the_box_of_people() -> None:
    known = {
        "release.pre.security-review": Known(met=True, said="attested: Reviewed by Ann."),
        "release.pre.tests-passing": Known(met=False, said="unknown: There is no record."),
    }
    text = markdown(rollout(), controls=known)
    assert "- [x] Security review completed - attested: Reviewed by Ann.\n" in text
    open_one = "- [ ] All tests passing (unit, integration, load) - unknown: There is no record.; to be filled in"
    assert open_one in text


def test_the_same_revision_in_staging_is_the_box_of_staging() -> None:
    staging = replace(rollout(), namespace="staging")
    box = f"- [x] Deployed to staging (timestamp: {READY}) - seen in namespace staging, verified\n"
    assert box in markdown(rollout(), staging=staging)
    begun = replace(staging, ready_at=None, lines=())
    assert "- [ ] Deployed to staging (timestamp: ____) - seen in namespace staging, rolling out" in markdown(
        rollout(), staging=begun
    )


def test_a_rollback_is_told_with_its_times_and_asks_people_for_the_rest() -> None:
    text = markdown(ROLLED_BACK)
    assert "- [ ] Rollback decision made by: ____ - to be filled in by a person\n" in text
    assert f"- [x] Rollback executed (timestamp: {utc(BEGAN + 1500)}) - to revision {EARLIER.id}\n" in text
    assert f"- [x] Previous version healthy - all pods Ready {utc(BEGAN + 1560)}\n" in text
    assert "- [ ] Incident report filed - to be filled in by a person\n" in text


def test_a_rollout_that_needs_no_rollback_asks_nobody_for_one() -> None:
    part = markdown(rollout()).partition("## Rollback (if needed)")[2].partition("**Status")[0]
    assert part.strip().splitlines() == [
        "- [ ] Rollback decision made by: ____",
        "- [ ] Rollback executed (timestamp: ____)",
        "- [ ] Previous version healthy",
        "- [ ] Incident report filed",
    ]


def test_alerts_are_named_and_none_is_said_only_after_an_hour_that_was_seen_whole() -> None:
    assert said(FAILED, "No alerts") == f"ErrorRateHigh on search-1 {utc(BEGAN + 600)}"
    assert said(GOING_ON, "No alerts") == "none so far; the first hour does not end"
    assert said(IMPAIRED, "No alerts").startswith("not known: the watcher was away from ")
    assert said(SUPERSEDED, "No alerts") == "none until it was superseded; the first hour did not end"
    assert not any(boxes(each)["No alerts fired"] for each in (FAILED, GOING_ON, IMPAIRED, SUPERSEDED))


def test_where_no_logs_are_read_people_must_look() -> None:
    unread = line(Window.IMMEDIATE, LineName.LOGS, LineState.NOT_APPLICABLE, message="No logs are read.")
    text = markdown(rollout(lines=lines(IMMEDIATE_LOGS=unread)))
    assert "- [ ] Logs normal (15 min) - No logs are read.; to be filled in by a person\n" in text


def test_one_bad_line_of_two_leaves_their_box_open() -> None:
    bad = line(Window.SHORT, LineName.CPU, LineState.FAIL, message="It uses 97%.")
    assert not boxes(rollout(lines=lines(SHORT_CPU=bad)))["Memory/CPU stable (1 hour)"]
    assert boxes(rollout(lines=lines(LONG_CPU=replace(bad, window=Window.LONG))))["Memory/CPU stable (1 hour)"]


def test_pods_that_are_not_ready_leave_production_open() -> None:
    stuck = rollout(ready_at=None, pods=Pods(wanted=3, ready=1), stuck="No progress for 10m0s.", lines=())
    assert said(stuck, "Deployed to production").endswith("1 of 3 pods Ready; No progress for 10m0s.")
    assert not boxes(stuck)["Deployed to production"]


def test_what_annotations_claim_is_claimed_and_ticks_nothing_and_is_no_markup() -> None:
    text = markdown(CLAIMED)
    assert text.startswith("# Deployment Checklist: search `v2.1` (claimed)\n")
    assert "- [ ] Change approved by `Ann` (claimed) - to be filled in by a person\n" in text
    assert "\n**Engineer**: ``" in text
    shown = MarkdownIt("commonmark", {"html": True}).render(text)
    assert "<script" not in shown
    assert "<a " not in shown
    assert shown.count("&lt;script&gt;") == 2
    codes = re.findall(r"<code>(.*?)</code>", shown)
    assert sum("@everyone" in code for code in codes) == 2
    assert "@everyone" not in re.sub(r"<code>.*?</code>", "", shown)


def test_a_quarter_of_a_megabyte_of_an_annotation_stands_on_one_line() -> None:
    long = rollout(claimed={"notes": "`" * 2000 + "\u202e\n" + HOSTILE * 500})
    assert all("\u202e" not in each for each in markdown(long).splitlines())
    [notes] = [each for each in markdown(long).splitlines() if each.startswith("**Notes**")]
    assert "\\u202e\\n" in notes
