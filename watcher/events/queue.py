"""Which Event is written next, and when? What waits is bounded, and pods take turns."""

from collections.abc import Callable, Iterable

from watcher.events.event import ConditionSubject, Event
from watcher.kube.backoff import Backoff
from watcher.kube.pod_ref import PodRef

MOST = 4096
"""Events that wait, about a kilobyte each: what is written in a quarter of an hour, then it is no news any more."""

MOST_OF_POD = 50
"""As many subjects as are exported of one target: one pod must not take all the room."""

RATE, BURST = 5.0, 25
"""Events a second, and at once: client-go's own client rate, and the burst that it allows one source of Events."""


class EventQueue:
    """Of each condition and subject of each pod the newest state waits."""

    def __init__(self, most: int = MOST, most_of_pod: int = MOST_OF_POD) -> None:
        self._most, self._most_of_pod = most, most_of_pod
        self._pods: dict[PodRef, dict[ConditionSubject, Event]] = {}  # the first pod is the next
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, event: Event) -> bool:
        """Let it wait in the place of what waited there; False: there is no room, it is dropped."""
        waiting = self._pods.get(event.pod, {})
        if event.place not in waiting:
            if self._length >= self._most or len(waiting) >= self._most_of_pod:
                return False
            self._length += 1
        self._pods.setdefault(event.pod, waiting)[event.place] = event
        return True

    def put_back(self, event: Event) -> bool:
        """It could not be written: it waits again, unless something newer does."""
        return event.place in self._pods.get(event.pod, {}) or self.put(event)

    def take(self, is_held: Callable[[str], bool]) -> Event | None:
        """The next one, of a namespace that is not held; None where there is none."""
        pod = next((pod for pod in self._pods if not is_held(pod.namespace)), None)
        if pod is None:
            return None
        waiting = self._pods.pop(pod)
        event = waiting.pop(next(iter(waiting)))
        self._length -= 1
        if waiting:
            self._pods[pod] = waiting
        return event

    def clear(self) -> None:
        """Nothing waits any more."""
        self._pods.clear()
        self._length = 0


class Bucket:
    """Tokens come at a steady rate and are kept up to the burst."""

    def __init__(self, now: Callable[[], float], rate: float = RATE, burst: int = BURST) -> None:
        """`now`: monotonic seconds; `rate`: tokens a second; `burst`: tokens at once."""
        self._now, self._rate, self._burst = now, rate, burst
        self._tokens, self._at = float(burst), now()

    def take(self) -> float:
        """Take one; gives the seconds to wait until it is really there."""
        now = self._now()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1
        self._at = now
        return max(0.0, -self._tokens / self._rate)


class Holds:
    """Whom not to ask for a while: a namespace, or with the empty name the API server. Each time for longer."""

    FIRST = 1.0
    """Seconds of the first wait, at most."""

    def __init__(self, now: Callable[[], float], uniform: Callable[[float, float], float]) -> None:
        """`now`: monotonic seconds."""
        self._now, self._uniform = now, uniform
        self._held: dict[str, tuple[float, Backoff]] = {}  # until when

    def hold(self, name: str, longest: float, least: float = 0.0) -> None:
        """Do not ask for twice as long as last time, at most `longest` seconds; in any case for `least`."""
        _, backoff = self._held.get(name) or (0.0, Backoff(self.FIRST, longest, self._uniform))
        self._held[name] = (self._now() + max(least, backoff.next()), backoff)

    def free(self, names: Iterable[str]) -> None:
        """These answer again."""
        for name in names:
            self._held.pop(name, None)

    def is_held(self, name: str) -> bool:
        """Whether it must not be asked now."""
        return name in self._held and self._held[name][0] > self._now()

    def names(self) -> frozenset[str]:
        """All that did not answer the last time they were asked."""
        return frozenset(self._held)
