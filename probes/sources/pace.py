"""A target whose answers take too much CPU is asked less often, until they do not."""

from collections.abc import Collection
from typing import NamedTuple

from probes.contract import Reading, TargetKey

SLOWEST = 10
"""Of so many looks at least one asks."""


class _Pace(NamedTuple):
    asked_in: int  # one of so many looks asks
    left: int  # looks that do not ask before the next one that does
    reading: Reading | None  # what those say, the last answer that took too much


class Pace:
    """Which looks ask, by target; most targets are not in here."""

    def __init__(self) -> None:
        self._paces: dict[TargetKey, _Pace] = {}

    def instead(self, key: TargetKey) -> Reading | None:
        """What a look says that does not ask; None where it asks."""
        pace = self._paces.get(key)
        if pace is None or not pace.left:
            return None
        self._paces[key] = pace._replace(left=pace.left - 1)
        return pace.reading

    def slower(self, key: TargetKey) -> int:
        """This look took too much: of how many looks one asks from now on."""
        pace = self._paces.get(key)
        asked_in = min(SLOWEST, 2 * pace.asked_in) if pace else 2
        self._paces[key] = _Pace(asked_in, asked_in - 1, None)
        return asked_in

    def say(self, key: TargetKey, reading: Reading) -> None:
        """What the looks say that do not ask."""
        self._paces[key] = self._paces[key]._replace(reading=reading)

    def faster(self, key: TargetKey) -> None:
        """This look took no more than it may: the next one asks, and a relapse is forgiven step by step."""
        pace = self._paces.pop(key, None)
        if pace is not None and pace.asked_in > 2:
            self._paces[key] = _Pace(pace.asked_in // 2, 0, None)

    def keep(self, keys: Collection[TargetKey]) -> None:
        """Forget all other targets."""
        self._paces = {key: pace for key, pace in self._paces.items() if key in keys}
