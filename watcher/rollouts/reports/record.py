"""The deployment record: the checklist's template for a release, filled in as far as a machine knows. Pure.

1. A box is ticked by what was seen, with its time and evidence, or by a record that people or pipelines made.
2. What an annotation claims is shown as claimed and ticks nothing.
3. A box that only people can fill in is left open and says so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from probes.contract.units import utc
from watcher.rollouts.reports.words import PHASES, line_dated, version_of
from watcher.rollouts.rollout import Line, Rollout, verdict
from watcher.rollouts.terms import LineName, LineState, Outcome, Undecided, Window

BLANK = "____"
"""What the template has where something is to be written in."""

TO_FILL_IN = "to be filled in by a person"

_SHOWN = 10
"""Alerts that one box names."""


class Text(NamedTuple):
    """A piece of what is written into the template; what is claimed comes from an annotation."""

    said: str
    claimed: bool = False


class Box(NamedTuple):
    """One box of the template: its words, with `{}` where something is written in."""

    words: str
    ticked: bool = False
    filled: Text = Text(BLANK)
    said: str = ""  # time and evidence, or why it is open
    by_person: bool = False  # open, and only people can fill it in


class Section(NamedTuple):
    """Boxes under one heading."""

    heading: str
    boxes: tuple[Box, ...]


class Record(NamedTuple):
    """The whole template, filled in."""

    agent: str
    version: Text
    date: str
    engineer: Text
    environment: str
    sections: tuple[Section, ...]
    status: Mapping[str, bool]  # the three boxes of the status
    beside: str  # what none of them says
    notes: tuple[Text, ...]


class Known(NamedTuple):
    """What the checklist says of one of its release controls."""

    met: bool
    said: str  # by whom or what, in a sentence


class Surroundings(NamedTuple):
    """What a record shows beside the rollout itself."""

    environment: str = "production"
    controls: Mapping[str, Known] = {}  # by id, such as `release.pre.security-review`
    staging: Rollout | None = None  # of the same revision, where it was rolled out to staging and seen there


def record_of(rollout: Rollout, around: Surroundings) -> Record:
    """The record of a rollout as of what is known of it."""
    version, claimed = version_of(rollout)
    return Record(
        agent=rollout.agent,
        version=Text(version, claimed),
        date=utc(rollout.began_at)[:10],
        engineer=_claim(rollout, "engineer"),
        environment=around.environment.capitalize(),
        sections=(
            Section("Pre-Deploy", _pre_deploy(rollout, around)),
            Section("Deploy", _deploy(rollout, around)),
            Section("Post-Deploy", _post_deploy(rollout)),
            Section("Rollback (if needed)", _rollback(rollout, around)),
        ),
        status=_status(rollout),
        beside=_beside(rollout),
        notes=tuple(_notes(rollout)),
    )


def _claim(rollout: Rollout, name: str) -> Text:
    claimed = rollout.claimed.get(name, "").strip()
    return Text(claimed, claimed=True) if claimed else Text(BLANK)


def _pre_deploy(rollout: Rollout, around: Surroundings) -> tuple[Box, ...]:
    known = _by_control(around)
    approver = _claim(rollout, "approved-by")
    return (
        known("release.pre.tests-passing", "All tests passing (unit, integration, load)"),
        known("release.pre.configuration-validated", "Configuration validated"),
        known("release.pre.security-review", "Security review completed"),
        known("release.pre.rollback-documented", "Rollback plan documented"),
        known("release.pre.change-approved", "Change approved by {}")._replace(filled=approver),
    )


def _by_control(around: Surroundings) -> Callable[[str, str], Box]:
    """Makes the box of what the cluster does not show: only the checklist's records tick it."""

    def box(control: str, words: str) -> Box:
        found = around.controls.get(control)
        if found is None:
            return Box(words, by_person=True)
        return Box(words, found.met, said=found.said, by_person=not found.met)

    return box


def _deploy(rollout: Rollout, around: Surroundings) -> tuple[Box, ...]:
    known = _by_control(around)
    return (
        _staging(around.staging) or known("release.deploy.staging", "Deployed to staging (timestamp: {})"),
        known("release.deploy.smoke-passed", "Smoke tests passed in staging"),
        _production(rollout),
        _of_lines("Health checks passing", _named(rollout, LineName.PODS_RUNNING, LineName.HEALTH_CHECKS)),
    )


def _staging(staging: Rollout | None) -> Box | None:
    if staging is None:
        return None
    seen = f"seen in namespace {staging.namespace}, {PHASES[staging.phase]}"
    at = staging.ready_at
    return Box("Deployed to staging (timestamp: {})", at is not None, Text(utc(at) if at else BLANK), seen)


def _production(rollout: Rollout) -> Box:
    words, at = "Deployed to production (timestamp: {})", rollout.ready_at
    pods = rollout.pods
    wanted = f" of {pods.wanted}" if pods.wanted is not None else ""
    began = f"begun {utc(rollout.began_at)}"
    if at is None:
        stuck = f"; {rollout.stuck}" if rollout.stuck else ""
        return Box(words, said=f"{began}, {pods.ready}{wanted} pods Ready{stuck}")
    return Box(words, ticked=True, filled=Text(utc(at)), said=f"{began}, all pods Ready {utc(at)}")


