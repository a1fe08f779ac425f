"""What the watcher knows of the newest rollout of an agent: its record, by the controls that it decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Decided = Literal["pass", "fail", "undecided", "not_applicable"]


class RolloutLine(NamedTuple):
    """One line of the post-deploy verification, as it stands in the record."""

    name: str  # in the checklist's words
    state: Decided
    message: str  # a sentence; empty where there is nothing to say
    is_open: bool = False  # of one that is undecided: its window is not over
    decided_at: float | None = None  # Unix seconds
    next_at: float | None = None  # Unix seconds: when its window ends, where that is known


class FiredAlert(NamedTuple):
    """A condition that was true on a pod of the rollout for as long as its alert waits."""

    name: str  # of the condition
    pod: str
    at: float  # Unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRecord:
    """Source `rollout`. Times are Unix seconds."""

    revision: str  # its id
    image: str = ""  # the digest of its image, `sha256:...`; empty where no pod has told it
    began_at: float  # its first pod was made
    lines: Mapping[str, tuple[RolloutLine, ...]] = field(default_factory=dict)  # by control
    ready_at: float | None = None  # all wanted pods were Ready at the same time
    pods: str = ""  # how many are Ready, a few words
    stuck: str = ""  # why it makes no progress, a sentence
    is_over: bool = False  # all its windows are, and nothing failed
    over_at: float | None = None  # when the last of them ends, as far as that is known
    end: Literal["", "rolled_back", "superseded"] = ""
    ended_at: float | None = None
    runs: bool = True  # some pod runs it
    others_run: bool = False  # some pod runs another revision
    previous_healthy_at: float | None = None  # of one that was taken back: the revision before was all Ready again
    alerts: tuple[FiredAlert, ...] = ()  # in its first hour, which begins when all pods are Ready
    hour_is_over: bool = False
    hour_ends_at: float | None = None  # None while that is not known
    hour_was_seen: bool = True  # the watcher saw enough of it

    @property
    def subject_since(self) -> float:
        """Since when findings are about what they are about now: they are others once it was taken back."""
        return self.began_at if self.ended_at is None else self.ended_at

    @property
    def is_running(self) -> bool:
        """Whether no other revision runs in its place; where no pod runs none does."""
        return not self.end and (self.runs or not self.others_run)
