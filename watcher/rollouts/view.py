"""What pages, API, gates and series may know of rollouts. Nothing is judged for who reads."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

from probes.controls.evidence import AgentRef
from watcher.rollouts.follower import Figures, Follower
from watcher.rollouts.kept.keeper import RolloutKeeper
from watcher.rollouts.rollout import Rollout


class RolloutsView(Protocol):
    """What pages, API, gates and metrics may know. What is asked of the disk is awaited."""

    def newest(self, namespace: str, agent: str) -> Rollout | None:
        """The newest of an agent; None where none was seen."""

    def listed(self, namespace: str = "", agent: str = "") -> Sequence[Rollout]:
        """The newest of each agent, the last that began first; empty stands for all."""

    async def of(self, namespace: str, agent: str) -> Sequence[Rollout]:
        """All that are kept of an agent, the newest first: at most 50."""

    async def revision(self, namespace: str, agent: str, revision: str) -> Rollout | None:
        """The newest rollout of this revision (its id); None where none is kept."""

    async def asked(
        self, namespace: str, agent: str, *, image: str = "", revision: str = "", since: float | None = None
    ) -> Rollout | None:
        """The newest that fits all that is given, for a gate; None: not seen yet.

        `image`: a digest, `sha256:...` or a reference that ends in one; `since`: Unix seconds, it began then or later.
        """


class AgentFigures(NamedTuple):
    """For series."""

    namespace: str
    agent: str
    figures: Figures


class FollowedRollouts:
    """The view of those that are followed."""

    def __init__(self, keeper: RolloutKeeper) -> None:
        self.keeper = keeper
        self._followers: dict[AgentRef, Follower] = {}

    def newest(self, namespace: str, agent: str) -> Rollout | None:
        """The newest of an agent; None where none was seen."""
        found = self._followers.get(AgentRef(namespace, agent))
        return found.rollout if found is not None else None

    def listed(self, namespace: str = "", agent: str = "") -> Sequence[Rollout]:
        """The newest of each agent, the last that began first; empty stands for all."""
        chosen = [
            follower.rollout
            for ref, follower in self._followers.items()
            if (not namespace or ref.namespace == namespace) and (not agent or ref.agent == agent)
        ]
        return sorted((each for each in chosen if each is not None), key=lambda each: -each.began_at)

    def follower(self, agent: AgentRef) -> Follower | None:
        """Of one agent; None where none is followed."""
        return self._followers.get(agent)

    def followed(self) -> Collection[AgentRef]:
        """All agents that are."""
        return self._followers.keys()

    async def of(self, namespace: str, agent: str) -> Sequence[Rollout]:
        """All that are kept of an agent, the newest first."""
        newest, kept = self.newest(namespace, agent), await self.keeper.of((namespace, agent))
        if newest is None:
            return kept
        return [newest, *(each for each in kept if each.began_at != newest.began_at)]

    async def revision(self, namespace: str, agent: str, revision: str) -> Rollout | None:
        """The newest rollout of this revision."""
        return await self.asked(namespace, agent, revision=revision)

    async def asked(
        self, namespace: str, agent: str, *, image: str = "", revision: str = "", since: float | None = None
    ) -> Rollout | None:
        """The newest that fits all that is given."""
        newest = self.newest(namespace, agent)
        if newest is None or _fits(newest, image, revision, since):
            return newest
        kept = await self.of(namespace, agent)
        return next((each for each in kept if _fits(each, image, revision, since)), None)

    def figures(self) -> Iterator[AgentFigures]:
        """Of each agent with a rollout; cheap."""
        for ref, follower in self._followers.items():
            if (found := follower.figures) is not None:
                yield AgentFigures(ref.namespace, ref.agent, found)


def _fits(rollout: Rollout, image: str, revision: str, since: float | None) -> bool:
    of_image = not image or image.rpartition("@")[2] in (rollout.revision.image, rollout.revision.reference)
    of_revision = not revision or revision in (rollout.revision.id, *rollout.revision.templates)
    return of_image and of_revision and (since is None or rollout.began_at >= since)
