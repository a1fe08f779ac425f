"""Records that were seen: what was there once and is gone is remembered, so that taking it away clears nothing.

1. Each valid record but a waiver is remembered from when it is first seen.
2. One that is not there any more is gone: taken away, or (while its source cannot be read) for that reason.
3. It is forgotten when a later one of the same kind (or an attestation of the same moment, which was edited) says all
   that it said of the same agents and digests; or half a year after its end; or, of very many that are gone, the oldest
   first, failed results last; the log tells it.
4. It is invalid, and forgotten, where the operator's config no longer lets its source say so.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from probes.controls.catalogue.control import UnknownReason
from probes.controls.catalogue.terms import RecordKind
from probes.controls.records import Record
from watcher.runtime.cooperative import TimeSlice

log = logging.getLogger(__name__)

KEPT_AFTER_END = 180 * 86400.0
"""Seconds."""
MOST_GONE = 20_000

Key = int


def key_of(record: Record) -> Key:
    """The same for what says the same, wherever it stands."""
    return hash(
        (
            record.kind,
            record.control,
            record.revision,
            record.environment,
            record.namespace,
            record.agents,
            record.scope,
            record.image_digests,
            record.policy_digest,
            record.config_digest,
            record.version,
            record.at,
            record.expires_at,
            record.run_id,
            tuple(sorted(record.counts.items())),
        )
    )


class SeenRecords:
    """What was there once."""

    def __init__(self, has_failed: Callable[[Record], bool]) -> None:
        """`has_failed`: whether it is a result of a pipeline that breaks the rule of its control."""
        self._has_failed = has_failed
        self._all: dict[Key, Record] = {}
        self.changes = 0  # how often what must be kept for the next process changed

    def restore(self, records: Mapping[Key, Record]) -> None:
        """What the last process knew, by `key_of` each."""
        self._all = {**records, **self._all}

    def is_there(self, key: Key) -> bool:
        """Whether it was there when it was seen last; waivers are not known here."""
        known = self._all.get(key)
        return known is not None and known.gone is not UnknownReason.RECORD_REMOVED

    def all(self) -> Collection[Record]:
        """All of them, whether they are still there or not."""
        return self._all.values()

    async def take(
        self,
        there: Mapping[Key, Record],
        silent: Callable[[str], UnknownReason | None],
        may_count: Callable[[Record], bool],
        now: float,
        time_slice: TimeSlice,
    ) -> list[Record]:
        """These are there, and valid; gives those that are gone. `silent`: why a source cannot be read, None: it was.

        `may_count`: whether it would be valid if it stood there; `now`: Unix seconds.
        """
        remembered = {key: each for key, each in there.items() if each.kind is not RecordKind.WAIVER}
        await time_slice.checkpoint()
        self.changes += not remembered.keys() <= self._all.keys()
        await time_slice.checkpoint()
        self._all |= remembered
        await time_slice.checkpoint()
        missing = {key: each for key, each in self._all.items() if key not in there}
        await time_slice.checkpoint()
        later = await _later(missing.values(), remembered.values(), time_slice) if missing else _Later()
        gone = dict[Key, Record]()
        for key, each in missing.items():
            await time_slice.checkpoint()
            if later.replaces(each) or now > (each.expires_at or 0.0) + KEPT_AFTER_END or not may_count(each):
                del self._all[key]
                self.changes += 1
                continue
            why = silent(each.source) or UnknownReason.RECORD_REMOVED
            gone[key] = self._all[key] = each if each.gone is why else replace(each, gone=why)
        self._forget(gone)
        return list(gone.values())

    def _forget(self, gone: dict[Key, Record]) -> None:
        """Of very many: failed results last, lest a flood of others clears one."""
        many = len(gone) - MOST_GONE
        if many <= 0:
            return
        log.warning("records that were taken away are forgotten", extra={"records": many, "kept": MOST_GONE})
        for key in sorted(gone, key=lambda key: (self._has_failed(gone[key]), gone[key].at))[:many]:
            del gone[key], self._all[key]
        self.changes += 1


async def _later(missing: Iterable[Record], there: Iterable[Record], time_slice: TimeSlice) -> "_Later":
    """Records that are there and may replace one of those that are missing."""
    found, wanted = _Later(), {_subject(each) for each in missing}
    for each in there:
        if _subject(each) in wanted:
            found.add(each)
        await time_slice.checkpoint()
    return found


class _Later:
    """Records that are there, by what they speak of."""

    def __init__(self) -> None:
        self._by_subject: dict[tuple[object, ...], list[Record]] = {}

    def add(self, record: Record) -> None:
        """This one is there."""
        self._by_subject.setdefault(_subject(record), []).append(record)

    def replaces(self, gone: Record) -> bool:
        """Whether a later one says all that this one said."""
        return any(_covers(each, gone) for each in self._of(gone))

    def _of(self, gone: Record) -> Iterator[Record]:
        same = gone.kind is RecordKind.ATTESTATION  # one of the same moment is the same, and was edited
        there = self._by_subject.get(_subject(gone), ())
        return (each for each in there if each.at > gone.at or (same and each.at == gone.at))


def _subject(record: Record) -> tuple[object, ...]:
    return record.kind, record.control, record.environment, record.namespace, record.scope, record.version


def _covers(later: Record, gone: Record) -> bool:
    return (
        set(gone.agents) <= set(later.agents)
        and gone.image_digests <= later.image_digests
        and gone.policy_digest in ("", later.policy_digest)
        and gone.config_digest in ("", later.config_digest)
    )
