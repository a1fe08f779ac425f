"""The trial of one rollout: its windows and lines, and what is counted for them. Pure: time and facts are given.

Moments are steady seconds, which go on over a restart; what is shown is dated when it is decided.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from probes.contract.condition import Status
from watcher.rollouts.lines.judging import FIRST_LINES, Place, judge
from watcher.rollouts.lines.sight import NO_LOGS, Former, Limits, Logs, Sight, Standing, Windows
from watcher.rollouts.requests.log_lines import LogLines
from watcher.rollouts.requests.minutes import DECIDED_WIDTH, MINUTE, Minutes
from watcher.rollouts.rollout import Fired, Rollout
from watcher.rollouts.seen.running import RunningPod
from watcher.rollouts.terms import OUTSIDE_THE_GATE, LineName, Window

MOST_FIRED = 50
_HOUR = 3600.0


@dataclass(kw_only=True)
class Facts:
    """What is known of a rollout's pods at one moment."""

    now: float  # steady seconds
    date: float  # Unix seconds
    pods: Sequence[RunningPod]  # of the new revision
    conditions: Mapping[str, Sequence[Standing]]  # by pod
    limits: Limits | None
    rotated: frozenset[str]
    lifetime: float | None
    impaired: str
    logs: Logs = NO_LOGS
    events: Sequence[str] = ()  # of its pods, a sentence each


@dataclass
class Trial:
    """Of one rollout."""

    began: float
    windows: Windows
    new: Minutes
    old: Minutes
    new_decisions: Minutes
    old_decisions: Minutes
    cut: int = -1  # the bucket of the baseline's p95
    bounds: int = 0  # of those buckets
    ready: float | None = None
    good_since: float | None = None
    seen_at: float = 0.0  # when it was last judged
    true_before: frozenset[tuple[str, str]] = frozenset()
    former: tuple[Former, ...] = ()
    logs_before: LogLines | None = None  # of the revision before
    blind: dict[Window, float] = field(default_factory=dict)
    closed: frozenset[Place] = frozenset()

    def judge(self, rollout: Rollout, facts: Facts) -> Rollout:
        """The rollout with its lines as of now."""
        self._pass_time(rollout, facts)
        sight = self._sight(rollout, facts)
        judged = judge(rollout.lines or FIRST_LINES, self.closed, sight)
        self.closed = judged.closed
        return replace(rollout, lines=judged.lines, fired=self._fired(rollout, facts), baseline=self._baseline(rollout))

    @property
    def is_done(self) -> bool:
        """Whether nothing changes any more."""
        return len(self.closed) == len(FIRST_LINES)

    @property
    def logs_due(self) -> float | None:
        """From when on lines are those of good new pods, steady seconds; None where they are not, or it is decided."""
        if self.good_since is None or (Window.IMMEDIATE, LineName.LOGS) in self.closed:
            return None
        return self.good_since + self.windows.good_for

    @property
    def gate_is_done(self) -> bool:
        """The same, but for what no verdict waits for."""
        return all((each.window, each.name) in self.closed for each in FIRST_LINES if each.name not in OUTSIDE_THE_GATE)

    def away(self, seconds: float) -> None:
        """For so long nobody looked, until now."""
        for window in self._open_windows():
            self.blind[window] = self.blind.get(window, 0.0) + seconds

    def _pass_time(self, rollout: Rollout, facts: Facts) -> None:
        if rollout.ready_at is not None and self.ready is None:
            self.ready = facts.now
        passed = max(0.0, facts.now - self.seen_at) if self.seen_at else 0.0
        if facts.impaired:
            self.away(passed)
        self.seen_at = facts.now
        is_good = rollout.ready_at is not None and bool(facts.pods) and all(each.is_ready for each in facts.pods)
        self.good_since = (facts.now if self.good_since is None else self.good_since) if is_good else None

    def _open_windows(self) -> Iterable[Window]:
        waiting = {each.window for each in FIRST_LINES if (each.window, each.name) not in self.closed}
        return waiting & {
            Window.IMMEDIATE,
            *((Window.SHORT, Window.LONG) if self.ready is not None else ()),
        }

    def _sight(self, rollout: Rollout, facts: Facts) -> Sight:
        return Sight(
            now=facts.now,
            date=facts.date,
            rollout=rollout,
            windows=self.windows,
            began=self.began,
            ready=self.ready,
            good_since=self.good_since,
            pods=facts.pods,
            conditions=facts.conditions,
            true_before=self.true_before,
            new=self.new,
            old=self.old,
            new_decisions=self.new_decisions,
            old_decisions=self.old_decisions,
            logs=facts.logs._replace(before=self.logs_before),
            events=facts.events,
            former=self.former,
            limits=facts.limits,
            rotated=facts.rotated,
            lifetime=facts.lifetime,
            impaired=facts.impaired,
            blind=self.blind,
        )

    def _fired(self, rollout: Rollout, facts: Facts) -> tuple[Fired, ...]:
        """Conditions that are or were true on its pods, as long as the gate is open."""
        true = {
            (each.condition, pod, each.subject): each
            for pod, standing in facts.conditions.items()
            for each in standing
            if each.status is Status.TRUE and (each.condition, each.subject) not in self.true_before
        }
        known = {(each.condition, each.pod, each.subject): each for each in rollout.fired if each.resolved_at is None}
        over = {key: replace(each, resolved_at=facts.date) for key, each in known.items() if key not in true}
        found = [over.get((each.condition, each.pod, each.subject), each) for each in rollout.fired]
        if not self.gate_is_done:
            for key, each in true.items():
                if key not in known and len(found) < MOST_FIRED:
                    at = facts.date - max(0.0, facts.now - each.since)
                    found.append(Fired(condition=each.condition, pod=key[1], at=at, subject=each.subject))
        return tuple(found)

    def _baseline(self, rollout: Rollout) -> str:
        if rollout.is_first:
            return "Nothing ran before it: judged by limits alone."
        days = sum(1 for each in self.former if each.errors.requests)
        beside = self.old.errors(self.seen_at).requests
        parts = []
        if beside:
            parts.append(f"{beside:,.0f} requests of pods of the revision before, at the same time")
        if days:
            parts.append(f"the same hour of {days} former day{'' if days == 1 else 's'}")
        if parts:
            return f"Compared with {' or with '.join(parts)}."
        return "No requests of a revision before it are known: judged by limits alone."


def begun(now: float, windows: Windows, cut: int, bounds: int) -> Trial:
    """A trial that begins now."""
    minute = windows.short / _HOUR * MINUTE
    requests = Minutes(now, minute), Minutes(now, minute)
    decisions = Minutes(now, minute, DECIDED_WIDTH), Minutes(now, minute, DECIDED_WIDTH)
    return Trial(now, windows, *requests, *decisions, cut, bounds)
