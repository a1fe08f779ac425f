"""Warming up ends: what is not told twice its window after the first good look has an interrupted history."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from math import inf
from typing import NamedTuple

from probes.contract import ConditionKind, Limits, Unknown, Verdict, say_duration
from probes.contract.condition import Status
from probes.contract.signal import MAX_SUBJECTS

LONG = 3600.0
"""Seconds of a window: what needs a longer one warms up for as long as it takes, and its message says how far it is."""

_LOOKS = 4  # beyond twice the window; what they say stands until the fifth


Place = tuple[str, str]
"""Condition and subject."""


@lru_cache(maxsize=4096)  # one object for what a whole fleet has in common
def place_of(condition: str, subject: str) -> Place:
    """The condition and subject of these names."""
    return condition, subject


class Waiting(NamedTuple):
    """For how long one condition was not told, in steady seconds."""

    since: float  # the first good look
    forget_at: float  # a subject that no page has had until then is a new one


class Young(NamedTuple):
    """Which conditions of one probe on one target were not told yet."""

    waiting: Mapping[Place, Waiting]
    due: float  # steady seconds: until then none of them has warmed up for too long


UNSEEN = Young({}, -inf)
"""Nothing was looked at yet."""

_GROWN = Young({}, inf)  # all were told: one object for the whole fleet


class WarmUp(NamedTuple):
    """How long the conditions of one probe may warm up."""

    limits: Limits
    interval: float  # seconds between two looks

    def longest(self, kind: ConditionKind) -> float:
        """Seconds from the first good look on."""
        window = kind.window.length(self.limits, self.interval)
        return inf if window > LONG else 2 * window + _LOOKS * self.interval

    def ended(
        self, found: tuple[Verdict, ...], same: tuple[Verdict, ...], before: Young, now: float
    ) -> tuple[tuple[Verdict, ...], Young]:
        """What a good look at `now` (steady seconds) says in the end, and what is young after it.

        `found` is what the judge says, `same` what held after the look before, `before` what was young then.
        """
        if now < before.due and found == same:
            return same, before  # the same objects: whoever compares them next need not look into them
        waiting, verdicts = dict(_still_waiting(found, before, now)), list[Verdict]()
        due = min((each.forget_at for each in waiting.values()), default=inf)
        for each in found:
            place, longest = place_of(each.kind.name, each.subject), self.longest(each.kind)
            known, is_young = before.waiting.get(place), each.reason == Unknown.WARMING_UP
            since = known.since if known is not None else now
            if longest < inf and each.status is Status.UNKNOWN and (is_young or known is not None):
                waiting[place] = Waiting(since, now + 2 * longest)
                due = min(due, since + longest)
            verdicts.append(_interrupted(each, now - since) if is_young and now - since >= longest else each)
        return tuple(verdicts), Young(waiting, due) if waiting else _GROWN


def _still_waiting(found: tuple[Verdict, ...], before: Young, now: float) -> Iterator[tuple[Place, Waiting]]:
    """Those that this look says nothing of: a subject that comes and goes does not begin anew each time."""
    if before.waiting:
        said = {(each.kind.name, each.subject) for each in found}
        left = ((place, each) for place, each in before.waiting.items() if place not in said and now < each.forget_at)
        yield from islice(left, MAX_SUBJECTS)


def _interrupted(young: Verdict, waited: float) -> Verdict:
    kind = young.kind

    def message() -> str:
        why = "" if young == kind.unknown(Unknown.WARMING_UP, subject=young.subject) else f" {young.text}"
        return f"Not judged for {say_duration(waited)}: its history is interrupted again and again.{why}"

    return kind.unknown(Unknown.HISTORY_INTERRUPTED, message, young.subject)
