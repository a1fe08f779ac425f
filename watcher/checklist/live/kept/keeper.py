"""Findings survive a restart: taken up when their agent is there again, and written when one turned."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from probes.controls.evidence import AgentRef
from probes.controls.findings.written import tables, to_json
from watcher.checklist.live.agent_verdict import agent_verdict
from watcher.checklist.live.checklist import Checklist
from watcher.checklist.live.kept.findings_file import (
    FILE_NAME,
    FORMAT,
    MOST,
    MOST_OF_AGENT,
    VERSION,
    Head,
    KeptAgent,
    LeftFindings,
    line_of,
    read,
    write,
)
from watcher.checklist.live.roster import LINGERS, ListedAgent
from watcher.checklist.turned_finding import TurnedFinding
from watcher.runtime.cooperative import TimeSlice

log = logging.getLogger(__name__)

_NEWS_AFTER, _DATES_AFTER = 180.0, 1800.0
"""Seconds from one write to the next: of a thousand agents one takes most of a second of CPU."""

LEFT_FOR = 86400.0
"""Seconds for which findings of the last process are kept whose agent did not come again, nor is known any more."""

KEPT_TURNS = 5000
"""Findings that turned, the newest; ten times what a fleet of a thousand agents has in a bad hour."""


class FindingsKeeper:
    """What a checklist does with its file, if it has one."""

    EVERY = 30.0
    """Seconds between two looks whether there is anything to write."""

    def __init__(self, checklist: Checklist, state_dir: Path | None) -> None:
        self.turned: deque[TurnedFinding] = deque(maxlen=KEPT_TURNS)  # the newest last
        self.trouble = ""  # why not all can be written
        self._checklist = checklist
        self._path = state_dir / FILE_NAME if state_dir is not None else None
        self._left: LeftFindings | None = None
        self._gone: dict[AgentRef, float] = {}  # since when those that were left are known no more, steady seconds
        self._writing = asyncio.Lock()
        self._written_at, self._news = checklist.clock.steady() - _NEWS_AFTER, False
        checklist.on_turn.append(self._hear)
        checklist.take_up = self._take_up

    def _hear(self, turned: Sequence[TurnedFinding]) -> None:
        self.turned.extend(turned)
        self._news = self._news or bool(turned)

    async def restore(self) -> None:
        """Read what the last process left; a file that cannot be read is set aside and said."""
        if self._path is None:
            return
        try:
            self._left = await asyncio.to_thread(read, self._path)
        except (OSError, ValueError) as error:
            self._set_aside(self._path, str(error).partition("\n")[0], "all")
            return
        if self._left is not None:
            self.turned.extend(self._left.turned)
            if self._left.lost:
                self._set_aside(self._path, self._left.why, f"{self._left.lost} agents")

    def _set_aside(self, path: Path, why: str, lost: str) -> None:
        extra = {"file": str(path), "why": why, "lost": lost}
        try:
            aside = path.with_name(f"{FILE_NAME}.unreadable-{self._checklist.clock.wall():.0f}")
            path.replace(aside)
            extra["set_aside_as"] = str(aside)
        except OSError as error:
            extra["not_set_aside"] = str(error)
        log.warning("cannot read findings file, its findings start again", extra=extra)

    def _take_up(self, agent: ListedAgent) -> None:
        """What is known of an agent that has just come; it is shown as it was, where that was a short time ago."""
        left, checklist, criteria = self._left, self._checklist, self._checklist.criteria
        if left is None:
            return
        try:
            found = left.take(agent.ref, criteria.catalogue.by_id)
        except ValueError as error:
            log.warning("findings of an agent cannot be read", extra={"agent": str(agent.ref), "why": str(error)[:200]})
            return
        if found is None:
            return
        kept, findings = found
        agent.watched |= {pod: since for pod, since in kept.watched.items() if pod in agent.watched}
        agent.before = findings
        origin = left.origin(kept)
        if origin.digest != criteria.catalogue.digest:
            return  # what turns by another catalogue turned nowhere
        agent.past, agent.comparable = kept.past, True
        if checklist.date() - origin.written_at <= checklist.interval:
            profile = criteria.profile(agent.ref.namespace)
            checklist.store.put(agent.ref, findings)
            agent.verdict = agent_verdict(
                findings, criteria.catalogue, profile, criteria.required(profile), kept.labels
            )

    async def write(self) -> None:
        """Write, if a finding turned, or after a while: what all rest on was seen again meanwhile."""
        after = _NEWS_AFTER if self._news else _DATES_AFTER
        if self._checklist.clock.steady() - self._written_at >= after and not self._writing.locked():
            await self.write_last()

    async def write_last(self) -> None:
        """Write once more, after a write that is under way. Before all are judged, that of the last process stays."""
        if self._path is not None and self._checklist.last_complete is not None:
            await asyncio.shield(asyncio.create_task(self._write(self._path)))

    async def _write(self, path: Path) -> None:
        async with self._writing:
            self._news, self._written_at, left_out = False, self._checklist.clock.steady(), list[str]()
            catalogue = self._checklist.criteria.catalogue
            head = Head(FORMAT, VERSION, self._checklist.date(), catalogue.digest, tables(catalogue.controls))
            try:
                await write(path, head, list(self.turned), self._lines(head, left_out))
            except OSError as error:
                self.trouble = f"{path}: {error.strerror or error}"
            else:
                self.trouble = f"{path}: too large to be kept: {', '.join(left_out[:3])}" if left_out else ""

    async def _lines(self, head: Head, left_out: list[str]) -> AsyncIterator[bytes]:
        time_slice, room = TimeSlice(), MOST
        for ref in [*self._checklist.roster.agents, *self._still_left()]:
            line = self._line(ref, head)
            if line is None:
                continue
            if len(line) <= min(MOST_OF_AGENT, room):
                room -= len(line)
                yield line
            else:
                left_out.append(str(ref))
            await time_slice.checkpoint()

    def _line(self, ref: AgentRef, head: Head) -> bytes | None:
        agent, packed = self._checklist.roster.agents.get(ref), self._checklist.store.packed(ref)
        if agent is None or packed is None or agent.verdict is None:
            return self._left.line(ref, head) if self._left is not None else None
        if self._left is not None:
            self._left.taken.pop(ref, None)
        kept = KeptAgent(ref, agent.watched, dict(agent.verdict.labels), agent.past)
        return line_of(kept, to_json(packed))

    def _still_left(self) -> list[AgentRef]:
        """Agents of the last process that this one has not seen yet: that is no proof that they are gone."""
        left = self._left.agents if self._left is not None else {}
        for ref in list(left):
            if self._is_over(ref):
                del left[ref]
                self._gone.pop(ref)
        return list(left)

    def _is_over(self, ref: AgentRef) -> bool:
        if self._left is None or self._checklist.gathering.remains(ref) is not False:
            self._gone.pop(ref, None)
            return False
        now = self._checklist.clock.steady()
        age = self._checklist.date() - self._left.origin(self._left.agents[ref][0]).written_at
        return now - self._gone.setdefault(ref, now) >= LINGERS and age >= LEFT_FOR
