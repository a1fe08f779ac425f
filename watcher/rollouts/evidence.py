"""The newest rollout of each agent as evidence: from its record to the controls that take their verdict from it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, TypeAlias

from probes.contract import Target
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, FiredAlert, Missing, RolloutLine, RolloutRecord, Seen
from probes.controls.evidence.rollout_record import Decided
from watcher.alerting.rules.agents import waits
from watcher.checklist.live.provider import Presence, Provided
from watcher.config.rollouts import RolloutsSettings
from watcher.rollouts.follower import Follower, Runs
from watcher.rollouts.reports.words import PHASES
from watcher.rollouts.rollout import Line, Rollout
from watcher.rollouts.terms import LineName, LineState, Phase, Undecided, Window

Place: TypeAlias = tuple[Window, LineName]

LINES: Mapping[str, tuple[Place, ...]] = MappingProxyType(
    {
        "postdeploy.immediate.pods-running": ((Window.IMMEDIATE, LineName.PODS_RUNNING),),
        "postdeploy.immediate.health-passing": ((Window.IMMEDIATE, LineName.HEALTH_CHECKS),),
        "postdeploy.immediate.logs-normal": ((Window.IMMEDIATE, LineName.LOGS),),
        "postdeploy.immediate.metrics-available": ((Window.IMMEDIATE, LineName.METRICS),),
        "postdeploy.short.traffic-routing": ((Window.SHORT, LineName.TRAFFIC),),
        "postdeploy.short.error-rate-normal": ((Window.SHORT, LineName.ERROR_RATE),),
        "postdeploy.short.latency-normal": ((Window.SHORT, LineName.LATENCY),),
        "postdeploy.short.authorization-working": ((Window.SHORT, LineName.AUTHORIZATION),),
        "postdeploy.short.no-breakers-open": ((Window.SHORT, LineName.BREAKERS),),
        "postdeploy.long.memory-stable": ((Window.LONG, LineName.MEMORY),),
        "postdeploy.long.cpu-stable": ((Window.LONG, LineName.CPU),),
        "postdeploy.long.pool-healthy": ((Window.LONG, LineName.POOL),),
        "postdeploy.long.svid-rotation-working": ((Window.LONG, LineName.SVID_ROTATION),),
        "postdeploy.long.no-opa-errors": ((Window.LONG, LineName.OPA),),
        "release.post.resources-stable": ((Window.SHORT, LineName.MEMORY), (Window.SHORT, LineName.CPU)),
    }
)
"""Which lines of a record each control is decided by."""

_NONE_SEEN = Missing(UnknownReason.NO_DATA, "No rollout of it was seen yet.")
_STATES: Mapping[LineState, Decided] = {
    LineState.PASS: "pass",
    LineState.FAIL: "fail",
    LineState.UNDECIDED: "undecided",
    LineState.NOT_APPLICABLE: "not_applicable",
}
_OVER = (Phase.VERIFIED, Phase.UNDECIDED)


class Followed(Protocol):
    """What is asked of the rollouts."""

    settings: RolloutsSettings

    def follower(self, agent: AgentRef, /) -> Follower | None:
        """Of one agent; None where none is followed."""

    def followed(self) -> Collection[AgentRef]:
        """All agents that are."""

    def date_of(self, moment: float | None = None, /) -> float:
        """Unix seconds of steady seconds; of now, where none are given."""


class RolloutEvidence:
    """Asks nobody: it tells what the rollouts are known to be."""

    def __init__(self, rollouts: Followed) -> None:
        self._rollouts, self._waits = rollouts, waits()
        self._turned: dict[AgentRef, tuple[int, Runs]] = {}  # how each was when it was last asked for

    def agents(self) -> Collection[AgentRef]:
        """None: who has rollouts has pods or had them, and others tell of these."""
        return ()

    def presence(self, _: AgentRef, /) -> Presence:
        """Nothing is known of that here."""
        return Presence.GONE

    def evidence_of(self, agent: AgentRef, _: Sequence[Target], /) -> Provided:
        """The record of the newest rollout."""
        follower = self._rollouts.follower(agent)
        rollout = follower.rollout if follower is not None else None
        if follower is None or rollout is None:
            return Provided({SourceName.ROLLOUT: _NONE_SEEN})
        now, seen_at = self._rollouts.date_of(), follower.observed_at
        at = now if seen_at is None else self._rollouts.date_of(seen_at)
        record = record_of(rollout, follower.runs, self._waits, self._ends(follower, rollout), now)
        summary = f"revision {record.revision}: {PHASES[rollout.phase]}"
        return Provided({SourceName.ROLLOUT: Seen(record, at, f"rollout/{agent}/{record.revision}", summary)})

    def take_changed(self) -> Collection[AgentRef] | None:
        """Those of which a line turned, or another revision runs."""
        now = {
            agent: (follower.turns, follower.runs)
            for agent in self._rollouts.followed()
            if (follower := self._rollouts.follower(agent)) is not None
        }
        before, self._turned = self._turned, now
        return [agent for agent in now.keys() | before.keys() if now.get(agent) != before.get(agent)]

    def sources_up(self) -> Mapping[str, str]:
        """Nothing here can be down by itself."""
        return {}

    def _ends(self, follower: Follower, rollout: Rollout) -> Mapping[Window, float]:
        """When its windows end, Unix seconds, at the earliest."""
        trial = follower.trial
        if trial is None:
            ready = rollout.ready_at
            return {} if ready is None else {Window.SHORT: ready + self._rollouts.settings.windows.short}
        ready = trial.began if trial.ready is None else trial.ready
        ends = {
            Window.IMMEDIATE: trial.began + trial.windows.immediate,
            Window.SHORT: ready + trial.windows.short,
            Window.LONG: ready + trial.windows.long,
        }
        return {window: self._rollouts.date_of(end) for window, end in ends.items()}


def record_of(
    rollout: Rollout, runs: Runs, waits: Mapping[str, float], ends: Mapping[Window, float], now: float
) -> RolloutRecord:
    """What judges are handed of a rollout as it was at `now` (Unix seconds).

    `waits`: seconds for which each condition must be true until its alert fires; `ends`: when windows end, Unix
    seconds.
    """
    short = rollout.of(Window.SHORT)
    pods = rollout.pods
    of = f" of {pods.wanted}" if pods.wanted is not None else ""
    return RolloutRecord(
        revision=rollout.revision.id,
        image=rollout.revision.image if rollout.revision.image.startswith("sha256:") else "",
        began_at=rollout.began_at,
        lines={control: tuple(_lines(rollout, places, ends)) for control, places in LINES.items()},
        ready_at=rollout.ready_at,
        pods=f"{pods.ready}{of} pods are Ready",
        stuck=rollout.stuck,
        is_over=rollout.phase in _OVER,
        over_at=ends.get(Window.LONG),
        end=rollout.end,
        ended_at=rollout.ended_at,
        runs=runs.newest,
        others_run=runs.others,
        previous_healthy_at=rollout.previous_healthy_at,
        alerts=tuple(_alerts(rollout, waits, ends.get(Window.SHORT, now), now)),
        hour_is_over=rollout.ready_at is not None and bool(short) and not any(map(_is_open, short)),
        hour_ends_at=ends.get(Window.SHORT),
        hour_was_seen=not rollout.unseen and not any(each.reason == Undecided.WATCHER_IMPAIRED for each in short),
    )


def _lines(rollout: Rollout, places: Sequence[Place], ends: Mapping[Window, float]) -> Iterator[RolloutLine]:
    for each in rollout.lines:
        if (each.window, each.name) in places:
            next_at = ends.get(each.window) if _is_open(each) else None
            yield RolloutLine(each.name, _STATES[each.state], each.message, _is_open(each), each.decided_at, next_at)


def _is_open(line: Line) -> bool:
    return line.state is LineState.UNDECIDED and line.reason == Undecided.SETTLING


def _alerts(rollout: Rollout, waits: Mapping[str, float], until: float, now: float) -> Iterator[FiredAlert]:
    """What was true before `until` for as long as its alert waits; of a condition without an alert nothing fires."""
    for each in rollout.fired:
        wait, ended = waits.get(each.condition), now if each.resolved_at is None else each.resolved_at
        if wait is not None and min(ended, until) - each.at >= wait:
            yield FiredAlert(each.condition, each.pod, each.at)
