"""How many series a target may begin in a day: one that names new callees at each look would begin them for ever."""

from collections.abc import Sequence

from watcher.engine.debounce import ProbeResult, share

MOST_A_DAY = 2000
"""Sets of labels beside its identity (a callee and its state, a bundle and its revision), of one target."""

FEW = 200
"""Of those, what any target may begin unseen: an ordinary one has forty."""

_DAY = 86400.0

Results = Sequence[ProbeResult | None]


class SeriesBudget:
    """What of one target was exported today; the same is exported on, and new ones while there is room for them."""

    __slots__ = ("_begun", "_day", "_known")

    def __init__(self) -> None:
        self._day, self._begun = 0, 0  # begun: sets of labels today
        # Hashes, for names are of an attacker's length; nothing of a target that begins few, which nearly all are.
        self._known: set[int] | None = None

    def narrowed(self, results: Results, before: Results, now: float) -> tuple[tuple[ProbeResult | None, ...], int]:
        """The results without what is new beyond the budget, and how many subjects that were, at `now` (Unix seconds).

        `before`: those that were exported last; what has the same labels in both is not looked through again.
        """
        if (day := int(now // _DAY)) != self._day:
            self._day, self._begun, self._known = day, 0, None
        olds = (*before, *[None] * (len(results) - len(before)))
        changed = [(new, old) for new, old in zip(results, olds, strict=True) if not _same_labels(new, old)]
        if not changed or self._is_few(changed, before):
            return tuple(results), 0
        if all(self._admits(_keys(result)) for result, _ in changed):
            return tuple(results), 0
        kept = tuple(self._only_known(result) for result in results)
        return kept, sum(map(_subjects, results)) - sum(map(_subjects, kept))

    def admits_another(self) -> bool:
        """Whether one more set of labels may be exported today."""
        self._begun += self._begun < MOST_A_DAY
        return self._begun < MOST_A_DAY

    def _is_few(self, changed: Sequence[tuple[ProbeResult | None, ProbeResult | None]], before: Results) -> bool:
        if self._known is not None:
            return False
        new = set[int]().union(*[_keys(result) - _keys(old) for result, old in changed])
        if self._begun + len(new) > FEW:
            self._known = set().union(*map(_keys, before))
            return False
        self._begun += len(new)
        return True

    def _admits(self, keys: set[int]) -> bool:
        known = self._known if self._known is not None else set[int]()
        new = sorted(keys - known)[: MOST_A_DAY - self._begun]
        known.update(new)
        self._begun += len(new)
        return keys <= known

    def _only_known(self, result: ProbeResult | None) -> ProbeResult | None:
        if result is None or self._known is None or self._admits(_keys(result)):
            return result
        found = result.verdicts.all
        places = [place for place, each in enumerate(found) if not each.subject or hash((each.subject,)) in self._known]
        return result._replace(
            verdicts=share(tuple(found[place] for place in places)),
            since=tuple(result.since[place] for place in places),
            bad=(),
            samples=tuple(each for each in result.samples if not each.labels or hash(each.labels) in self._known),
        )


def _same_labels(new: ProbeResult | None, old: ProbeResult | None) -> bool:
    if new is None or old is None or new.verdicts is not old.verdicts:
        return new is old
    return [each.labels for each in new.samples] == [each.labels for each in old.samples]


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
