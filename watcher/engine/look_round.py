"""Was every target looked at since a moment? Checked off a few at a time."""

from collections.abc import Callable, Collection

from watcher.engine.board import TargetState

_CHECKED_OFF = 200  # targets at a time


class LookRound:
    """The targets that are not known to have been looked at."""

    def __init__(
        self, left: Collection[TargetState], sources: Callable[[TargetState], Collection[str]], since: float = 0.0
    ) -> None:
        """`sources`: which look at a target; `since`: steady seconds from which on looks count."""
        self._left, self._sources, self._since = list(left), sources, since

    @property
    def complete(self) -> bool:
        """Whether all were, or are gone."""
        return not self._left

    def check(self) -> bool:
        """Check off some; whether this completed it."""
        left = self._left
        if not left:
            return False
        for _ in range(_CHECKED_OFF):
            if not left or not (left[-1].removed or self._is_looked_at(left[-1])):
                break
            left.pop()
        return not left

    def _is_looked_at(self, state: TargetState) -> bool:
        looks = state.looks
        return all(name in looks and looks[name].at >= self._since for name in self._sources(state))
