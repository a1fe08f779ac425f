"""Writes the object of each agent when its findings are others than those that stand there.

1. Which kind is installed is asked until one is, and again when writing fails as if it were gone.
2. An agent is due when its findings may be others than at its last look; what stands there is read once.
3. At most `MOST_AT_ONCE` objects are read or written in a run, and there is one run a second.
4. Where the answer is no, the agent or its namespace is left alone for a while; where there is none, all of them. It
   is told until it is written again, and counted each time.
5. What belongs to an agent that is gone is deleted; where nobody watched, the cluster does it by the owner references.
"""

import logging
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import httpx

from probes.controls.evidence import AgentRef
from watcher.checklist.agent_report import Chosen
from watcher.checklist.live.report_objects.report_object import (
    DIGEST,
    KINDS,
    MANAGED_BY,
    MANAGER,
    Owner,
    ReportKind,
    name_of,
    report_object,
)
from watcher.checklist.live.view import ChecklistView
from watcher.checklist.reports.standing import standing_digest
from watcher.kube.access import Access
from watcher.kube.errors import AccessError, GoneError, RefusedError, in_words
from watcher.kube.objects import MALFORMED_OBJECT
from watcher.kube.requests import delete_object, get_object, send_object
from watcher.metrics.families import EVIDENCE_WRITES
from watcher.metrics.own import OwnMetrics

log = logging.getLogger(__name__)

MOST_AT_ONCE = 5
"""Objects that are read or written in a run: client-go's own client rate, once a second."""

_SECONDS, _MOST_BYTES = 10.0, 4 << 20
_HELD, _AWAY, _ASKED_AGAIN = 300.0, 30.0, 60.0
"""Seconds until a namespace that said no, an API server that is away, or kinds that are not there are asked again."""
_SHOWN, _LOGGED = 3, 20
"""Of those that are not written: how many a sentence names, and of how many the log tells one by one."""
_OUTAGE = (AccessError, GoneError, httpx.HTTPError, OSError, *MALFORMED_OBJECT)


class _Written(NamedTuple):
    """What stands there of an agent."""

    codes: "array[int] | None"  # of the findings that were looked at; other findings have another array
    digest: str  # empty: not known


