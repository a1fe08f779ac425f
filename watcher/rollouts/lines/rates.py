"""The lines that rest on what is counted: traffic, errors, latency, and decisions on callers."""

from collections.abc import Sequence
from typing import NamedTuple

from watcher.rollouts.lines import conditions
from watcher.rollouts.lines.said import Said, failed, no_data, not_applicable, passed, settling
from watcher.rollouts.lines.sight import Sight
from watcher.rollouts.requests.minutes import MINUTE, Minutes
from watcher.rollouts.requests.normal import LEAST_BASELINE, LOOKS, Baseline, Compared, Tally, compared, within
from watcher.rollouts.terms import LineState, Window

_HALF = 0.5
_UNCLEAR = 0.01  # share of requests whose end may be unclear
_UNSEEN = "no decisions are counted"


def traffic(sight: Sight, window: Window) -> Said:
    """Requests reach the new pods."""
    if sight.limits is None:
        return _nothing(sight, window)
    requests = {pod.name: (sight.new.by_pod.get(pod.name) or [0.0])[0] for pod in sight.pods}
    reached = [name for name, count in requests.items() if count > 0]
    total = sum(requests.values())
    told = f"{total:,.0f} requests on {len(reached)} of {len(requests)} pods."
    if reached and (len(reached) == len(requests) or (sight.is_over(window) and len(reached) * 2 >= len(requests))):
        return passed(told)
    if not sight.is_over(window):
        return settling(told)
    before = _before(sight).requests
    if not reached and before >= LEAST_BASELINE:
        return failed("NoTraffic", f"No request reached the new pods; there were {before:,.0f} before.")
    return no_data(told, lacks=_count(total))


def error_rate(sight: Sight, window: Window) -> Said:
    """Not more requests fail than before, nor than may."""
    if sight.limits is None:
        return _nothing(sight, window)
    requests = sum(each[0] for each in sight.new.by_pod.values())
    if sum(each[3] for each in sight.new.by_pod.values()) > _UNCLEAR * requests > 0:
        told = "The metrics endpoint does not say of all requests how they ended."
        return no_data(told) if sight.is_over(window) else settling(told)
    former = [each.errors for each in sight.former]
    rate = _Rate(_FAILED, sight, sight.new, sight.old, sight.limits.error_ratio)
    return rate.said(sight.new.errors(_until(sight), None), rate.baseline(former), None)


def latency(sight: Sight, window: Window) -> Said:
    """Not more requests are slow than before, nor than may be."""
    if sight.limits is None:
        return _nothing(sight, window)
    slow, over = sight.new.slow(_until(sight)), sight.new.over_limit(_until(sight))
    if not slow.requests and not over.requests and sight.is_over(window):
        return no_data("Its pages do not tell how long requests took.", lacks=_count(0))
    former = [each.slow for each in sight.former]
    rate = _Rate(_SLOW, sight, sight.new, sight.old, sight.limits.slow_ratio)
    return rate.said(slow, rate.baseline(former), over)


def authorization(sight: Sight, window: Window) -> Said:
    """Canaries are answered as they must be, and callers are not denied more often than before.

    Without a counter of decisions it is never passed: what is denied was not seen.
    """
    canaries, denials = conditions.authorization(sight, window), _denials(sight)
    if denials is None:
        if canaries.state is not LineState.PASS:
            return canaries
        return no_data(f"{canaries.message} Its pages count no decisions, so denials were not seen.", lacks=_UNSEEN)
    if denials.state is LineState.FAIL and canaries.state is not LineState.FAIL:
        return denials
    if canaries.state is LineState.NOT_APPLICABLE or canaries.state is denials.state is LineState.PASS:
        return denials._replace(message=" ".join(filter(None, (_of(canaries), denials.message))))
    return canaries if canaries.state is not LineState.PASS else denials


def _of(canaries: Said) -> str:
    return canaries.message if canaries.state is LineState.PASS else ""


def _denials(sight: Sight) -> Said | None:
    """Of decisions on callers; None where its pages count none."""
    if not sight.new_decisions.by_pod:
        return None
    rate = _Rate(_DENIED, sight, sight.new_decisions, sight.old_decisions, None)
    former = [each.denials for each in sight.former]
    return rate.said(sight.new_decisions.errors(_until(sight)), rate.baseline(former), None)


def _until(sight: Sight) -> float:
    """The newest fixed look: what came later is for the next one."""
    return sight.now if sight.ready is None else sight.ready + _looked(sight) * _minute(sight)


def _looked(sight: Sight) -> int:
    """Minutes of the newest look in the short window; 0 before the first."""
    if sight.ready is None:
        return 0
    passed_minutes = (sight.now - sight.ready) / _minute(sight)
    return max((each for each in LOOKS if each <= passed_minutes), default=0)


def _minute(sight: Sight) -> float:
    return sight.windows.short / 3600.0 * MINUTE


def _before(sight: Sight) -> Tally:
    """What the revision before had, at the same time or at the same hour of former days."""
    old = sight.old.errors(sight.now)
    days = [each.errors for each in sight.former if each.errors.requests]
    return max([old, *days], key=lambda each: each.requests)


