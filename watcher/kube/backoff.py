"""How long to wait before one who did not answer is asked again."""

from collections.abc import Callable


class Backoff:
    """Waits that double, each stretched or cut at random, so that many do not ask again at once."""

    def __init__(
        self,
        first: float,
        longest: float,
        uniform: Callable[[float, float], float],
        spread: tuple[float, float] = (0.5, 1.0),
    ) -> None:
        """`first` and `longest` wait in seconds; each is multiplied by a number of `spread`."""
        self._first, self._longest, self._uniform, self._spread = first, longest, uniform, spread
        self._wait = first

    def next(self) -> float:
        """Seconds to wait now."""
        wait, self._wait = self._wait, min(self._wait * 2, self._longest)
        return wait * self._uniform(*self._spread)

    def reset(self) -> None:
        """It answered: the next wait is the first."""
        self._wait = self._first
