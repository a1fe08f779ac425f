"""How many series a target may begin in a day: one that names new callees at each look would begin them for ever."""

from array import array
from collections.abc import Sequence
from itertools import chain, repeat
from operator import attrgetter

from probes.contract.condition import Status
from watcher.engine.debounce import ProbeResult
from watcher.engine.exported.subjects import narrow, subjects_of

MOST_A_DAY = 2000
"""Sets of labels beside its identity (a callee and its state, a bundle and its revision), of one target."""

RESERVE = 100
"""Sets of labels beyond those, only for subjects in trouble: a breaker that opens is told on a day of churn too."""

FEW = 200
"""Of those, what any target may begin unseen: an ordinary one has forty."""

_DAY = 86400.0
_NONE = frozenset[int]()  # one for nearly all targets: an empty set of its own is 216 bytes

_labels = attrgetter("labels")  # no function of ours: this is asked at each look

Results = Sequence[ProbeResult | None]


class SeriesBudget:
    """What of one target was exported today; the same is exported on, and new ones while there is room for them."""

    __slots__ = ("_day", "_facts", "_few", "_known")

    def __init__(self) -> None:
        self._day, self._facts = 0, 0
        # Hashes, for names are of an attacker's length; packed for a target that begins few, as nearly all do.
        self._few, self._known = array("q"), _NONE

    def narrowed(self, results: Results, before: Results, now: float) -> tuple[tuple[ProbeResult | None, ...], int]:
        """The results without what is new beyond the budget, and how many subjects that were; `now` in steady seconds.

        `before`: those that were exported last; what has the same labels in both is not looked through again.
        """
        if (day := int(now // _DAY)) != self._day:
            self._day, self._facts = day, 0
            going_on = set[int]().union(*map(_keys, before))
            is_few = len(going_on) <= FEW
            self._few, self._known = array("q", going_on if is_few else ()), _NONE if is_few else frozenset(going_on)
        pairs = zip(results, chain(before, repeat(None)), strict=False)
        changed = [(new, old) for new, old in pairs if new is not old and not _same_labels(new, old)]
        if not changed or self._is_few([new for new, _ in changed]):
            return tuple(results), 0
        for result, _ in changed:
            self._admit(_keys_in_trouble(result), MOST_A_DAY + RESERVE)
        if all(self._admits(_keys(result)) for result, _ in changed):
            return tuple(results), 0
        kept = tuple(self._only_known(result) for result in results)
        return kept, _count(results) - _count(kept)

    def admits_another(self) -> bool:
        """Whether one more set of labels may be exported today."""
        self._facts += 1
        return self._facts <= MOST_A_DAY

    def _is_few(self, changed: Results) -> bool:
        if self._known:
            return False
        known = set(self._few)
        new = set[int]().union(*map(_keys, changed)) - known
        if len(known) + len(new) > FEW:
            self._few, self._known = array("q"), frozenset(known)
            return False
        self._few.extend(new)
        return True

    def _admits(self, keys: set[int]) -> bool:
        self._admit(keys, MOST_A_DAY)
        return keys <= self._known

    def _admit(self, keys: set[int], most: int) -> None:
        self._known = self._known.union(sorted(keys - self._known)[: max(0, most - len(self._known))])

    def _only_known(self, result: ProbeResult | None) -> ProbeResult | None:
        if result is None or self._admits(_keys(result)):
            return result
        return narrow(result, lambda labels: hash(labels) in self._known)


def _same_labels(new: ProbeResult | None, old: ProbeResult | None) -> bool:
    if new is None or old is None or new.verdicts is not old.verdicts:
        return new is old
    return list(map(_labels, new.samples)) == list(map(_labels, old.samples))


def _keys(result: ProbeResult | None) -> set[int]:
    """One for each set of labels; what has none is always exported."""
    if result is None:
        return set()
    keys = {hash(each.labels) for each in result.samples if each.labels}
    return keys.union([hash((each.subject,)) for each in result.verdicts.all if each.subject])


def _keys_in_trouble(result: ProbeResult | None) -> set[int]:
    """Those of them whose subject has a condition that is true."""
    if result is None or result.verdicts.calm:
        return set()
    subjects = {each.subject for each in result.verdicts.all if each.subject and each.status is Status.TRUE}
    keys = {hash((subject,)) for subject in subjects}
    return keys.union([hash(each.labels) for each in result.samples if each.labels and each.labels[0] in subjects])


def _count(results: Results) -> int:
    return sum(len(subjects_of(result)) for result in results if result is not None)
