"""What of rollouts survives a restart, as bytes: the rollouts themselves, and how far each agent is followed."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import TypeAdapter

from probes.history.packed import Packed
from watcher.rollouts.lines.sight import Former, Windows
from watcher.rollouts.lines.trial import Trial
from watcher.rollouts.requests.log_lines import LogLines
from watcher.rollouts.requests.minutes import DECIDED_WIDTH, Minutes
from watcher.rollouts.rollout import Revision, Rollout
from watcher.rollouts.seen.course import Course
from watcher.rollouts.terms import LineName, Window

_MOST = 1 << 20
"""Bytes of one, unpacked."""


class _KeptMinutes(NamedTuple):
    began: float
    counts: Packed
    by_pod: dict[str, list[float]]


class _KeptTrial(NamedTuple):
    began: float
    windows: Windows
    new: _KeptMinutes
    old: _KeptMinutes
    cut: int
    bounds: int
    ready: float | None
    good_since: float | None
    true_before: tuple[tuple[str, str], ...]
    former: tuple[Former, ...]
    blind: dict[Window, float]
    closed: tuple[tuple[Window, LineName], ...]
    logs_before: LogLines | None = None
    decisions: tuple[_KeptMinutes, _KeptMinutes] | None = None  # of the new pods and of the old ones


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAgent:
    """How far one agent is followed."""

    current: Revision | None
    verified: str
    at_begin: tuple[str, ...]
    moved_at: float
    pods: Mapping[str, Revision] = field(default_factory=dict)
    trial: _KeptTrial | None
    seen_at: float  # steady seconds
    cut: int = -1  # the bucket beyond which requests are slow
    bounds: int = 0  # of the buckets


_ROLLOUT, _AGENT = TypeAdapter(Rollout), TypeAdapter(KeptAgent)


def packed_rollout(rollout: Rollout) -> bytes:
    """For `rollout_of`."""
    return zlib.compress(_ROLLOUT.dump_json(rollout), 6)


def rollout_of(packed: bytes) -> Rollout:
    """The rollout; ValueError for anything else."""
    return _ROLLOUT.validate_json(_unpacked(packed))


def packed_agent(course: Course, trial: Trial | None, seen_at: float, cut: int, bounds: int) -> bytes:
    """For `agent_of`."""
    kept = KeptAgent(
        current=course.current,
        verified=course.verified,
        at_begin=tuple(course.at_begin),
        moved_at=course.moved_at,
        pods=course.pods,
        trial=None if trial is None else _kept(trial),
        seen_at=seen_at,
        cut=cut,
        bounds=bounds,
    )
    return zlib.compress(_AGENT.dump_json(kept), 6)


def agent_of(packed: bytes) -> KeptAgent:
    """How far an agent was followed; ValueError for anything else."""
    return _AGENT.validate_json(_unpacked(packed))


def course_of(namespace: str, agent: str, kept: KeptAgent, newest: Rollout | None) -> Course:
    """Its course, to be gone on with."""
    return Course(
        namespace=namespace,
        agent=agent,
        current=kept.current,
        verified=kept.verified,
        rollout=newest,
        at_begin=frozenset(kept.at_begin),
        moved_at=kept.moved_at,
        pods=dict(kept.pods),
    )


def trial_of(kept: KeptAgent) -> Trial | None:
    """The trial of its newest rollout; None where there is none under way."""
    found = kept.trial
    if found is None:
        return None
    minute = found.windows.short / 60
    none = _KeptMinutes(found.began, b"", {})
    of_new, of_old = found.decisions or (none, none)
    return Trial(
        began=found.began,
        windows=found.windows,
        new=Minutes.load(minute, *found.new),
        old=Minutes.load(minute, *found.old),
        new_decisions=Minutes.load(minute, *of_new, width=DECIDED_WIDTH),
        old_decisions=Minutes.load(minute, *of_old, width=DECIDED_WIDTH),
        cut=found.cut,
        bounds=found.bounds,
        ready=found.ready,
        good_since=found.good_since,
        seen_at=kept.seen_at,
        true_before=frozenset(found.true_before),
        former=found.former,
        logs_before=found.logs_before,
        blind=dict(found.blind),
        closed=frozenset(found.closed),
    )


def _kept(trial: Trial) -> _KeptTrial:
    return _KeptTrial(
        began=trial.began,
        windows=trial.windows,
        new=_KeptMinutes(*trial.new.dumped()),
        old=_KeptMinutes(*trial.old.dumped()),
        cut=trial.cut,
        bounds=trial.bounds,
        ready=trial.ready,
        good_since=trial.good_since,
        true_before=tuple(trial.true_before),
        former=trial.former,
        logs_before=trial.logs_before,
        blind=trial.blind,
        closed=tuple(trial.closed),
        decisions=(_KeptMinutes(*trial.new_decisions.dumped()), _KeptMinutes(*trial.old_decisions.dumped())),
    )


def _unpacked(packed: bytes) -> bytes:
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(packed, _MOST)
    except zlib.error as error:
        raise ValueError(f"not what was packed: {error}") from error
    if reader.unconsumed_tail:
        raise ValueError(f"it is over {_MOST} bytes")
    return text
