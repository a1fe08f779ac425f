"""Whether the documents that records and alerts link to are still there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class DeadLink(NamedTuple):
    """A link of which each look so far as long as this said that nothing is there."""

    url: str
    since: float  # Unix seconds of the first of these looks
    looks: int
    why: str  # `404`, `410`, or that its host does not exist
    linked_by: str = "a record"  # or an alert whose runbook it is


@dataclass(frozen=True, slots=True)
class DocumentLinks:
    """Source `document_link`."""

    tried: int  # links of the agent's records and alerts that were tried, on hosts that are listed
    dead: Mapping[str, tuple[DeadLink, ...]]  # by control
    untold: bool = False  # the runbooks of its alerts are not known yet
