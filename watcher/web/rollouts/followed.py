"""What is served of rollouts: those that are followed, or that none are."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from watcher.rollouts.rollout import Rollout, RolloutsView
from watcher.rollouts.rollouts import AgentFigures

NOT_FOLLOWED = (
    "Rollouts are not followed here: that needs agents found by discovery.kubernetes, the checklist, "
    "and rollouts.enabled."
)


class Followed(RolloutsView, Protocol):
    """Rollouts, and what series tell of them."""

    def figures(self) -> Iterator[AgentFigures]:
        """Of each agent with a rollout."""


class NotFollowed:
    """None were seen, for nobody looks."""

    def newest(self, _namespace: str, _agent: str) -> None:
        """None."""

    def listed(self, _namespace: str = "", _agent: str = "") -> Sequence[Rollout]:
        """None."""
        return ()

    async def of(self, _namespace: str, _agent: str) -> Sequence[Rollout]:
        """None."""
        return ()

    async def revision(self, _namespace: str, _agent: str, _revision: str) -> None:
        """None."""

    async def asked(self, _namespace: str, _agent: str, **_: object) -> None:
        """None."""

    def figures(self) -> Iterator[AgentFigures]:
        """None."""
        return iter(())
