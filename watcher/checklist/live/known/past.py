"""What is kept of one target between its looks, beside what the board has."""

from collections.abc import Mapping
from math import inf

from probes.contract import TargetKey
from watcher.checklist.live.known.counted import Counted
from watcher.checklist.live.known.followed import Followed
from watcher.checklist.live.known.openings import Openings
from watcher.checklist.live.known.past_file import KeptPast
from watcher.engine.board import Look
from watcher.engine.exported.subjects import ProbeResults


class Past:
    """What was counted and followed, and what was seen when it was last looked at."""

    __slots__ = ("counted", "crossed", "followed", "looks", "openings", "results", "shown", "stale_at")

    def __init__(self, since: float, probes: int, share: float) -> None:
        """Nothing yet, from `since` on (steady seconds); `probes`: how many; `share`: of `Counted`."""
        self.followed, self.counted, self.openings = Followed(since, probes), Counted(share), Openings()
        self.results: ProbeResults = ()  # and looks, as they were when they were last looked through
        self.looks: Mapping[str, Look] = {}
        self.stale_at = inf  # steady seconds: then the first of the results is too old
        self.shown: dict[str, tuple[object, ...]] = {}  # by source, without what moves at each look
        self.crossed: tuple[bool, ...] = ()

    def kept(self, key: TargetKey) -> KeptPast:
        """For the file."""
        return KeptPast(key, *self.counted.dumped(), self.followed.dumped(), self.openings.needless)

    def load(self, kept: KeptPast, until: float, now: float) -> None:
        """Go on from what was kept at `until`; both in steady seconds."""
        self.counted.load(kept.requests, kept.day, now)
        self.followed.load(kept.turns, until)
        self.openings.load(kept.openings, until)
