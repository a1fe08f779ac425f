"""The findings on disk: one file of JSON lines, an agent a line, replaced as a whole."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import ConfigDict, TypeAdapter

from probes.controls.catalogue.control import Control
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding
from probes.controls.findings.written import Tables, from_json
from watcher.checklist.live.turns import Past
from watcher.checklist.turned_finding import TurnedFinding
from watcher.runtime.atomic_write import TEMPORARY, replace_with
from watcher.runtime.cooperative import TimeSlice

FILE_NAME = "findings.jsonl"
FORMAT = "agentweave-watcher-findings"
VERSION = 2

MOST_OF_AGENT = 8 << 20
"""Bytes of one agent: what one with more than a thousand pods has."""
MOST = 128 << 20
"""Bytes of all agents; an emptyDir of the chart has twice as much."""

_MOST_TURNED = 16 << 20  # bytes of all findings that turned
_PIECE = 1 << 20
_AT_ONCE = 100  # findings that turned: half a millisecond


class Head(NamedTuple):
    """The first line."""

    format: str
    version: int
    written_at: float  # Unix seconds
    digest: str  # of the catalogue
    tables: Tables


class Origin(NamedTuple):
    """Of findings that another process made, and this one only keeps."""

    written_at: float  # Unix seconds
    digest: str  # of the catalogue
    tables: Tables | None  # None: those of the head


class KeptAgent(NamedTuple):
    """An agent's line but for its findings, which stand behind it."""

    agent: AgentRef
    watched: dict[str, float]  # pod -> Unix seconds since when
    labels: dict[str, str]
    past: Past
    origin: Origin | None = None  # None: as the head says


_HEAD = TypeAdapter(Head, config=ConfigDict(allow_inf_nan=False))
_KEPT = TypeAdapter(KeptAgent, config=ConfigDict(allow_inf_nan=False))
_TURNED = TypeAdapter(tuple[TurnedFinding, ...], config=ConfigDict(allow_inf_nan=False))


@dataclass(slots=True)
class LeftFindings:
    """What the last process left. The findings of an agent are made of its line when they are asked for."""

    head: Head
    turned: tuple[TurnedFinding, ...] = ()
    agents: dict[AgentRef, tuple[KeptAgent, bytes]] = field(default_factory=dict)
    taken: dict[AgentRef, tuple[KeptAgent, bytes]] = field(default_factory=dict)  # the same, until they are judged
    lost: int = 0  # lines that say nothing
    why: str = ""  # of the first

    def take(self, ref: AgentRef, controls: Mapping[str, Control]) -> tuple[KeptAgent, dict[str, Finding]] | None:
        """What is known of this agent, once; None where nothing is. ValueError where it cannot be read."""
        found = self.agents.pop(ref, None)
        if found is None:
            return None
        self.taken[ref] = found
        return found[0], from_json(found[1], self.origin(found[0]).tables or self.head.tables, controls)

    def origin(self, kept: KeptAgent) -> Origin:
        """Where its findings come from."""
        return kept.origin or Origin(self.head.written_at, self.head.digest, None)

    def line(self, ref: AgentRef, head: Head) -> bytes | None:
        """The line of an agent that was not judged since, for a file with this head; None where nothing is known."""
        found = self.agents.get(ref) or self.taken.get(ref)
        if found is None:
            return None
        kept, findings = found
        origin = self.origin(kept)
        tables = origin.tables or self.head.tables
        origin = origin._replace(tables=None if tables == head.tables else tables)
        return line_of(kept._replace(origin=origin), findings.rstrip(b"\n"))

    def lose(self, why: object) -> None:
        """A line says nothing."""
        self.lost, self.why = self.lost + 1, self.why or str(why).partition("\n")[0]


def read(path: Path) -> LeftFindings | None:
    """What the file holds; None where there is none. OSError and ValueError say why it cannot be read at all."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        head = _HEAD.validate_json(file.readline(MOST_OF_AGENT))
        if (head.format, head.version) != (FORMAT, VERSION):
            raise ValueError(f"expected {FORMAT} {VERSION}, got {head.format[:40]} {head.version}")
        left = LeftFindings(head, _TURNED.validate_json(file.readline(_MOST_TURNED)))
        while line := file.readline(2 * MOST_OF_AGENT):
            kept, _, findings = line.partition(b"\t")
            try:
                known = _KEPT.validate_json(kept)
            except ValueError as error:
                left.lose(error)
            else:
                left.agents[known.agent] = known, findings
    return left


async def write(path: Path, head: Head, turned: Sequence[TurnedFinding], lines: AsyncIterator[bytes]) -> None:
    """All of it in place of what was there; OSError where the disk does not take it, and then the old file stays."""
    file = await asyncio.to_thread(path.with_suffix(TEMPORARY).open, "wb")
    try:
        made, size = [_HEAD.dump_json(head) + b"\n", await _turned_line(turned)], 0
        async for line in lines:
            made.append(line)
            size += len(line)
            if size >= _PIECE:
                await asyncio.to_thread(file.write, b"".join(made))
                made, size = [], 0
        await asyncio.to_thread(file.write, b"".join(made))
        await asyncio.to_thread(replace_with, file, path)
    finally:
        file.close()


async def _turned_line(turned: Sequence[TurnedFinding]) -> bytes:
    """All of them as one list, made a few at a time: there may be tens of thousands."""
    time_slice, made = TimeSlice(), list[bytes]()
    for begin in range(0, len(turned), _AT_ONCE):
        made.append(_TURNED.dump_json(tuple(turned[begin : begin + _AT_ONCE]))[1:-1])
        await time_slice.checkpoint()
    return b"[" + b",".join(made) + b"]\n"


def line_of(kept: KeptAgent, findings: bytes) -> bytes:
    """The line of one agent."""
    return _KEPT.dump_json(kept) + b"\t" + findings + b"\n"