def _post_deploy(rollout: Rollout) -> tuple[Box, ...]:
    short = rollout.of(Window.SHORT)
    resources = [each for each in short if each.name in (LineName.MEMORY, LineName.CPU)]
    return (
        _of_lines("Metrics normal (15 min)", _named(rollout, LineName.METRICS)),
        _of_lines("Logs normal (15 min)", _named(rollout, LineName.LOGS)),
        _of_lines("Error rate normal (1 hour)", _named(rollout, LineName.ERROR_RATE)),
        _of_lines("Memory/CPU stable (1 hour)", resources),
        _no_alerts(rollout, short),
    )


def _named(rollout: Rollout, *names: LineName) -> list[Line]:
    return [each for each in rollout.lines if each.name in names]


def _of_lines(words: str, lines: Iterable[Line]) -> Box:
    """Ticked where each line passed. What no machine looks at is for people."""
    found = list(lines)
    judged = [each for each in found if each.state is not LineState.NOT_APPLICABLE]
    said = "; ".join(f"{each.name}, {line_dated(each)}" if len(found) > 1 else line_dated(each) for each in found)
    if not judged:
        return Box(words, said=said or "the watcher does not judge it here", by_person=True)
    return Box(words, all(each.state is LineState.PASS for each in judged), said=said)


def _no_alerts(rollout: Rollout, short: Iterable[Line]) -> Box:
    """Ticked after the first hour alone, and where the watcher was there all the time."""
    words, settling = "No alerts fired", [each for each in short if each.reason == Undecided.SETTLING]
    if rollout.fired:
        named = [f"{each.condition} on {each.pod} {utc(each.at)}" for each in rollout.fired[:_SHOWN]]
        more = len(rollout.fired) - len(named)
        return Box(words, said="; ".join(named) + (f"; and {more} more" if more else ""))
    if rollout.unseen:
        return Box(words, said=f"not known: {_away(rollout)}")
    if rollout.ready_at is None or settling or rollout.end:
        until = f" until it was {PHASES[rollout.phase]}" if rollout.end else " so far"
        return Box(words, said=f"none{until}; the first hour {'did' if rollout.end else 'does'} not end")
    return Box(words, ticked=True, said="no condition became true on its pods")


def _away(rollout: Rollout) -> str:
    gaps = ", ".join(f"{utc(each.began)} to {utc(each.ended)}" for each in rollout.unseen[:_SHOWN])
    return f"the watcher was away from {gaps}"


def _rollback(rollout: Rollout, around: Surroundings) -> tuple[Box, ...]:
    if rollout.end != "rolled_back":
        words = ("Rollback decision made by: {}", "Rollback executed (timestamp: {})", "Previous version healthy")
        return tuple(map(Box, (*words, "Incident report filed")))
    known, at, healthy = _by_control(around), rollout.ended_at, rollout.previous_healthy_at
    executed = Text(utc(at)) if at is not None else Text(BLANK)
    well = f"all pods Ready {utc(healthy)}" if healthy is not None else "its pods are not all Ready yet"
    return (
        known("release.rollback.decision-by", "Rollback decision made by: {}"),
        Box("Rollback executed (timestamp: {})", at is not None, executed, f"to revision {rollout.ended_by}"),
        Box("Previous version healthy", healthy is not None, said=well),
        known("release.rollback.incident-report", "Incident report filed"),
    )


def _status(rollout: Rollout) -> Mapping[str, bool]:
    """A rollout that failed and still runs, was superseded, or could not be decided is none of the three."""
    verified = verdict(rollout, Window.SHORT).outcome is Outcome.VERIFIED and not rollout.failed
    rolled_back = rollout.end == "rolled_back"
    going_on = not (verified or rollout.failed or rollout.end) and rollout.phase.value != "undecided"
    return {"Success": verified and not rolled_back, "Rolled back": rolled_back, "In progress": going_on}


def _beside(rollout: Rollout) -> str:
    failed = "failed: " + ", ".join(dict.fromkeys(each.name for each in rollout.failed)) if rollout.failed else ""
    superseded = f"superseded by revision {rollout.ended_by}" if rollout.end == "superseded" else ""
    phase = "" if rollout.failed or rollout.end else PHASES[rollout.phase]
    return "; ".join(filter(None, (failed, superseded, phase)))


def _notes(rollout: Rollout) -> Iterator[Text]:
    revision, before = rollout.revision, rollout.before
    config = f", config {revision.config}" if revision.config else ""
    yield Text(f"Revision {revision.id}: image {revision.image}{config}.")
    if before is not None:
        yield Text(f"Before it ran revision {before.id}: image {before.image}.")
    if rollout.is_first:
        yield Text("It is the first deployment that was seen: judged by limits alone.")
    if rollout.baseline:
        yield Text(rollout.baseline)
    if without := verdict(rollout, Window.SHORT).verified_without:
        yield Text(f"Verified without {', '.join(without)}.")
    if rollout.unseen:
        yield Text(f"Not all was seen: {_away(rollout)}.")
    yield from map(Text, filter(None, (rollout.stuck, *rollout.notes)))
    for name in ("notes", "change-cause"):
        if rollout.claimed.get(name, "").strip():
            yield _claim(rollout, name)
