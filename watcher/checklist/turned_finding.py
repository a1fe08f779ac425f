"""A finding that turned: what was said of a control until then, and what is said since."""

from enum import StrEnum
from typing import NamedTuple

from probes.controls.evidence import AgentRef
from probes.controls.finding import State

_MET = (State.PASS, State.ATTESTED)
_NOT_MET = (State.FAIL, State.EXPIRED)


class Turn(StrEnum):
    """What a reader wants to know of it."""

    FAILS = "newly fails"
    MENDED = "is fixed"
    LAPSED = "lapsed"


class TurnedFinding(NamedTuple):
    """A finding whose state is another one than before."""

    at: float  # Unix seconds
    agent: AgentRef
    control: str
    before: State
    after: State
    reason: str
    message: str
    lasted: float  # seconds that it was as before

    @property
    def turn(self) -> Turn | None:
        """None for what is no news: such as a control that was decided for the first time."""
        if self.after is State.FAIL:
            return Turn.FAILS
        if self.before in _NOT_MET and self.after not in _NOT_MET:
            return Turn.MENDED if self.after is not State.UNKNOWN else None
        return Turn.LAPSED if self.before in _MET and self.after in (State.UNKNOWN, State.EXPIRED) else None
