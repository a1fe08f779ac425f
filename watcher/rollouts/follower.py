"""Follows one agent: its course, and the trial of its newest rollout."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from watcher.rollouts.kept.packing import packed_agent, packed_rollout, rollout_of
from watcher.rollouts.lines.sight import Windows
from watcher.rollouts.lines.trial import Facts, Trial, begun
from watcher.rollouts.requests.agent_requests import AgentRequests
from watcher.rollouts.rollout import Rollout, verdict
from watcher.rollouts.seen.course import Course
from watcher.rollouts.seen.groups import Wanted
from watcher.rollouts.seen.running import RunningPod, same
from watcher.rollouts.terms import Outcome, Phase, Window

AT_FIRST, OFTEN, SELDOM = 5.0, 15.0, 30.0
"""Seconds from one judging of a trial to the next: in the immediate window, while a gate may wait for it, and after."""

_GAP = 60.0
"""Seconds without a look at the pods after which it is not known when they moved."""


class Figures(NamedTuple):
    """What series tell of a rollout."""

    revision: str
    phase: str
    outcomes: Mapping[Window, Outcome]
    began_at: float
    failing: bool | None = None  # of one that failed: whether it still does


class Turns(NamedTuple):
    """What a look at the pods showed of rollouts."""

    begun: bool = False
    ended: Rollout | None = None  # whose place the newest took
    dropped: Rollout | None = None  # that turned out to be none


NO_TURNS = Turns()


class Runs(NamedTuple):
    """What pods run now."""

    newest: bool  # some the revision of the newest rollout
    others: bool  # some another one


class Follower:
    """Of one agent."""

    def __init__(self, course: Course, trial: Trial | None, requests: AgentRequests) -> None:
        """Go on from there."""
        self.course, self.trial, self.requests = course, trial, requests
        self.judge_at = 0.0  # steady seconds
        self.observed_at: float | None = None  # steady seconds
        self.changed = self.turned = False  # since it was kept; `turned` where a reader would miss it
        self.turns = 0  # how often a reader would have
        self.runs = self._runs()  # as the pods were last observed
        self.kept_at = 0.0  # steady seconds
        self._former = trial  # that of the rollout before, should the newest be none
        self._packed: bytes | None = None  # the whole rollout, once nothing is judged of it any more
        self._figures: tuple[Rollout, Figures] | None = None
        if course.rollout is not None and trial is None:
            self._pack()

    @property
    def rollout(self) -> Rollout | None:
        """The newest, in full."""
        found = self.course.rollout
        return found if found is None or self._packed is None else _full(found, self._packed)

    @property
    def figures(self) -> Figures | None:
        """Of the newest rollout."""
        slim = self.course.rollout
        if slim is None:
            return None
        if self._figures is None or self._figures[0] is not slim:
            full = self.rollout or slim
            outcomes = {each: verdict(full, each).outcome for each in Window}
            failing = full.still_fails if full.phase is Phase.FAILED else None
            self._figures = slim, Figures(full.revision.id, full.phase, outcomes, full.began_at, failing)
        return self._figures[1]

    def observe(self, pods: Sequence[RunningPod], wanted: Wanted, date: float, now: float, *, is_new: bool) -> Turns:
        """How the pods are now."""
        course, begun_before, was = self.course, self.course.begun, self.course.rollout
        if self.observed_at is not None and now - self.observed_at > _GAP:
            course.moved_at = date
        self.observed_at = now
        course.ended = course.dropped = None
        course.observe(pods, wanted, date, is_new=is_new)
        turns = Turns(course.begun != begun_before and course.dropped is None, course.ended, course.dropped)
        if turns.dropped is not None:
            self.trial, self._packed = self._former, None
        elif turns.begun:
            if turns.ended is not None and self._packed is not None:
                turns = turns._replace(ended=_full(turns.ended, self._packed))
            self._former, self.trial, self._packed = self.trial, None, None
        if course.rollout is not None and course.rollout.end:
            self._end()
        self.requests.place(pods, course.pods, course.rollout)
        self.runs = self._runs()
        if course.rollout is not was:
            self.changed = True
            self._turn(is_new=turns != NO_TURNS or _turned(was, course.rollout))
        return turns

    def begin(self, windows: Windows, when_undecided: Literal["limits_only", "wait"], now: float) -> Trial:
        """Begin the trial of the newest rollout."""
        self.requests.learn_cut()
        self.trial = begun(now, windows, self.requests.cut, self.requests.bounds)
        if self.course.rollout is not None:
            self.course.rollout = replace(self.course.rollout, when_undecided=when_undecided)
        self.judge_at = 0.0
        return self.trial

    def judge(self, facts: Facts) -> None:
        """Judge the lines of the newest rollout."""
        was, trial = self.course.rollout, self.trial
        if was is None or trial is None:
            return
        found = trial.judge(was, facts)
        self.judge_at = facts.now + min(_pause(trial), trial.windows.short / 60)
        if found != was:
            self.course.rollout, self.changed = found, True
            self._turn(is_new=_turned(was, found))
        if verdict(found, Window.SHORT).outcome is Outcome.VERIFIED:
            self.course.verified = found.revision.id
        if trial.is_done:
            self._end()

    def new_pods(self, pods: Sequence[RunningPod]) -> list[RunningPod]:
        """Those of the newest rollout."""
        return self.course.new_pods([each for each in pods if not each.ends])

    def old_pods(self, pods: Sequence[RunningPod]) -> list[RunningPod]:
        """Those of the revision before."""
        before = self.course.rollout.before if self.course.rollout is not None else None
        known = self.course.pods
        return [each for each in pods if before is not None and each.uid in known and same(known[each.uid], before)]

    def packed(self, now: float) -> bytes:
        """For the next process."""
        return packed_agent(self.course, self.trial, now, self.requests.cut, self.requests.bounds)

    def _runs(self) -> Runs:
        newest, pods = self.course.rollout, self.course.pods
        mine = [each for each in pods.values() if newest is not None and same(each, newest.revision)]
        return Runs(bool(mine), len(mine) < len(pods))

    def _turn(self, *, is_new: bool) -> None:
        self.turned |= is_new
        self.turns += is_new

    def _end(self) -> None:
        """Nothing is judged of the newest rollout any more."""
        if self.trial is not None or self._packed is None:
            self.trial = None
            self._pack()

    def _pack(self) -> None:
        """A thousand rollouts that are over take little room."""
        whole = self.course.rollout
        if whole is not None and self._packed is None:
            self._packed, self.changed = packed_rollout(whole), True
            self.course.rollout = replace(whole, lines=(), fired=(), notes=(), baseline="")


def _pause(trial: Trial) -> float:
    if trial.gate_is_done:
        return SELDOM
    return OFTEN if trial.ready is not None and trial.seen_at - trial.began > trial.windows.immediate else AT_FIRST


def _full(slim: Rollout, packed: bytes) -> Rollout:
    whole = rollout_of(packed)
    return replace(slim, lines=whole.lines, fired=whole.fired, notes=whole.notes, baseline=whole.baseline)


def _turned(before: Rollout | None, now: Rollout | None) -> bool:
    """Whether somebody who reads it would see another verdict, phase or end."""
    if before is None or now is None:
        return before is not now
    return _shown(before) != _shown(now)


def _shown(one: Rollout) -> tuple[object, ...]:
    lines = [(each.state, each.reason) for each in one.lines]
    return lines, one.end, one.ready_at, one.stuck, one.previous_healthy_at, len(one.fired), len(one.unseen)
