"""The pods of an agent by what they run, and what their workloads want of them. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from watcher.rollouts.rollout import Pods, Revision
from watcher.rollouts.seen.running import RunningPod, same, together

PROGRESS_DEADLINE = 600.0
"""Seconds without progress after which a rollout is stuck, where no workload says it: Kubernetes' own default."""

_PULLING = (
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
)
_PATIENCE = 120.0  # seconds that an image or a config may be missing
_CRASHES = 3


class Wanted(NamedTuple):
    """What the workloads of an agent say."""

    replicas: int | None = None  # None: that cannot be read
    paused: bool = False
    stuck: str = ""  # why the controller gave up, a sentence
    canary: bool = False  # it is meant to run two revisions side by side
    name: str = ""  # as kubectl takes it, such as `deployment/search`
    managed_by: str = ""
    claimed: Mapping[str, str] = {}


NOT_READ = Wanted()


class Group(NamedTuple):
    """The pods of one revision."""

    revision: Revision
    pods: list[RunningPod]

    @property
    def uids(self) -> frozenset[str]:
        """Of its pods."""
        return frozenset(each.uid for each in self.pods)

    @property
    def made_at(self) -> float:
        """When its first pod was, Unix seconds."""
        return min(each.created_at for each in self.pods)


Groups = Sequence[Group]


def groups_of(pods: Sequence[RunningPod], found: Mapping[str, Revision]) -> list[Group]:
    """That with the oldest first pod first."""
    groups: list[Group] = []
    for pod in pods:
        revision = found[pod.uid]
        place = next((number for number, each in enumerate(groups) if same(each.revision, revision)), None)
        if place is None:
            groups.append(Group(revision, [pod]))
        else:
            group = groups[place]
            group.pods.append(pod)
            if revision != group.revision:
                groups[place] = group._replace(revision=together((group.revision, revision)))
    return sorted(groups, key=lambda each: each.made_at)


def stuck_of(pods: Sequence[RunningPod], wanted: Wanted, counted: Pods, now: float, moved_at: float) -> str:
    """Why it makes no progress, a sentence; empty where it does, is done, or is paused."""
    waiting = [each for each in pods if not each.is_ready]
    for each in waiting:
        if each.restarts >= _CRASHES:
            return f"Pod {each.name} crashes: {each.restarts} restarts{f', {each.ended}' if each.ended else ''}."
        if each.waiting in _PULLING and now - each.created_at >= _PATIENCE:
            return f"Pod {each.name} cannot start: {each.waiting}."
    if wanted.paused or counted.wanted == 0:
        return ""
    if wanted.stuck and (waiting or counted.updated < (counted.wanted or 0)):
        return wanted.stuck
    if waiting and now - moved_at >= PROGRESS_DEADLINE:
        return f"Pod {waiting[0].name} is not Ready, and nothing moved for 10 minutes."
    return ""
