"""The course of an agent's rollouts: begun, ready, stuck, a canary, rolled back, superseded. Pure: time is given.

1. Each pod is told its revision (`running`). Pods that end do not count.
2. A revision that is another than the one that runs, in a pod that was not there before, begins a rollout; one more
   revision takes its place, and the revision before takes it back as soon as no pod of the new one is left.
3. What a digest of the image shows later to be the same was none.
4. It is ready when all pods that are wanted run it and are Ready. Where pods of both run side by side and nothing
   moves, it is a canary, and judged as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from watcher.rollouts.rollout import Period, Pods, Revision, Rollout
from watcher.rollouts.seen.groups import Group, Groups, Wanted, groups_of, stuck_of
from watcher.rollouts.seen.running import Known, RunningPod, identified, is_provisional, same, together

CANARY_AFTER = 300.0
"""Seconds without a new pod after which two revisions side by side are meant to be so."""

QUIET = 30.0
"""Seconds without a new pod after which all are there, where no workload says how many are wanted."""

_MOST_NOTES = 5


@dataclass
class Course:
    """Of one agent. What is public is kept over a restart."""

    namespace: str
    agent: str
    current: Revision | None = None  # what runs as a whole
    verified: str = ""  # the id of the last revision that was verified
    rollout: Rollout | None = None  # the newest
    before: Rollout | None = None  # the one before it, should the newest turn out to be none
    at_begin: frozenset[str] = frozenset()  # uids of the pods that were there then
    moved_at: float = 0.0  # when a pod was last made or became Ready
    pods: dict[str, Revision] = field(default_factory=dict)  # by uid
    begun: int = 0  # how many rollouts were
    ended: Rollout | None = None  # whose place the newest took
    dropped: Rollout | None = None  # that turned out to be none
    _count: tuple[int, int] = (0, 0)

    def observe(self, pods: Sequence[RunningPod], wanted: Wanted, now: float, *, is_new: bool = False) -> None:
        """How the pods are now (Unix seconds); `is_new`: the agent was not there before, for certain."""
        live = [each for each in pods if not each.ends]
        found = identified(live, Known(self.pods, self.current, self._others()))
        groups = groups_of(live, found)
        self.pods = found
        if not groups:
            self._see_pods(groups, wanted, now)
            return
        if self.current is None and self.rollout is None:
            self._first(groups, wanted, now, is_new=is_new)
        self._learn(groups)
        self._turn(groups, wanted, now)
        self._see_pods(groups, wanted, now)

    @property
    def is_open(self) -> bool:
        """Whether there is a rollout that nothing has ended."""
        return self.rollout is not None and not self.rollout.end

    def away(self, began: float, ended: float) -> None:
        """Nobody looked meanwhile (Unix seconds)."""
        if self.rollout is not None and not self.rollout.end:
            self.rollout = replace(self.rollout, unseen=(*self.rollout.unseen[-9:], Period(began, ended)))

    def new_pods(self, pods: Sequence[RunningPod]) -> list[RunningPod]:
        """Those that run the revision of the newest rollout, and do not end."""
        if self.rollout is None:
            return []
        return [each for each in pods if each.uid in self.pods and same(self.pods[each.uid], self.rollout.revision)]

    def _first(self, groups: Groups, wanted: Wanted, now: float, *, is_new: bool) -> None:
        """Who looks for the first time sees what runs already, or a rollout that is under way."""
        oldest, newest = groups[0], groups[-1]
        if is_new:
            self._begin(newest, None, wanted, now, is_first=True)
        elif len(groups) == 1:
            self.current = oldest.revision
        else:
            self.current = oldest.revision
            self._begin(newest, oldest.revision, wanted, now, there=frozenset())

    def _learn(self, groups: Groups) -> None:
        """What was known by a reference may have told its digest, and what was never read its config."""
        for each in groups:
            if self.current is not None and same(self.current, each.revision):
                self._note_template(self.current, each.revision)
                self.current = together((self.current, each.revision))
            if self.is_open and self.rollout is not None and same(self.rollout.revision, each.revision):
                self._rename(together((self.rollout.revision, each.revision)))
        if not self.is_open or self.rollout is None or not is_provisional(self.rollout.revision):
            return
        told = [each for each in groups if set(each.revision.templates) & set(self.rollout.revision.templates)]
        if told and not is_provisional(told[0].revision):
            if any(_is(each, told[0].revision) for each in self._running()):
                self._take_back()
            else:
                self._rename(told[0].revision)

    def _note_template(self, known: Revision, found: Revision) -> None:
        """Another template with the same image and config, such as another sidecar: no rollout, and to be known."""
        if known.templates and found.templates and not set(found.templates) <= set(known.templates):
            self.note(f"Template {found.templates[-1]} came later, with the same image and config: no rollout.")

    def _running(self) -> Sequence[Revision | None]:
        """What ran when the newest rollout began, and what ran before that, if it is taken back."""
        if self.before is None or self.before.end:
            return (self.current,)
        return self.current, self.before.revision, self.before.before

    def _others(self) -> Sequence[Revision]:
        """What ran before, the oldest first."""
        known = [each for one in (self.before, self.rollout) if one is not None for each in (one.before, one.revision)]
        return [each for each in known if each is not None]

    def _take_back(self) -> None:
        """It was none."""
        self.dropped, self.rollout, self.before = self.rollout, self.before, None
        self.at_begin = frozenset(self.pods)

    def _rename(self, revision: Revision) -> None:
        if self.rollout is not None and self.rollout.revision != revision:
            self.rollout = replace(self.rollout, revision=revision)

    def _turn(self, groups: Groups, wanted: Wanted, now: float) -> None:
        rollout = self.rollout
        if rollout is None or rollout.end:
            others = [each for each in groups if self.current is None or not same(each.revision, self.current)]
            if others:
                self._begin(others[-1], self.current, wanted, now)
            return
        mine = [each for each in groups if same(each.revision, rollout.revision)]
        others = [each for each in groups if each not in mine and not _is(rollout.before, each.revision)]
        others = [each for each in others if each.uids - self.at_begin]
        if others:
            self.rollout = replace(rollout, end="superseded", ended_at=now, ended_by=others[-1].revision.id)
            base = rollout.revision if rollout.ready_at is not None else rollout.before
            self._begin(others[-1], base, wanted, now, instead_of=rollout)
        elif not mine and rollout.before is not None:
            self.rollout = replace(rollout, end="rolled_back", ended_at=now, ended_by=rollout.before.id)
            self.current = rollout.before

    def _begin(
        self,
        group: Group,
        before: Revision | None,
        wanted: Wanted,
        now: float,
        *,
        is_first: bool = False,
        there: frozenset[str] | None = None,
        instead_of: Rollout | None = None,
    ) -> None:
        """`there`: uids of the pods that were there before; `instead_of`: the rollout whose place it takes."""
        self.ended, self.begun = self.rollout if instead_of is not None else None, self.begun + 1
        self.before, self.moved_at = instead_of or self.rollout, now
        self.at_begin = frozenset(self.pods) - group.uids if there is None else there
        self.rollout = Rollout(
            namespace=self.namespace,
            agent=self.agent,
            revision=group.revision,
            began_at=max(min(now, group.made_at), self.before.began_at + 1 if self.before is not None else 0.0),
            before=before,
            is_first=is_first,
            verified_before=self.verified,
            workload=wanted.name,
            managed_by=wanted.managed_by,
            claimed=dict(wanted.claimed),
        )

    def _see_pods(self, groups: Groups, wanted: Wanted, now: float) -> None:
        """How many there are, and what follows from it."""
        rollout = self.rollout
        if rollout is None:
            return
        if rollout.end:
            self._see_old(groups, rollout, wanted, now)
            return
        mine = [pod for each in groups if same(each.revision, rollout.revision) for pod in each.pods]
        old = sum(len(each.pods) for each in groups) - len(mine)
        ready = sum(each.is_ready for each in mine)
        if (len(mine), ready) != self._count:
            self._count, self.moved_at = (len(mine), ready), now
        counted = Pods(wanted=wanted.replicas, updated=len(mine), ready=ready, old=old)
        canary = bool(old) and ready == len(mine) > 0 and self._stands(wanted, now)
        is_ready = self._is_ready(counted, now) or canary
        found = replace(
            rollout,
            pods=counted,
            is_paused=wanted.paused,
            is_canary=canary or (rollout.is_canary and bool(old)),
            stuck=stuck_of(mine, wanted, counted, now, self.moved_at),
            ready_at=rollout.ready_at if rollout.ready_at is not None or not is_ready else now,
            workload=wanted.name or rollout.workload,
            managed_by=wanted.managed_by or rollout.managed_by,
            claimed=dict(wanted.claimed) or rollout.claimed,
        )
        self.rollout = rollout if found == rollout else found
        if self.rollout.ready_at is not None and not old and mine:
            self.current = self.rollout.revision

    def _see_old(self, groups: Groups, rollout: Rollout, wanted: Wanted, now: float) -> None:
        """Of one that was taken back: whether the revision before is healthy again."""
        if rollout.end != "rolled_back" or rollout.previous_healthy_at is not None:
            return
        pods = [pod for each in groups if _is(rollout.before, each.revision) for pod in each.pods]
        enough = len(pods) >= (wanted.replicas if wanted.replicas is not None else 1)
        if pods and enough and all(each.is_ready for each in pods):
            self.rollout = replace(rollout, previous_healthy_at=now)

    def _stands(self, wanted: Wanted, now: float) -> bool:
        return wanted.paused or wanted.canary or now - self.moved_at >= CANARY_AFTER

    def _is_ready(self, pods: Pods, now: float) -> bool:
        if not pods.updated or pods.old or pods.ready < pods.updated:
            return False
        return pods.updated >= pods.wanted if pods.wanted is not None else now - self.moved_at >= QUIET

    def note(self, sentence: str) -> None:
        """Something else to be known of the newest rollout."""
        if self.rollout is not None and sentence not in self.rollout.notes:
            self.rollout = replace(self.rollout, notes=(*self.rollout.notes[-_MOST_NOTES + 1 :], sentence))


def _is(one: Revision | None, other: Revision) -> bool:
    return one is not None and same(one, other)
