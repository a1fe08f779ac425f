"""A target whose answers take too much CPU is asked less often, until they do not."""

from collections.abc import Callable, Collection
from typing import Generic, NamedTuple, TypeVar

from probes.contract import Reading, TargetKey

R = TypeVar("R", bound=Reading)

SLOWEST = 10
"""Of so many looks at least one asks."""


class _Pace(NamedTuple, Generic[R]):
    asked_in: int  # one of so many looks asks
    left: int  # looks that do not ask before the next one that does
    reading: R | None  # the last answer that took too much, which those repeat
    at: float  # when that was asked for, in seconds that only time moves


class Pace(Generic[R]):
    """Which looks ask, by target; most targets are not in here."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: seconds that only time moves."""
        self._now = now
        self._paces: dict[TargetKey, _Pace[R]] = {}

    def instead(self, key: TargetKey) -> R | None:
        """What a look says that does not ask; None where it asks."""
        pace = self._paces.get(key)
        if pace is None or not pace.left or pace.reading is None:
            return None
        self._paces[key] = pace._replace(left=pace.left - 1)
        return pace.reading.again(self._now() - pace.at)

    def slower(self, key: TargetKey) -> int:
        """This look took too much: of how many looks one asks from now on."""
        pace = self._paces.get(key)
        asked_in = min(SLOWEST, 2 * pace.asked_in) if pace else 2
        self._paces[key] = _Pace(asked_in, asked_in - 1, None, self._now())
        return asked_in

    def say(self, key: TargetKey, reading: R) -> None:
        """What the looks repeat that do not ask."""
        self._paces[key] = self._paces[key]._replace(reading=reading)

    def faster(self, key: TargetKey) -> None:
        """This look took no more than it may: the next one asks, and a relapse is forgiven step by step."""
        pace = self._paces.pop(key, None)
        if pace is not None and pace.asked_in > 2:
            self._paces[key] = _Pace(pace.asked_in // 2, 0, None, pace.at)

    def keep(self, keys: Collection[TargetKey]) -> None:
        """Forget all other targets."""
        self._paces = {key: pace for key, pace in self._paces.items() if key in keys}
