"""What one file or ConfigMap holds, and what became of it. What is as it was is not judged again."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import inf

from probes.controls.catalogue.control import Control
from probes.controls.records import CLOCK_SKEW, Invalid, Record
from watcher.checklist.live.records.reading import ReadRecord, too_many
from watcher.checklist.live.records.seen import Key, key_of
from watcher.checklist.live.records.trust import Judged, Trust, of_one_record
from watcher.runtime.cooperative import TimeSlice

MOST = 50_000
"""Documents of all sources; one of many agents counts as one more for each ten of them."""

_Known = Mapping[int, tuple[ReadRecord, Judged | None]]
"""By the identity of what was read, which stays as long as this does."""


class RecordSource:
    """The documents of one source."""

    def __init__(
        self, read: Sequence[ReadRecord], before: "RecordSource | None" = None, origin: Mapping[str, str] | None = None
    ) -> None:
        """`before`: the same source as it was read last; `origin`: what an auditor finds it by."""
        self.read, self.origin = list(read), origin or {}
        self.told: frozenset[str] = before.told if before is not None else frozenset()  # ids that were logged
        self.valid: dict[Key, Record] = {}
        self.told_valid: Mapping[Key, Record] = (
            before.told_valid if before is not None else {}
        )  # when changes were told
        self.invalid: Counter[Invalid] = Counter()  # by the first problem of each
        self.again_at = inf  # Unix seconds: from then on one is valid that is not yet
        self._judged: list[Judged | None] = []  # None: it is valid as it was read, which most are
        self._over: list[Judged] = []  # that the rest is not taken
        self._weight = sum(map(_weight, self.read))
        self._most = -1  # how many were taken; -1: none was judged
        self._last = before.judged_by_document() if before is not None else {}

    @property
    def weight(self) -> int:
        """Of the documents that were judged, of MOST."""
        return sum(map(_weight, self.read[: max(0, self._most)])) if self._over else self._weight

    def __len__(self) -> int:
        """How many documents were judged."""
        return len(self._judged)

    def __iter__(self) -> Iterator[Judged]:
        """Each document."""
        for read, judged in zip(self.read, self._judged, strict=False):
            yield _full(read, judged)
        yield from self._over

    @property
    def left_out(self) -> int:
        """How many lines say that the rest is not taken."""
        return len(self._over)

    def forget(self) -> None:
        """Others are believed: all of it is to be judged."""
        self._last, self._most = {}, -1

    def wait_no_longer(self) -> None:
        """What was dated in the future may be valid."""
        if self.again_at < inf:
            self._last, self._most = self.judged_by_document(), -1

    def judged_by_document(self) -> _Known:
        """What each came to, but for those that time alone turns."""
        if self._most < 0:
            return self._last
        pairs = zip(self.read, self._judged, strict=False)
        return {id(pair[0]): pair for pair in pairs if not _waits(pair[1])}

    async def judge(
        self, trust: Trust, controls: Mapping[str, Control], most: int, now: float, time_slice: TimeSlice
    ) -> bool:
        """Judge what is to be judged, at most so much by weight; whether anything was. `now`: Unix seconds."""
        taken = len(self.read) if self._weight <= most else _fitting(self.read, most)
        if taken == self._most:
            return False
        last, judged = self.judged_by_document(), list[Judged | None]()
        for place, read in enumerate(self.read[:taken]):
            if (known := last.get(id(read))) is not None:
                judged.append(known[1])
            else:
                found = trust.judged(read, controls, now)
                self.read[place] = of_one_record(read, found)
                judged.append(found if found.problems or found.record is not self.read[place].record else None)
            await time_slice.checkpoint()
        self._judged, self._over = judged, [_rest(each) for each in self.read[taken : taken + 1]]
        self._most, self._last = taken, {}
        await self._sum_up(time_slice)
        return True

    async def _sum_up(self, time_slice: TimeSlice) -> None:
        valid, again_at = dict[Key, Record](), inf
        for each in self:
            if each.valid is not None:
                valid[key_of(each.valid)] = each.valid
                await time_slice.checkpoint()
            elif each.record is not None and _waits(each):
                again_at = min(again_at, each.record.at - CLOCK_SKEW)
        self.valid, self.again_at = valid, again_at
        self.invalid = Counter(each.problems[0].name for each in self if each.problems)


def _weight(read: ReadRecord) -> int:
    return 1 + len(read.record.agents) // 10 if read.record is not None else 1


def _fitting(read: Sequence[ReadRecord], most: int) -> int:
    """How many of these fit, from the first on."""
    for number, each in enumerate(read):
        most -= _weight(each)
        if most < 0:
            return number
    return len(read)


def _full(read: ReadRecord, judged: Judged | None) -> Judged:
    return Judged(read.id, read.record, ()) if judged is None else judged


def _waits(judged: Judged | None) -> bool:
    return judged is not None and any(each.name is Invalid.FUTURE_DATED for each in judged.problems)


def _rest(first: ReadRecord) -> Judged:
    return Judged(first.id, None, (too_many(f"more than {MOST} records in all"),))
