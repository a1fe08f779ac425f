"""Plays a month: what happens to the fleet, the watcher's looks, Prometheus' scrapes, each at its time."""

from collections.abc import Iterable
from copy import deepcopy
from heapq import heappop, heappush
from pathlib import Path
from typing import NamedTuple

from probes.contract.reading import STALE_AFTER
from tests.alerting.month.fleet import Fleet, Later
from tests.alerting.month.kinds import START, Kind
from tests.alerting.month.plan import Plan
from tests.alerting.month.scrapes import EVERY, Scrapes
from tests.alerting.month.watcher import Turn, Watcher, settings
from tests.identity.identities import Clock

HISTORY = round(1500 / EVERY)
"""Scrapes that a copy has of the time before it: more than the rules look back to what was true or unknown."""


QUIET = STALE_AFTER
"""Of so many looks one is made where nothing happens: what it found is just still fresh when the next one comes."""


class _Entry(NamedTuple):
    at: float
    order: int
    due: Later | Turn | int  # a number: the scrape


class Month:
    """A fleet and its watcher, from the start of the month on."""

    def __init__(self, kinds: tuple[Kind, ...], plan: Plan, seed: str, directory: Path) -> None:
        self.now = Clock(START)
        self.plan, self._directory, self._settings = plan, directory, settings(directory)
        self.fleet = Fleet(kinds, seed, START)
        self.scrapes, self.begin = Scrapes(), 0  # the first scrape that it has
        self.watcher: Watcher | None = None
        self._watchers = self._order = 0
        self._queue: list[_Entry] = []
        self._busy = False
        for event in plan.events:
            self.add(event)
        self._start_watcher()
        self._put(START + EVERY, 1)

    def add(self, event: Later) -> None:
        """Let this happen too."""
        self._put(event.at, event)

    def play(self, until: float) -> None:
        """Go on until this time, in Unix seconds."""
        while self._queue[0].at < until:
            entry = heappop(self._queue)
            self.now.now = entry.at
            match entry.due:
                case Turn():
                    self._look(entry.due)
                case int():
                    self._scrape(entry.due)
                case Later():
                    self._happens(entry.due)

    def copy(self, directory: Path, *, busy: bool) -> "Month":
        """Another month that was the same until now; where it is `busy`, its watcher leaves out no look."""
        made: Month = object.__new__(Month)
        made.now, made.fleet = Clock(self.now.now), deepcopy(self.fleet)
        made.plan, made._directory, made._settings = self.plan, directory, self._settings
        made.begin = max(0, round((self.now.now - START) / EVERY) - HISTORY)
        made.scrapes = self.scrapes.since(made.begin)
        made.watcher = self.watcher and self.watcher.copy(made.fleet, made.now)
        made._watchers, made._order, made._queue = self._watchers, self._order, list(self._queue)
        made._busy = busy
        return made

    def _put(self, at: float, due: Later | Turn | int) -> None:
        self._order += 1
        heappush(self._queue, _Entry(at, self._order, due))

    def _look(self, turn: Turn) -> None:
        if self.watcher is None or not self.watcher.look(turn.source, turn.key):
            return
        poll_loops = 1 if self._busy or self.plan.busy(self.now()) else QUIET
        again = self.watcher.next_turn(turn.source, turn.key, poll_loops)
        self._put(again.at, again)

    def _scrape(self, number: int) -> None:
        if self.watcher is None or number in self.plan.missed:
            self.scrapes.miss(number)
        elif self.scrapes.is_new(self.watcher.verdicts()):
            self.scrapes.take(number, self.watcher.page(), f"10.1.0.{self.watcher.number}:9847")
        self._put(START + (number + 1) * EVERY, number + 1)

    def _happens(self, event: Later) -> None:
        if event.what == "stop_watcher":
            self._stop_watcher(*event.of)
        elif event.what == "start_watcher":
            self._start_watcher()
        else:
            for later in getattr(self.fleet, event.what)(self.now(), *event.of):
                self.add(later)
            if self.fleet.changed and self.watcher is not None:
                self._turns(self.watcher.follow({}))

    def _stop_watcher(self, seconds: float) -> None:
        if self.watcher is not None:
            self.watcher.leave_state(self._directory)
            self.watcher = None
            self._queue = sorted(entry for entry in self._queue if not isinstance(entry.due, Turn))
            self.add(Later(self.now() + seconds, "start_watcher", ()))

    def _start_watcher(self) -> None:
        self._watchers += 1
        self.watcher = Watcher(self._settings, self.fleet, self.now, self._watchers)
        self._turns(self.watcher.follow(self.watcher.found_state(self._directory)))

    def _turns(self, turns: Iterable[Turn]) -> None:
        for turn in turns:
            self._put(turn.at, turn)