class ReportWriter:
    """One for all agents."""

    EVERY = 1.0
    """Seconds from one run to the next."""

    def __init__(
        self,
        access: Access,
        view: ChecklistView,
        owners: Callable[[AgentRef], Sequence[Owner]],
        is_active: Callable[[], bool],
        steady: Callable[[], float],
        own_metrics: OwnMetrics,
        suffix: str = "",
    ) -> None:
        """`owners` of an agent; nothing is written while it is not active; `suffix`: of the names, of a shard."""
        self._access, self._view, self._owners, self._suffix = access, view, owners, suffix
        self._is_active, self._steady, self._own_metrics = is_active, steady, own_metrics
        for result in ("ok", "refused", "error"):
            own_metrics.add(EVIDENCE_WRITES, 0, "report", result)
        self._troubles: dict[str, str] = {}  # an agent, a namespace or (empty) all: why it is not written
        self._kind: ReportKind | None = None
        self._ask_kind_at = 0.0
        self._written: dict[AgentRef, _Written] = {}
        self._held: dict[str, float] = {}  # the same: until when, steady seconds
        self._crossed: set[AgentRef] = set()  # of which another came in between at the last attempt
        self._busy = False

    def told(self) -> str:
        """A sentence for people; empty where all is written."""
        whys = [f"{whom}: {why}" if whom else why for whom, why in sorted(self._troubles.items())]
        more = f"; and {len(whys) - _SHOWN} more" if len(whys) > _SHOWN else ""
        return f"report objects cannot be written: {'; '.join(whys[:_SHOWN])}{more}" if whys else ""

    async def tick(self) -> None:
        """Write what is due, as much as may be written now."""
        if self._busy or not self._is_active():
            return
        self._busy = True
        try:
            await self._run()
        finally:
            self._busy = False

    async def _run(self) -> None:
        now = self._steady()
        self._held = {name: until for name, until in self._held.items() if until > now}
        if "" in self._held or not await self._has_kind(now):
            return
        left = MOST_AT_ONCE
        agents = self._view.agents()
        if self._troubles:
            known = {"", *(each.namespace for each in agents), *map(str, agents), *map(str, self._written)}
            self._troubles = {whom: why for whom, why in self._troubles.items() if whom in known}
        for ref in [*(self._written.keys() - set(agents)), *agents]:
            if left <= 0 or "" in self._held or self._kind is None or not self._is_active():
                return
            if ref.namespace not in self._held and str(ref) not in self._held:
                left -= await self._see_to(self._kind, ref)

    async def _has_kind(self, now: float) -> bool:
        if self._kind is None and now >= self._ask_kind_at:
            self._ask_kind_at = now + _ASKED_AGAIN
            self._kind = await self._installed()
            if self._kind is not None:
                self._written.clear()
                self._troubles.pop("", None)
                log.info("writing report objects", extra={"kind": f"{self._kind.name}.{self._kind.group}"})
        return self._kind is not None

    async def _installed(self) -> ReportKind | None:
        for kind in KINDS:
            path = f"/apis/{kind.group}/{kind.version}"
            try:
                found = await get_object(self._access, path, _SECONDS, _MOST_BYTES)
                if any(each["name"] == kind.plural for each in found["resources"]):
                    return kind
            except (RefusedError, *_OUTAGE) as error:
                if not isinstance(error, RefusedError) or error.code != 404:
                    self._hold("", _AWAY, error)
                    return None
        self._tell("", "neither Report of openreports.io nor PolicyReport of wgpolicyk8s.io is installed")
        return None

    async def _see_to(self, kind: ReportKind, ref: AgentRef) -> int:
        """How many times the API server was asked."""
        codes, written = self._view.codes(ref), self._written.get(ref)
        if codes is not None and written is not None and written.codes is codes:
            return 0
        try:
            asked = await self._remove(kind, ref) if codes is None else await self._write(kind, ref, codes, written)
        except RefusedError as error:
            self._refused(ref, error)
            return 1
        except _OUTAGE as error:
            self._hold("", _AWAY, error)
            return 1
        if ref not in self._crossed:
            for whom in ("", ref.namespace, str(ref)):
                self._troubles.pop(whom, None)
        return asked

    async def _write(self, kind: ReportKind, ref: AgentRef, codes: "array[int]", written: _Written | None) -> int:
        report, owners = self._view.report_of(ref, Chosen()), self._owners(ref)
        stands, asked = written.digest if written is not None else None, 0
        if stands is None:
            stands, asked = await self._read(kind, ref), 1
        digest = standing_digest(report, owners)
        if stands != digest:
            made = report_object(kind, report, self._view.catalogue.by_id, owners, self._suffix)
            self._written.pop(ref, None)
            asked += 1
            if not await self._send(kind, ref, made, is_new=stands is None):
                return asked
        self._written[ref] = _Written(codes, digest)
        return asked

    async def _read(self, kind: ReportKind, ref: AgentRef) -> str | None:
        """The digest of what stands there; None: nothing does. RefusedError where it is somebody else's."""
        try:
            found = await get_object(self._access, self._path(kind, ref), _SECONDS, _MOST_BYTES)
        except RefusedError as error:
            if error.code == 404:
                return None
            raise
        metadata: Mapping[str, Any] = found["metadata"]
        if (metadata.get("labels") or {}).get(MANAGED_BY) != MANAGER:
            raise RefusedError(0, f"{kind.name} {ref.namespace}/{metadata['name']} is not ours")
        return str((metadata.get("annotations") or {}).get(DIGEST, ""))

    async def _send(self, kind: ReportKind, ref: AgentRef, made: dict[str, Any], *, is_new: bool) -> bool:
        """False: what stood there is gone, or something came: it is read at the next run. Told if that is so again."""
        try:
            if is_new:
                await send_object(self._access, "POST", kind.path(ref.namespace), made, _SECONDS)
            else:
                await send_object(self._access, "PATCH", self._path(kind, ref), made, _SECONDS)
        except RefusedError as error:
            if error.code == (409 if is_new else 404) and ref not in self._crossed:
                self._crossed.add(ref)
                return False
            raise
        self._crossed.discard(ref)
        self._count("ok")
        return True

    async def _remove(self, kind: ReportKind, ref: AgentRef) -> int:
        try:
            await delete_object(self._access, self._path(kind, ref), _SECONDS)
        except RefusedError as error:
            if error.code != 404:
                raise
        else:
            self._count("ok")
        self._written.pop(ref, None)
        return 1

    def _path(self, kind: ReportKind, ref: AgentRef) -> str:
        return f"{kind.path(ref.namespace)}/{name_of(ref, self._suffix)}"

    def _refused(self, ref: AgentRef, error: RefusedError) -> None:
        """A right or the kind is lacking, the server has trouble, or it is of this object alone.

        An agent that only the config lists may have a namespace that is none of the cluster: that is no trouble.
        """
        if error.code == 404 and f'namespaces "{ref.namespace}" not found' in error.why:
            self._held[ref.namespace] = self._steady() + _HELD
            return
        self._crossed.discard(ref)
        if error.code == 404:
            self._kind, self._ask_kind_at = None, 0.0
        if error.code == 429 or error.code >= 500:
            self._hold("", max(_AWAY, error.after), error)
        else:
            self._hold(ref.namespace if error.code in (401, 403, 404) else str(ref), _HELD, error)

    def _hold(self, whom: str, seconds: float, error: Exception) -> None:
        self._held[whom] = self._steady() + seconds
        self._count("refused" if whom else "error")
        self._tell(whom, in_words(error))

    def _tell(self, whom: str, why: str) -> None:
        """Once of each, and of very many not one by one."""
        if self._troubles.get(whom) != why and len(self._troubles) < _LOGGED:
            log.warning("cannot write report objects", extra={"why": f"{whom}: {why}" if whom else why})
        self._troubles[whom] = why

    def _count(self, result: str) -> None:
        self._own_metrics.add(EVIDENCE_WRITES, 1, "report", result)
