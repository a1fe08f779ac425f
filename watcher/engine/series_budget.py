"""How many series a target may begin in a day: one that names new callees at each look would begin them for ever."""

from collections.abc import Sequence

from watcher.engine.debounce import ProbeResult, share

MOST_A_DAY = 2000
"""Sets of labels beside its identity (a callee and its state, a bundle and its revision), of one target."""

_DAY = 86400.0

Results = Sequence[ProbeResult | None]


class SeriesBudget:
    """What of one target was exported today; the same is exported on, and new ones while there is room for them."""

    __slots__ = ("_day", "_known")

    def __init__(self) -> None:
        self._day = 0
        self._known: set[int] = set()  # hashes: a thousand names of an attacker's length would be his to choose

    def narrowed(self, results: Results, before: Results, now: float) -> tuple[tuple[ProbeResult | None, ...], int]:
        """The results without what is new beyond the budget, and how many subjects that were, at `now` (Unix seconds).

        `before`: those that were exported last; what is the same object in both is not looked through again.
        """
        if (day := int(now // _DAY)) != self._day:
            self._day, self._known = day, set().union(*map(_keys, before))
            before = ()
        changed = [each for place, each in enumerate(results) if place >= len(before) or each is not before[place]]
        if all(self._admits(_keys(result)) for result in changed):
            return tuple(results), 0
        kept = tuple(self._only_known(result) for result in results)
        return kept, sum(map(_subjects, results)) - sum(map(_subjects, kept))

    def admits(self, labels: tuple[str, ...]) -> bool:
        """Whether one more set of labels may be exported today."""
        return self._admits({hash(labels)})

    def _admits(self, keys: set[int]) -> bool:
        if keys <= self._known:
            return True
        room = MOST_A_DAY - len(self._known)
        self._known.update(sorted(keys - self._known)[: max(0, room)])
        return keys <= self._known

    def _only_known(self, result: ProbeResult | None) -> ProbeResult | None:
        if result is None or self._admits(_keys(result)):
            return result
        found = result.verdicts.all
        places = [place for place, each in enumerate(found) if not each.subject or hash((each.subject,)) in self._known]
        return result._replace(
            verdicts=share(tuple(found[place] for place in places)),
            since=tuple(result.since[place] for place in places),
            bad=(),
            samples=tuple(each for each in result.samples if not each.labels or hash(each.labels) in self._known),
        )


def _keys(result: ProbeResult | None) -> set[int]:
    """One for each set of labels; what has none is always exported."""
    if result is None:
        return set()
    keys = {hash(each.labels) for each in result.samples if each.labels}
    return keys.union([hash((each.subject,)) for each in result.verdicts.all if each.subject])


def _subjects(result: ProbeResult | None) -> int:
    if result is None:
        return 0
    named = {each.subject for each in result.verdicts.all if each.subject}
    return len(named | {each.labels[0] for each in result.samples if each.labels})
