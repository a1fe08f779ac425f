"""The newest lines of agents' logs, as the checklist's witness reads them, for their rollouts."""

from collections.abc import Sequence
from typing import Protocol

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, LogSample, Missing, Seen
from watcher.rollouts.lines.sight import NO_LOGS, Logs
from watcher.rollouts.lines.trial import Trial
from watcher.rollouts.requests.log_lines import LogLines, lines_of
from watcher.rollouts.seen.running import RunningPod

_OFF = (UnknownReason.NOT_ENABLED, UnknownReason.SOURCE_MISSING)
_ASKED_AGAIN = 60.0
"""Seconds until an agent is asked about again, at the earliest."""

_ANSWERED_WITHIN = 600.0
"""Seconds for which a line waits for lines: a thousand agents have their turns in eight minutes."""


class LogWitness(Protocol):
    """What is asked of whoever reads logs."""

    def newest(self, agent: AgentRef, /) -> Seen[object] | Missing:
        """What was counted in the newest lines of an agent."""

    def ask_soon(self, agent: AgentRef, /) -> None:
        """Read its lines in its next turn."""


class RolloutLogs:
    """Asks for lines when new pods are good for long enough; keeps nothing but when it asked."""

    def __init__(self, witness: LogWitness | None) -> None:
        """`witness`: None where nobody reads logs."""
        self._witness = witness
        self._asked_at: dict[AgentRef, float] = {}  # steady seconds

    def before(self, agent: AgentRef, date: float) -> LogLines | None:
        """Those of what ran before `date` (Unix seconds); None where none were read."""
        found = self._witness.newest(agent) if self._witness is not None else None
        if not isinstance(found, Seen) or not isinstance(found.value, LogSample) or found.observed_at > date:
            return None
        return lines_of(found.value)

    def of(self, agent: AgentRef, trial: Trial, pods: Sequence[RunningPod], old: int, now: float, date: float) -> Logs:
        """What is known at `now` (steady seconds, `date` in Unix ones).

        `pods` are those of the new revision, and `old` so many run another one: lines of both together tell nothing.
        """
        found = self._witness.newest(agent) if self._witness is not None else None
        if self._witness is None or found is None or (isinstance(found, Missing) and found.reason in _OFF):
            return NO_LOGS
        due = trial.logs_due
        if due is None or now < due:
            told = "The new pods are not good for long enough yet."
            return Logs(are_read=True, why=told, is_asked=due is not None)
        if isinstance(found, Seen) and isinstance(found.value, LogSample) and found.observed_at >= date - (now - due):
            if _is_of(found.ref, pods) or not old:
                return Logs(are_read=True, new=lines_of(found.value))
        elif now - self._asked_at.get(agent, 0.0) >= _ASKED_AGAIN:
            self._asked_at[agent] = now
            self._witness.ask_soon(agent)
        is_asked = now - due < _ANSWERED_WITHIN
        return Logs(are_read=True, why=found.message if isinstance(found, Missing) else "", is_asked=is_asked)

    def forget(self, agent: AgentRef) -> None:
        """It is there no more."""
        self._asked_at.pop(agent, None)


def _is_of(ref: str, pods: Sequence[RunningPod]) -> bool:
    """Whether lines are of one of these pods alone."""
    names = {each.name for each in pods}
    return any(part.rpartition("/")[2] in names for part in ref.split() if part.startswith("pod/"))
