"""Warming up ends: what is not told twice its window after the first good look has an interrupted history."""

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

from probes.contract import ConditionKind, Limits, Unknown, Verdict, say_duration
from probes.contract.condition import Status

LONG = 3600.0
"""Seconds of a window: what needs a longer one warms up for as long as it takes, and its message says how far it is."""

_LOOKS = 4  # beyond twice the window; what they say stands until the fifth


class Young(NamedTuple):
    """Which conditions of one probe on one target were not told yet."""

    since: Mapping[tuple[str, str], float]  # by condition and subject: the first good look, in steady seconds
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
            return found, before
        since, due, verdicts = dict[tuple[str, str], float](), inf, list[Verdict]()
        for each in found:
            place, longest = (each.kind.name, each.subject), self.longest(each.kind)
            is_young = each.reason == Unknown.WARMING_UP and longest < inf
            if each.status is Status.UNKNOWN and (is_young or place in before.since):
                since[place] = before.since.get(place, now)
                due = min(due, since[place] + longest)
            waited = now - since.get(place, now)
            verdicts.append(_interrupted(each, waited) if is_young and waited >= longest else each)
        return tuple(verdicts), Young(since, due) if since else _GROWN


def _interrupted(young: Verdict, waited: float) -> Verdict:
    kind = young.kind

    def message() -> str:
        why = "" if young == kind.unknown(Unknown.WARMING_UP, subject=young.subject) else f" {young.text}"
        return f"Not told in {say_duration(waited)}: its history begins anew again and again.{why}"

    return kind.unknown(Unknown.HISTORY_INTERRUPTED, message, young.subject)
