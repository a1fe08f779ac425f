"""Which rollouts are told as Events on their workload? Each that is verified until the first hour, or fails, once."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from probes.controls.evidence import AgentRef
from watcher.events.event import ConditionSubject, Event, ObjectKind, note
from watcher.events.queue import EventQueue
from watcher.kube.pod_ref import PodRef
from watcher.rollouts.follower import Figures
from watcher.rollouts.rollout import Rollout, verdict
from watcher.rollouts.seen.cluster import Workload
from watcher.rollouts.terms import Outcome, Phase, Window
from watcher.rollouts.view import AgentFigures

VERIFIED, FAILED = "RolloutVerified", "RolloutFailed"

_VERSIONS = {"Rollout": "argoproj.io/v1alpha1"}  # of the others, `apps/v1`


class Told(Protocol):
    """What is asked of the rollouts."""

    def figures(self) -> Iterator[AgentFigures]:
        """Of each agent with a rollout; cheap."""

    def newest(self, namespace: str, agent: str) -> Rollout | None:
        """In full."""

    @property
    def workload(self) -> Callable[[AgentRef], Workload | None]:
        """Finds the object to tell it on."""


class _Said(NamedTuple):
    began_at: float
    reason: str  # VERIFIED, FAILED, or empty while it is neither


class RolloutEvents:
    """What was decided before this process began is told already, or is no news."""

    def __init__(self, rollouts: Told, queue: EventQueue, date: Callable[[], float]) -> None:
        """`date`: Unix seconds."""
        self._rollouts, self._queue, self._date = rollouts, queue, date
        self._said: dict[tuple[str, str], _Said] | None = None

    def follow(self, *, active: bool) -> None:
        """See what was decided since the last time; it is told where this process is active."""
        before, self._said = self._said, {}
        for each in self._rollouts.figures():
            place, now = (each.namespace, each.agent), _said(each.figures)
            self._said[place] = now
            if before is not None and active and now.reason and before.get(place) != now:
                self._tell(*place, now.reason)

    def _tell(self, namespace: str, agent: str, reason: str) -> None:
        rollout = self._rollouts.newest(namespace, agent)
        workload = self._rollouts.workload(AgentRef(namespace, agent))
        if rollout is not None and workload is not None:
            self._queue.put(event_of_rollout(rollout, workload, reason, self._date()))


def event_of_rollout(rollout: Rollout, workload: Workload, reason: str, now: float) -> Event:
    """What is told of a rollout that was decided; `now`: Unix seconds."""
    until = Window.SHORT if reason == VERIFIED else Window.LONG
    why = verdict(rollout, until).why
    said = f"Revision {rollout.revision.id} {'is verified' if reason == VERIFIED else 'failed'}. {why}"
    return Event(
        pod=PodRef(workload.namespace, workload.name, workload.uid),
        place=ConditionSubject(reason, f"{rollout.revision.id} {rollout.began_at}"),
        resolved=False,
        note=note(said),
        since=now,
        observed=now,
        kind=ObjectKind(_VERSIONS.get(workload.kind, "apps/v1"), workload.kind),
        good=reason == VERIFIED,
    )


def _said(figures: Figures) -> _Said:
    if figures.phase == Phase.FAILED:
        return _Said(figures.began_at, FAILED)
    is_verified = figures.outcomes.get(Window.SHORT) is Outcome.VERIFIED
    return _Said(figures.began_at, VERIFIED if is_verified else "")
