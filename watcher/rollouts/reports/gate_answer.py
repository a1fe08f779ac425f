"""What does a gate answer a pipeline that asks of one rollout? Pure.

1. A rollout that failed has failed, whatever the watcher's own trouble is.
2. A watcher that is impaired, or on standby, is unable: it neither verifies nor decides.
3. What was not seen yet is undecided.
4. Else the verdict until the window that is asked for.
"""

from collections.abc import Sequence
from typing import NamedTuple

from watcher.rollouts.rollout import Line, Rollout, verdict
from watcher.rollouts.terms import Outcome, Window

STATUSES = {Outcome.VERIFIED: 200, Outcome.FAILED: 409, Outcome.UNDECIDED: 425, Outcome.UNABLE: 503}
"""The HTTP status of each outcome. No status between 201 and 399: hooks take these for a yes."""

_NOT_SEEN = "No such rollout of this agent was seen yet, or another one came after it."
NOT_SEEN_YET, WATCHER_IMPAIRED, NOT_DECIDED = "NotSeenYet", "WatcherImpaired", "NotDecided"


class Answer(NamedTuple):
    """The verdict on what was asked, and on which revision."""

    outcome: Outcome
    until: Window
    reason: str  # why it is neither verified nor failed, a word; else empty
    why: str  # a sentence
    rollout: Rollout | None  # the one that was judged
    lines: Sequence[Line] = ()
    verified_without: Sequence[str] = ()

    @property
    def revision(self) -> str:
        """The id of the revision that was judged; empty where none was."""
        return self.rollout.revision.id if self.rollout is not None else ""

    @property
    def image(self) -> str:
        """The digest of the image that was judged; empty where none was."""
        return self.rollout.revision.image if self.rollout is not None else ""


def gate_answer(rollout: Rollout | None, until: Window, impaired: str) -> Answer:
    """`rollout`: the one that was asked for, None where none was seen; `impaired`: the watcher's own trouble."""
    judged = verdict(rollout, until) if rollout is not None else None
    lines = judged.lines if judged is not None else ()
    if judged is not None and judged.outcome is Outcome.FAILED:
        return Answer(Outcome.FAILED, until, "", judged.why, rollout, lines)
    if impaired:
        return Answer(Outcome.UNABLE, until, WATCHER_IMPAIRED, impaired, rollout, lines)
    if judged is None:
        return Answer(Outcome.UNDECIDED, until, NOT_SEEN_YET, _NOT_SEEN, None)
    reasons = {Outcome.UNDECIDED: NOT_DECIDED, Outcome.UNABLE: WATCHER_IMPAIRED}
    reason = reasons.get(judged.outcome, "")
    return Answer(judged.outcome, until, reason, judged.why, rollout, lines, judged.verified_without)


def status_of(outcome: Outcome, *, wants_rollback: bool) -> int:
    """The HTTP status; `wants_rollback`: of a hook that reads 200 as: roll back."""
    if not wants_rollback:
        return STATUSES[outcome]
    return {Outcome.FAILED: 200, Outcome.VERIFIED: 409}.get(outcome, STATUSES[outcome])
