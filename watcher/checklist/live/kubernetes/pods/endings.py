"""Pods that were asked to end, some seconds later: whether EndpointSlices still said that they serve.

Whether they took a connection then is for others to try (`to_try`), and is remembered here too.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from probes.contract import Target
from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, LastTry, Missing, Routed, Seen, Took
from probes.controls.evidence.endings import AFTER
from probes.controls.evidence.live_pod import REMEMBERED
from probes.controls.judges.kubernetes_object.case import mapping
from probes.controls.judges.kubernetes_object.pre_stop import pre_stop_sleep
from watcher.checklist.live.kubernetes.objects.followed import Followed
from watcher.discovery.pod.kept.pod import KeptPod
from watcher.discovery.pods.scope import SeenPod
from watcher.runtime.clock import Clock

LATE = 4.0
"""Seconds later than AFTER at which nothing is learnt any more: neither that a pod served nor that it did not."""

MOST_KEPT, MOST_UNDER_WAY = 20, 5000
"""Ends that are remembered of one agent, and those of all agents that are followed at a time."""

_SLICE = "EndpointSlice"
End = TypeVar("End", Routed, LastTry)


@dataclass(slots=True)
class Ending:
    """One pod that was asked to end."""

    agent: AgentRef
    pod: str
    asked_at: float  # Unix seconds
    due: float  # steady seconds at which it is looked at
    target: Target | None  # as it was looked at before
    sleeps: float | None  # seconds of its preStop hook; None where that cannot be read
    served: bool  # some EndpointSlice named it when it was asked to end, and it was Ready
    ended: bool = False  # its agent's container has
    gone: bool = False


class _Remembered(Generic[End]):
    """What was seen of the ends of each agent's pods."""

    def __init__(self) -> None:
        self._ends: defaultdict[AgentRef, deque[End]] = defaultdict(lambda: deque(maxlen=MOST_KEPT))

    def add(self, agent: AgentRef, end: End) -> None:
        """One more."""
        self._ends[agent].append(end)

    def of(self, agent: AgentRef) -> tuple[End, ...]:
        """The newest last."""
        return tuple(self._ends.get(agent, ()))

    def forget(self, before: float) -> None:
        """Those of agents that had none since this moment, Unix seconds."""
        for agent in [each for each, ends in self._ends.items() if ends[-1].asked_at < before]:
            del self._ends[agent]


