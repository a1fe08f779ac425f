"""What is served of rollouts: those that are followed, or that none are."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from watcher.rollouts.rollout import Rollout
from watcher.rollouts.view import AgentFigures, RolloutsView

NOT_FOLLOWED = (
    "Rollouts are not followed here: that needs agents found by discovery.kubernetes, the checklist, "
    "and rollouts.enabled."
)


class Followed(RolloutsView, Protocol):
    """Rollouts, and what series tell of them."""

    def figures(self) -> Iterator[AgentFigures]:
        """Of each agent with a rollout."""


class NotFollowed:
    """None were seen, for nobody looks: what is asked for is among no rollouts."""

    _none: tuple[Rollout, ...] = ()

    def newest(self, namespace: str, agent: str) -> Rollout | None:
        """None."""
        return next(iter(self.listed(namespace, agent)), None)

    def listed(self, namespace: str = "", agent: str = "") -> Sequence[Rollout]:
        """None."""
        return [each for each in self._none if (each.namespace, each.agent) == (namespace, agent)]

    async def of(self, namespace: str, agent: str) -> Sequence[Rollout]:
        """None."""
        return self.listed(namespace, agent)

    async def revision(self, namespace: str, agent: str, revision: str) -> Rollout | None:
        """None."""
        return await self.asked(namespace, agent, revision=revision)

    async def asked(
        self, namespace: str, agent: str, *, image: str = "", revision: str = "", since: float | None = None
    ) -> Rollout | None:
        """None."""
        asked = (image, revision, since)
        return next((each for each in self.listed(namespace, agent) if each.revision.id in asked), None)

    def figures(self) -> Iterator[AgentFigures]:
        """None."""
        return iter(())
