"""What is remembered of pods over their lives: how they started, first restarted and ended."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator

from probes.controls.evidence import AgentRef
from probes.controls.evidence.live_pod import GRACE, REMEMBERED, ContainerRun, Ended, Start, Termination
from watcher.discovery.pod.kept.pod import KeptPod
from watcher.discovery.pods.scope import SeenPod

MOST_ENDS, MOST_STARTS = 20, 10
"""That are kept of one agent, and of one revision of it."""


class PodMemory:
    """Told of each pod whenever it changes."""

    def __init__(self) -> None:
        self._ends: defaultdict[AgentRef, deque[Termination]] = defaultdict(lambda: deque(maxlen=MOST_ENDS))
        self._starts: defaultdict[tuple[AgentRef, str], dict[str, Start]] = defaultdict(dict)  # by uid
        self._first_ended: dict[str, Ended] = {}  # by uid
        self._ended: dict[str, AgentRef] = {}  # by uid, as long as the pod is there
        self.on_ending: Callable[[AgentRef, SeenPod], None] = lambda _, __: None  # a pod that was asked to end changed
        self.on_gone: Callable[[str], None] = lambda _: None  # uid of a pod

    def note(self, agent: AgentRef, seen: SeenPod, before: KeptPod | None) -> None:
        """This pod is as it is now; `before`: what was kept of it until now."""
        kept, uid = seen.kept, seen.pod.uid
        own = kept.run.container(kept.template.agent_container) if kept is not None else None
        if kept is None or own is None:
            return
        if own.restarts == 1 and own.ended is not None:
            self._first_ended.setdefault(uid, own.ended)
        if kept.run.ends_since is None:
            self._note_start(agent, seen, own, was_unready=before is not None and before.run.ready_since is None)
            return
        if uid not in self._ended and own.ended is not None and _has_ended(own, kept.run.ends_since):
            self._ended[uid] = agent
            end = Termination(seen.pod.name, kept.run.ends_since, own.ended, _grace(kept))
            self._ends[agent].append(end)
        self.on_ending(agent, seen)

    def forget(self, uid: str) -> None:
        """The pod is gone; how it ended is kept."""
        self._first_ended.pop(uid, None)
        self._ended.pop(uid, None)
        self.on_gone(uid)

    def has_ended(self, uid: str) -> bool:
        """Whether the agent's container of this pod has, after the pod was asked to."""
        return uid in self._ended

    def first_ended(self, uid: str) -> Ended | None:
        """How the first process of its agent's container ended; None where that was not seen, or has not been."""
        return self._first_ended.get(uid)

    def ends(self, agent: AgentRef) -> tuple[Termination, ...]:
        """Of its pods, the newest last."""
        return tuple(self._ends.get(agent, ()))

    def starts(self, agent: AgentRef, revision: str) -> tuple[Start, ...]:
        """Of pods of this revision, the newest last."""
        return tuple(self._starts.get((agent, revision), {}).values())

    def keep_only(self, revisions: Iterable[tuple[AgentRef, str]], now: float) -> None:
        """Forget starts of other revisions, and ends that are too old (`now` in Unix seconds)."""
        kept = set(revisions)
        for key in [each for each in self._starts if each not in kept]:
            del self._starts[key]
        for agent in [each for each, ends in self._ends.items() if all(_is_old(end, now) for end in ends)]:
            del self._ends[agent]

    def _note_start(self, agent: AgentRef, seen: SeenPod, own: ContainerRun, *, was_unready: bool) -> None:
        kept = seen.kept
        if kept is None or kept.run.ready_since is None or own.running_since is None or own.restarts:
            return
        starts = self._starts[agent, kept.run.revision]
        if seen.pod.uid not in starts:
            took = max(0.0, kept.run.ready_since - own.running_since)
            starts[seen.pod.uid] = Start(seen.pod.name, took, was_unready)
            for old in list(_all_but_last(starts, MOST_STARTS)):
                del starts[old]


def _has_ended(own: ContainerRun, asked_at: float) -> bool:
    """After it was asked to: what ended before is another process of it."""
    return own.running_since is None and not own.waiting and own.ended is not None and own.ended.finished_at >= asked_at


def _grace(kept: KeptPod) -> float:
    """Seconds that its template gives a pod to end."""
    given = kept.template.read().spec.get("terminationGracePeriodSeconds")
    return float(given) if isinstance(given, int) else GRACE


def _is_old(end: Termination, now: float) -> bool:
    return now - end.asked_at > REMEMBERED


def _all_but_last(starts: dict[str, Start], most: int) -> Iterator[str]:
    return iter(list(starts)[:-most])
