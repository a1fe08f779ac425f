"""Records as evidence: read from where the config says, believed as it says, and told to who judges."""

import asyncio
import logging
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm

from probes.contract import Target
from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import AgentRef
from probes.controls.records import Record
from watcher.checklist.live.provider import NOTHING, Presence, Provided
from watcher.checklist.live.records.book import RecordBook
from watcher.checklist.live.records.config_maps import RecordObjects
from watcher.checklist.live.records.envelope import Key, load_key
from watcher.checklist.live.records.files import RecordFiles
from watcher.checklist.live.records.kept import KeptRecords
from watcher.checklist.live.records.trust import REVIEWED, Trust
from watcher.config.checklist import ChecklistSettings
from watcher.config.records.settings import RecordSettings
from watcher.kube.access import Access
from watcher.metrics.families import RECORDS, RECORDS_INVALID, REVIEW_DUE
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock
from watcher.runtime.failures import FailuresLogger

log = logging.getLogger(__name__)

SOURCE = "records"
_FIRST = 0.1


class RecordEvidence:
    """A provider that gives no source of its own: records are handed to the verdict beside the evidence."""

    def __init__(
        self,
        settings: ChecklistSettings,
        controls: Mapping[str, Control],
        access: Access | None,
        clock: Clock,
        own_metrics: OwnMetrics,
        state_dir: Path | None,
    ) -> None:
        """`access`: to the API server; None: as the pod that this is. Without `state_dir` nothing outlives it."""
        self._checklist, self.book = settings, RecordBook(controls)
        self._clock, self._own_metrics = clock, own_metrics
        self._files = RecordFiles(self.book, self.settings.files, clock.steady)
        wanted = self.settings.configmaps
        self._own_access = Access(None) if access is None and wanted is not None else None
        asked = access or self._own_access
        self._objects = (
            RecordObjects(self.book, asked, wanted, clock.steady, random.uniform)
            if wanted is not None and asked is not None
            else None
        )
        self._kept = KeptRecords(self.book.seen, state_dir, self._date)
        self._key_marks: dict[str, object] = {}
        self._keys: dict[str, Key] = {}
        self._logger = FailuresLogger(log)
        self._busy = self._known = False

    @property
    def unwritable(self) -> str:
        """Why what was seen cannot be kept; empty where it is."""
        return self._kept.unwritable

    @property
    def tried(self) -> bool:
        """Whether each place was read, or could not be, and what was read is known."""
        return self._known

    @property
    def settings(self) -> RecordSettings:
        """Where records are, and whom they are believed."""
        return self._checklist.records

    def adopt(self, settings: ChecklistSettings) -> None:
        """Read the files of these settings, and believe as they say, from now on."""
        if settings.records.configmaps != self.settings.configmaps:
            log.warning("config section changed, restart required", extra={"section": "checklist.records.configmaps"})
        self._checklist = settings
        self._files.adopt(settings.records.files)

    async def start(self) -> None:
        """Ask from now on; what the last process saw is known."""
        await self._kept.restore()
        if self._objects is not None:
            self._objects.start()

    async def first(self, seconds: float) -> None:
        """Come back when all of it was read or could not be, at the latest after so many seconds."""
        await self.start()
        end = self._clock.steady() + seconds
        while True:
            await self.tick()
            if self.tried or self._clock.steady() >= end:
                return
            await asyncio.sleep(_FIRST)

    async def tick(self) -> None:
        """Take in what changed; called every few seconds."""
        if self._busy:
            return
        self._busy = True
        try:
            await self._trust()
            await self._files.look()
            if self._objects is not None:
                await self._objects.read()
            tried = self._files.tried and (self._objects is None or self._objects.was_read)
            if await self.book.refresh(self._date()):
                self._tell()
            self._known |= tried
            self.book.tells = self._known
        except Exception:  # the boundary: the next run comes; what was read stays
            self._logger.exception("records not read")
        finally:
            self._busy = False

    async def write(self) -> None:
        """Keep what was seen."""
        await self._kept.write()

    async def close(self) -> None:
        """Ask no more, and keep what was seen."""
        if self._objects is not None:
            await self._objects.close()
        if self._own_access is not None:
            await self._own_access.close()
        await self._kept.write()

    def of(self, agent: AgentRef) -> Sequence[Record]:
        """What the verdict on this agent is handed."""
        return self.book.of(agent)

    def in_place(self, agent: AgentRef) -> tuple[Record, ...]:
        """Those of this agent that stand somewhere now."""
        return tuple(each for each in self.book.of(agent) if each.gone is None)

    def agents(self) -> Collection[AgentRef]:
        """Nobody is there because a record says so."""
        return ()

    def presence(self, _: AgentRef, /) -> Presence:
        """The same."""
        return Presence.GONE

    def evidence_of(self, _: AgentRef, __: Sequence[Target], /) -> Provided:
        """Nothing beside records."""
        return NOTHING

    def take_changed(self) -> Collection[AgentRef] | None:
        """Whose records are others; None: maybe of all."""
        return self.book.take_changed()

    def sources_up(self) -> Mapping[str, str]:
        """Why not all records can be read, where any are wanted."""
        if not self.settings.wanted and not self.settings.keys:
            return {}
        return {SOURCE: next((str(each) for each in self._downs() if each is not None), "")}

    def _downs(self) -> Iterator[UnknownReason | None]:
        yield self._files.down
        if self._objects is not None:
            yield self._objects.down
        if self.settings.keys.keys() - self._keys.keys():
            yield UnknownReason.UNPARSEABLE

    async def _trust(self) -> None:
        """Keys are read again where their files are others; one that cannot be read signs nothing."""
        wanted = self.settings.keys
        marks = await asyncio.to_thread(_marks, wanted)
        if marks != self._key_marks:
            self._key_marks = marks
            self._keys = await asyncio.to_thread(_loaded, wanted)
        authorities = tuple(each.authority() for each in self.settings.authorities)
        trust = Trust(authorities, self.settings.verify, self._keys, bool(wanted), self._checklist.review_every)
        self.book.adopt(trust)

    def _date(self) -> float:
        return self._clock.date_of(self._clock.steady())

    @property
    def review_due(self) -> float:
        """Unix seconds when the fleet is to be reviewed; of one that never was, as long after records began."""
        environment = self._checklist.environment
        reviews = [each for each in self.book.of_fleet() if each.control == REVIEWED and each.gone is None]
        ends = [each.expires_at or 0.0 for each in reviews if each.environment == environment]
        return max(ends, default=self._kept.began + self._checklist.review_every)

    def _tell(self) -> None:
        if self.settings.wanted:
            self._own_metrics.set(REVIEW_DUE, self.review_due)
        counts, invalid = self.book.counts()
        self._own_metrics.set_all(RECORDS, {(state,): count for state, count in counts.items()})
        self._own_metrics.set_all(RECORDS_INVALID, {(name,): count for name, count in invalid.items()})


def _marks(keys: Mapping[str, Path]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, path in keys.items():
        try:
            stat = path.stat()
        except OSError as error:
            found[name] = path, error.errno
        else:
            found[name] = path, stat.st_mtime_ns, stat.st_size, stat.st_ino
    return found


def _loaded(keys: Mapping[str, Path]) -> dict[str, Key]:
    found: dict[str, Key] = {}
    for name, path in keys.items():
        try:
            found[name] = load_key(path)
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            log.warning("cannot read key of records", extra={"key": name, "path": str(path), "why": str(error)})
    return found