class _Kind(NamedTuple):
    """What a share is of."""

    column: int  # of what is counted of each pod
    noun: str  # what is counted, one of them
    verb: str  # what is said of those that are bad
    condition: str = ""  # that tells the same of one pod


_FAILED = _Kind(1, "request", "failed", "ErrorRateHigh")
_SLOW = _Kind(2, "request", "were slow", "LatencyHigh")
_DENIED = _Kind(1, "decision", "were denials")


class _Rate:
    """A share of what is counted that is not to be worse than before."""

    def __init__(self, kind: _Kind, sight: Sight, new: Minutes, old: Minutes, limit: float | None) -> None:
        """`limit` of the config; None where there is none."""
        self._kind, self._sight, self._new, self._old, self._limit = kind, sight, new, old, limit
        self._of = Minutes.slow if kind is _SLOW else Minutes.errors
        counts = [each for each in new.by_pod.values() if each[0] > 0]
        self._pods = len(counts)
        self._bad_pods = sum(each[kind.column] > 0 for each in counts)

    def baseline(self, former: Sequence[Tally]) -> Baseline | None:
        """Pods of the revision before, where they ran for half of the same minutes; else former days; else the rest.

        What ran beside it for a moment alone is compared with that moment.
        """
        until = _until(self._sight)
        old, new = self._of(self._old, until, self._new), self._of(self._new, until, None)
        beside = Baseline((old,), same_time=True)
        if beside.is_enough and old.minutes >= _HALF * new.minutes:
            return beside
        days = Baseline(tuple(former), same_time=False)
        if days.is_enough:
            return days
        return beside if beside.is_enough else None

    def said(self, new: Tally, baseline: Baseline | None, over: Tally | None) -> Said:
        """`over`: where the limit is of another count than the baseline."""
        look = _looked(self._sight)
        if not look:
            return settling()
        limited, against = over if over is not None else new, None
        if baseline is not None:
            beside = baseline.same_time
            same = self._same_minutes(new) if beside and self._is_short(baseline, new) else new
            against = compared(same, baseline, pods=self._pods, bad_pods=self._bad_pods)
            if against.is_worse:
                return self._failed("WorseThanBefore", same, baseline)
        limit = self._limited(limited, over)
        if limit is not None and limit.is_worse:
            return self._failed("OverTheLimit", limited, baseline)
        if look < LOOKS[-1]:
            return settling(self._told(new, baseline))
        judged = against or limit
        if judged is None:
            return no_data(self._told(new, None), lacks=f"{self._count(new.requests)} and no baseline")
        is_within = limit is None or limit.is_normal or limited.share <= (self._limit or 0.0)
        if judged.is_normal and is_within:
            return passed(self._told(new, baseline))
        return self._open(new, limited, baseline, judged)

    def _limited(self, limited: Tally, over: Tally | None) -> Compared | None:
        if self._limit is None:
            return None
        bad_pods = self._bad_pods if over is None else self._pods
        return within(limited, self._limit, pods=self._pods, bad_pods=bad_pods)

    def _same_minutes(self, new: Tally) -> Tally:
        return self._of(self._new, _until(self._sight), self._old) if new.requests else new

    def _is_short(self, baseline: Baseline, new: Tally) -> bool:
        return baseline.counted.minutes < _HALF * new.minutes

    def _failed(self, reason: str, new: Tally, baseline: Baseline | None) -> Said:
        conditions = (self._kind.condition,) if self._kind.condition else ()
        return failed(reason, self._told(new, baseline), conditions=conditions)

    def _open(self, new: Tally, limited: Tally, baseline: Baseline | None, said: Compared) -> Said:
        could = f"{said.smallest:.1%} would have been seen" if said.smallest <= 1 else "nothing could have been seen"
        is_within = self._limit is None or limited.share <= self._limit or limited.bad <= 1
        lacks = self._count(new.requests) if is_within else ""
        return no_data(f"{self._told(new, baseline)} Too few to tell: {could}.", lacks=lacks)

    def _told(self, new: Tally, baseline: Baseline | None) -> str:
        share = f"{new.share:.2%} of {new.requests:,.0f} {self._kind.noun}s {self._kind.verb}"
        if baseline is None:
            return f"{share}; nothing to compare with."
        old = baseline.counted
        when = "at the same time" if baseline.same_time else f"in this hour of {len(baseline.days)} former days"
        return f"{share}; of the revision before {old.share:.2%} of {old.requests:,.0f} {when}."

    def _count(self, count: float) -> str:
        return _count(count, self._kind.noun)


def _nothing(sight: Sight, window: Window) -> Said:
    if any(each.name in sight.conditions for each in sight.pods):
        return not_applicable("No metrics endpoint of it is known.")
    return no_data("None of its pods is looked at.") if sight.is_over(window) else settling()


def _count(count: float, noun: str = "request") -> str:
    return f"{count:,.0f} {noun}{'' if round(count) == 1 else 's'}"
