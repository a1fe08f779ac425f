"""The requests of one agent's pods, look by look: for the trial of its rollout, and for the baseline of later ones."""

from collections.abc import Mapping, Sequence

from watcher.engine.debounce import ProbeResult
from watcher.rollouts.lines.trial import Trial
from watcher.rollouts.requests.decisions import Decisions, decided, decisions_of
from watcher.rollouts.requests.hours import HOUR, Hour, HourCount
from watcher.rollouts.requests.minutes import Counters, Grown, block_of, counters_of, grown, p95_bucket, timed
from watcher.rollouts.rollout import Revision, Rollout
from watcher.rollouts.seen.running import RunningPod, same

_ALMOST = 0.9  # of a window: looks are not made on the second


class AgentRequests:
    """Costs a few microseconds a look."""

    __slots__ = ("_counters", "_decisions", "_hour", "_is_new", "_revision", "_uids", "bounds", "cut")

    def __init__(self, cut: int = -1, bounds: int = 0) -> None:
        """`cut`: the bucket beyond which requests are slow; `bounds`: of the buckets."""
        self.cut, self.bounds = cut, bounds
        self._counters: dict[str, Counters] = {}  # by pod
        self._decisions: dict[str, Decisions] = {}  # by pod
        self._uids: dict[str, str] = {}  # by pod
        self._is_new: dict[str, bool] = {}  # whether it runs the newest rollout, by pod
        self._revision = ""  # the id of what all pods run; empty while they differ
        self._hour: HourCount | None = None

    def place(self, pods: Sequence[RunningPod], found: Mapping[str, Revision], rollout: Rollout | None) -> None:
        """Which pod runs which revision, by uid."""
        live = [each for each in pods if each.uid in found]
        uids = {each.name: each.uid for each in live}
        for name, uid in self._uids.items():
            if uids.get(name) != uid:
                self._forget(name)
        self._uids = uids
        of = rollout.revision if rollout is not None and not rollout.end else None
        self._is_new = {each.name: of is not None and same(found[each.uid], of) for each in live}
        revisions = {found[each.uid].id for each in live}
        revision = revisions.pop() if len(revisions) == 1 else ""
        if revision != self._revision:
            self._revision, self._hour = revision, None

    def learn_cut(self, *, of_all: bool = False) -> None:
        """Which bucket holds the p95 of the pods that run what ran before, or `of_all`, as far as they have buckets."""
        old = [each for name, each in self._counters.items() if each.bounds and (of_all or not self._is_new.get(name))]
        if not old or old[0].bounds == self.bounds:
            return
        self.bounds = old[0].bounds
        self.cut = p95_bucket([each.took for each in old if each.bounds == self.bounds])

    def looked(
        self, pod: str, result: ProbeResult, window: float, trial: Trial | None, page: object = None
    ) -> Hour | None:
        """Count what a look told; gives an hour that is over.

        `window` of the probe, in seconds; `page`: the reading that it judged.
        """
        before = self._counters.get(pod)
        if before is not None and result.at <= before.at:
            return None
        now = counters_of(result.history, before)
        if now is None:
            self._forget(pod)
            return None
        found, is_new, of_callers = grown(before, now), self._is_new.get(pod), self._decided(pod, page, now.at)
        if trial is not None and is_new is not None and of_callers is not None:
            (trial.new_decisions if is_new else trial.old_decisions).decide(pod, now.at, *of_callers)
        if trial is not None and is_new is not None:
            if found is not None:
                cut = trial.cut if now.bounds == trial.bounds else -1
                (trial.new if is_new else trial.old).add(pod, now.at, found, cut)
            if is_new and now.at - now.block_at >= _ALMOST * window:
                now = now._replace(block_at=now.at)
                if (block := block_of(result.samples, window)) is not None:
                    trial.new.add_block(now.at, *block)
        self._counters[pod] = now
        if found is None or not self._revision:
            return None
        of_time = timed(found, self.cut if now.bounds == self.bounds else -1)
        return self._counted(now, of_time, found, of_callers)

    def _forget(self, pod: str) -> None:
        self._counters.pop(pod, None)
        self._decisions.pop(pod, None)

    def _decided(self, pod: str, page: object, at: float) -> tuple[float, float] | None:
        """Decisions since the look before, and denials of these; None where that is not known."""
        before, now = self._decisions.get(pod), decisions_of(page, at)
        if now is None:
            return None
        self._decisions[pod] = now
        return decided(before, now)

    def _counted(
        self, now: Counters, of_time: tuple[float, float] | None, found: Grown, of_callers: tuple[float, float] | None
    ) -> Hour | None:
        number, ended = int(now.at / HOUR), None
        if self._hour is None or self._hour.number != number:
            if self._hour is not None:
                ended = self._hour.ended(self._revision, self.cut, self.bounds)
            self.learn_cut(of_all=True)
            self._hour = HourCount(number)
        self._hour.add(now.at, found, of_time, of_callers)
        return ended