class Endings:
    """Told of pods that end; `look` is to be called each second."""

    def __init__(self, followed: Followed, clock: Clock, has_ended: Callable[[str], bool]) -> None:
        """`has_ended`: whether the agent's container of a pod (uid) has, after the pod was asked to."""
        self._followed, self._clock, self._has_ended = followed, clock, has_ended
        self.was_reached: Callable[[Target], bool] = lambda _: False  # whether its port ever answered; nobody knows yet
        self._under_way: dict[str, Ending] = {}  # by uid, in the order in which they are due
        self._looked_at: dict[str, Ending] = {}  # by uid, as long as the pod is there
        self._to_try: list[Ending] = []
        self._routed, self._tries = _Remembered[Routed](), _Remembered[LastTry]()
        self._changed: set[AgentRef] = set()

    def note(self, agent: AgentRef, seen: SeenPod) -> None:
        """This pod was asked to end, or has changed since."""
        uid, kept = seen.pod.uid, seen.kept
        known = self._under_way.get(uid) or self._looked_at.get(uid)
        if known is not None:
            known.ended |= self._has_ended(uid)
        elif kept is not None and kept.run.ends_since is not None and len(self._under_way) < MOST_UNDER_WAY:
            target = seen.found.target if seen.found is not None else None  # as it was until now
            if target is not None and not (target.address and self.was_reached(target)):
                target = None
            self._under_way[uid] = Ending(
                agent,
                seen.pod.name,
                kept.run.ends_since,
                self._clock.steady() + AFTER,
                target,
                _sleeps(kept),
                served=self._served(agent.namespace, seen.pod.name, kept),
                ended=self._has_ended(uid),
            )

    def gone(self, uid: str) -> None:
        """This pod is there no more."""
        known = self._looked_at.pop(uid, None) or self._under_way.get(uid)
        if known is not None:
            known.gone = True

    def look(self) -> None:
        """See what became of those that are due; forget what is too old."""
        now = self._clock.steady()
        for uid, each in list(self._due(now)):
            del self._under_way[uid]
            if not each.gone:
                self._looked_at[uid] = each
            if not self.is_late(each):
                self._see(each)
        before = self._clock.date_of(now) - REMEMBERED
        self._routed.forget(before)
        self._tries.forget(before)

    def is_late(self, ending: Ending) -> bool:
        """Whether it is too late to learn anything of it, by the clock of the API server too."""
        now = self._clock.steady()
        return now > ending.due + LATE or self._clock.date_of(now) - ending.asked_at > AFTER + LATE

    def take_to_try(self) -> Sequence[Ending]:
        """Those that were looked at since this was asked and whose ports may still answer, and are to be tried now."""
        taken, self._to_try = self._to_try, []
        return taken

    def tried(self, ending: Ending, took: Took, why: str = "") -> None:
        """What it took of what was tried."""
        now = self._clock.date_of(self._clock.steady())
        self._tries.add(ending.agent, LastTry(ending.pod, ending.asked_at, now, took, why))
        self._changed.add(ending.agent)

    def tries_of(self, agent: AgentRef) -> tuple[LastTry, ...]:
        """The connections that were tried at its pods, the newest last."""
        return self._tries.of(agent)

    def routed_of(self, agent: AgentRef) -> Seen[tuple[Routed, ...]] | Missing:
        """What EndpointSlices said of its pods, or why they cannot be asked now."""
        found = self._followed.of(_SLICE, agent.namespace)
        if isinstance(found, Missing):
            return found
        lacks = found.lacks_in(agent.namespace)
        if lacks is not None and lacks.reason is not UnknownReason.UNPARSEABLE:
            return lacks
        return Seen(self._routed.of(agent), found.told_at(self._clock.date_of), found.kind.plural)

    def take_changed(self) -> Collection[AgentRef]:
        """Of which agents anything was seen since this was asked."""
        changed, self._changed = self._changed, set()
        return changed

    def _due(self, now: float) -> Iterator[tuple[str, Ending]]:
        for uid, each in self._under_way.items():
            if each.due > now:
                return
            yield uid, each

    def _see(self, ending: Ending) -> None:
        namespace = ending.agent.namespace
        if ending.served and self._is_known(namespace):
            serving = True in self._said(namespace, ending.pod)
            self._routed.add(ending.agent, Routed(ending.pod, ending.asked_at, serving))
            self._changed.add(ending.agent)
        if ending.ended:
            self.tried(ending, Took.ENDED)
        elif ending.target is not None and not ending.gone:
            self._to_try.append(ending)

    def _is_known(self, namespace: str) -> bool:
        """Whether EndpointSlices are all known there, as of now."""
        found = self._followed.of(_SLICE, namespace)
        return not isinstance(found, Missing) and found.lacks_in(namespace) is None and not found.why

    def _served(self, namespace: str, pod: str, kept: KeptPod) -> bool:
        """Slices may be told of before the pod is: one that names it and was quick to leave it out counts too."""
        said = self._said(namespace, pod)
        return True in said or (bool(said) and kept.run.ready_since is not None)

    def _said(self, namespace: str, pod: str) -> set[object]:
        """Whether this pod serves, by those that are known and name it."""
        found = self._followed.of(_SLICE, namespace)
        slices = () if isinstance(found, Missing) else found.of(namespace)
        return {mapping(each.body.get("serving")).get(pod) for each in slices} - {None}


def _sleeps(kept: KeptPod) -> float | None:
    """Seconds of the preStop hook of its agent's container, which comes before SIGTERM."""
    agent = next((each for each in kept.template.read().containers() if each.agent), None)
    return None if agent is None else pre_stop_sleep(agent.body)
