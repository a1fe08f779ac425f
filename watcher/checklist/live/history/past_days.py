"""What may be asked of the past, a day at a time."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from probes.controls.evidence import AgentRef


class Kept(NamedTuple):
    """Of which days something is known of an agent."""

    first: str  # such as 2026-11-23, by UTC; empty where there is none
    last: str


class DayOfAgent(NamedTuple):
    """What was true of an agent on a day."""

    at: float  # Unix seconds at which it was seen
    found: dict[str, Any]  # `catalogue` and `agent`


class PastDays(Protocol):
    """The days that were kept."""

    def told(self) -> str:
        """Why not all can be kept, a sentence; empty where all is."""

    async def agents(self, day: str) -> Sequence[AgentRef]:
        """Those of which something is known of this day, by name."""

    async def find(self, day: str, ref: AgentRef) -> DayOfAgent | None:
        """What was true of it on this day; None where that is not known."""

    async def kept(self, ref: AgentRef) -> Kept:
        """Of which days something is known."""
