"""A change: a verdict that turned, as it is kept; and which changes somebody asks for."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What turned."""

    CONDITION = "condition"
    CONTROL = "control"  # of the checklist
    RECORD = "record"  # of a control: it came, or was taken away


GONE = "gone"
"""What a condition turned to whose target, or whose callee, pool or bundle, is there no more."""

FAILING = ("true", "fail", "expired")
"""The status of a condition, and the states of a control, that are trouble."""

EXPLAINED = "SourceFailed"
"""The reason of what is unknown because another condition of the same look is true: that one is the news."""


class Change(NamedTuple):
    """One verdict that turned, or a record that came or went."""

    at: float  # Unix seconds
    namespace: str
    agent: str  # empty: of all agents of the namespace, or of some
    pod: str  # empty: of the agent as a whole
    kind: str
    name: str  # of the condition or the control
    subject: str
    before: str  # its status or state
    after: str  # the same, or `gone`
    reason: str
    message: str
    lasted: float  # seconds that it was as before
    reason_before: str = ""  # of what was unknown


class Selection(NamedTuple):
    """Which changes are meant; empty: any."""

    since: float = 0.0  # Unix seconds
    until: float = float("inf")
    namespace: str = ""
    agent: str = ""
    pod: str = ""
    name: str = ""
    plain: bool = False  # without what another change explains
    failing: bool = False  # only what turned to failing


class Period(NamedTuple):
    """A time in which the fleet was watched."""

    began: float  # Unix seconds
    ended: float


class Found(NamedTuple):
    """What the past says."""

    total: int  # changes that are meant
    changes: list[Change]  # some of them, the newest first
    watched: list[Period]  # when the fleet was watched, the last first
    trouble: str = ""  # why it cannot be read, or not be kept

    @property
    def known_since(self) -> float | None:
        """Unix seconds; None where nothing is known."""
        return min((each.began for each in self.watched), default=None)
