"""All that the lines of a rollout are judged by, at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from probes.contract.condition import Status
from watcher.rollouts.requests.log_lines import LogLines
from watcher.rollouts.requests.minutes import Minutes
from watcher.rollouts.requests.normal import Tally
from watcher.rollouts.rollout import Rollout
from watcher.rollouts.seen.running import RunningPod
from watcher.rollouts.terms import Window

MOST_BLIND = 0.2
"""Share of a window for which the watcher may have been impaired or away."""


ROTATED_AFTER = 0.6
"""Share of the lifetime of an SVID after which it is to be replaced."""


class Windows(NamedTuple):
    """Seconds."""

    immediate: float = 900.0
    good_for: float = 300.0  # all Ready and good for so long decides the immediate window before its end
    short: float = 3600.0
    long: float = 6 * 3600.0


class Standing(NamedTuple):
    """One condition of one pod."""

    condition: str
    subject: str
    status: Status
    reason: str
    since: float  # steady seconds
    learns: bool = False  # it needs history, and has not enough of it yet


class Logs(NamedTuple):
    """What is known of the newest lines of the agent's log."""

    are_read: bool = False
    new: LogLines | None = None  # of the new pods alone, and since they were good for long enough
    before: LogLines | None = None  # as they were before the rollout
    why: str = ""  # that there are none, a sentence
    is_asked: bool = False  # they were good only now, and their lines are on the way


NO_LOGS = Logs()


class Former(NamedTuple):
    """The same hour of one former day."""

    errors: Tally
    slow: Tally
    denials: Tally = Tally()  # of decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of an agent's requests, as its probe has them."""

    error_ratio: float
    slow_ratio: float = 0.05  # that may take longer than its limit: what p95 means


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """At `now`, in steady seconds as all of its moments."""

    now: float
    date: float  # Unix seconds of it
    rollout: Rollout
    windows: Windows
    began: float
    ready: float | None
    good_since: float | None  # all wanted pods are Ready and none has trouble
    pods: Sequence[RunningPod]  # of the new revision
    conditions: Mapping[str, Sequence[Standing]]  # by pod, of those that are looked at
    true_before: frozenset[tuple[str, str]]  # conditions and subjects that were true of the revision before
    new: Minutes
    old: Minutes
    new_decisions: Minutes
    old_decisions: Minutes
    logs: Logs
    events: Sequence[str]  # what the cluster tells of pods that are not Ready, a sentence each
    former: Sequence[Former]  # of the last verified revision
    limits: Limits | None  # None: requests are not judged
    rotated: frozenset[str]  # pods whose SVID was rotated since the rollout began
    lifetime: float | None  # seconds of the longest SVID of its pods; None: none is known
    impaired: str  # why the watcher cannot see right now, a few words
    blind: Mapping[Window, float]  # seconds of each window for which it could not

    def end(self, window: Window) -> float | None:
        """When the window ends; None while that is not known."""
        if window is Window.IMMEDIATE:
            return self.began + self.windows.immediate
        seconds = self.windows.short if window is Window.SHORT else self.windows.long
        return None if self.ready is None else self.ready + seconds

    @property
    def is_rotation_due(self) -> bool:
        """Whether each SVID should have been rotated by now: until 0.6 of its lifetime, and for the long window."""
        due = self.began + ROTATED_AFTER * (self.lifetime or 0.0)
        return self.is_over(Window.LONG) and self.now >= due

    def is_over(self, window: Window) -> bool:
        """Whether it has ended."""
        end = self.end(window)
        return end is not None and self.now >= end

    def is_blind(self, window: Window) -> bool:
        """Whether the watcher saw too little of it to say that all was well."""
        whole = {
            Window.IMMEDIATE: self.windows.immediate,
            Window.SHORT: self.windows.short,
            Window.LONG: self.windows.long,
        }
        return bool(self.impaired) or self.blind.get(window, 0.0) > MOST_BLIND * whole[window]
