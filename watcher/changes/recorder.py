"""What turned on the board becomes changes: compared in turns with the looks, and no faster than they can be kept."""

import logging
from collections import Counter
from collections.abc import Sequence

from probes.contract import TargetKey
from watcher.changes.change import Change, Kind
from watcher.changes.comparison import Held, Place, Standing, Turn, as_gone, observed, settled, standing, turns
from watcher.changes.comparison import standing_before as standing_of
from watcher.changes.store import ChangeStore
from watcher.engine.board import Board, TargetState, Turned
from watcher.engine.debounce import DebounceStates, ProbeResult, stale
from watcher.runtime.clock import Clock
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.failures import FailuresLogger

log = logging.getLogger(__name__)

MOST_AT_ONCE = 50
"""Changes of one probe on one target by one look, failing first: as many subjects as are exported."""

MOST_AN_HOUR = 300
"""Changes of one target: one callee that flaps at each look has 120; none pushes out everybody's past."""

MOST_WAITING = 10_000
"""Changes of the checklist that wait for the disk."""

STALE_EVERY = 60.0
"""Seconds from one search for results that are too old to the next; what is too old at two in a row has turned."""

_BATCH, _SLICE, _HOUR = 500, 10, 3600.0
_FIRST_LOOKS = 60.0  # seconds at least in which each source has looked at a new target
_MESSAGE_CHARS = 500

Spot = tuple[TargetKey, int]
"""A target and the place of a probe on the board."""


class ChangeRecorder:
    """Follows a board. Healthy targets cost nothing: only those whose verdicts turned are compared."""

    EVERY = 1.0
    """Seconds from one look at what turned to the next."""

    def __init__(self, board: Board, clock: Clock, store: ChangeStore) -> None:
        self._board, self._clock, self._store = board, clock, store
        self._logger = FailuresLogger(log)
        self._turned: dict[Spot, ProbeResult | DebounceStates] = {}  # what held before the first turn that waits
        self._gone: dict[TargetKey, TargetState] = {}
        self._heard: list[Change] = []  # of the checklist
        self._observed: dict[Spot, dict[Place, Held]] = {}  # how those stood of which a fault is observed
        self._stale: dict[Spot, float] = {}  # what turned by being too old, and when: steady seconds
        self._suspects: set[Spot] = set()  # what was too old at the last search
        self._searched = self._hour_began = clock.steady()
        self._spent: Counter[TargetKey] = Counter()  # changes in this hour
        self._busy = False
        board.on_turn.append(self._hear_turn)

    def _hear_turn(self, state: TargetState, turned: Sequence[Turned]) -> None:
        for index, before in turned:
            if not self._turned.get((state.target.key, index)):  # before a first look nothing held that could turn
                self._turned[state.target.key, index] = before

    def hear_gone(self, state: TargetState) -> None:
        """This target is there no more."""
        self._gone[state.target.key] = state

    def hear(self, changes: Sequence[Change]) -> None:
        """Keep these too; of more than can wait the rest is dropped."""
        room = max(0, MOST_WAITING - len(self._heard))
        self._heard += changes[:room]
        if dropped := changes[room:]:
            self._store.drop(len(dropped), f"{dropped[0].namespace}/{dropped[0].agent}")

    async def tick(self) -> None:
        """Keep what turned since the last time. What waits is bounded by the fleet, however slow the disk is."""
        if self._busy:
            return
        self._busy = True
        try:
            await self._follow()
        except Exception:  # the boundary: the next run comes
            self._logger.exception("changes not recorded")
        finally:
            self._busy = False

    async def _follow(self) -> None:
        now = self._clock.steady()
        if now - self._hour_began >= _HOUR:
            self._spent.clear()
            self._hour_began = now
        time_slice, batch = TimeSlice(), list[Change]()
        if now - self._searched >= STALE_EVERY:
            self._searched = now
            await self._search_stale(now, time_slice)
        heard, self._heard = self._heard, []
        for start in range(0, len(heard), _BATCH):
            await self._store.add(heard[start : start + _BATCH])
        for spot in list(self._turned):
            batch += self._compared(spot, self._turned.pop(spot))
            batch = await self._kept_if_many(batch, time_slice)
        for key in list(self._gone):
            batch += self._ended(self._gone.pop(key), now)
            batch = await self._kept_if_many(batch, time_slice)
        await self._store.add(batch)

    async def _kept_if_many(self, batch: list[Change], time_slice: TimeSlice) -> list[Change]:
        await time_slice.checkpoint()
        if len(batch) < _BATCH:
            return batch
        await self._store.add(batch)
        return []

    async def _search_stale(self, now: float, time_slice: TimeSlice) -> None:
        """After a suspension all is too old until it is looked at: only what stays so has turned."""
        oldest, suspects = self._board.oldest(now), set[Spot]()
        for count, (key, state) in enumerate(list(self._board.states.items())):
            for index, result in enumerate(state.results):
                if result is not None and result.at < oldest[index]:
                    suspects.add((key, index))
                elif self._stale and (key, index) in self._stale and result is not None:
                    self._turned.setdefault((key, index), result)
            if count % _SLICE == 0:
                await time_slice.checkpoint()
        for spot in suspects & self._suspects - self._stale.keys():
            result = self._board.states[spot[0]].results[spot[1]] if spot[0] in self._board.states else None
            if result is not None:
                self._stale[spot] = result.at + self._board.stale_after[spot[1]]
                self._turned.setdefault(spot, result)
        self._suspects = suspects

    def _compared(self, spot: Spot, before: ProbeResult | DebounceStates) -> list[Change]:
        state = self._board.states.get(spot[0])
        if state is None:
            return []
        result, was, since = state.results[spot[1]], standing_of(before), 0.0
        now = standing_of(result) if result is not None else {}
        if (went_stale := self._stale.get(spot)) is not None:
            if result is not None and result.at < self._board.oldest(self._clock.steady())[spot[1]]:
                now = _stale_since(result, went_stale)
            else:
                del self._stale[spot]
                was = _stale_since(before, went_stale) if isinstance(before, ProbeResult) else was
                since = result.at if result is not None else went_stale
        at = result.at if result is not None else self._clock.steady()
        was = settled(was, self._observed.pop(spot, {}))
        if kept := observed(was, now):
            self._observed[spot] = kept
        found = turns(was, now, self._learnt_until(state, spot[1]), at)
        return self._changes(spot[0], [each._replace(at=max(each.at, since)) for each in found])

    def _learnt_until(self, state: TargetState, index: int) -> float:
        """Until when a condition that learns does so since the target is watched: its first looks come one by one."""
        first = min((min(result.since, default=0.0) for result in state.results if result is not None), default=0.0)
        return first + max(_FIRST_LOOKS, self._board.stale_after[index])

    def _ended(self, state: TargetState, now: float) -> list[Change]:
        """What was failing of a target that is there no more."""
        found, key = list[Turn](), state.target.key
        for index, result in enumerate(state.results):
            spot = (key, index)
            before = self._turned.pop(spot, result)
            kept = self._observed.pop(spot, {})
            if self._stale.pop(spot, None) is None and before is not None:
                found += turns(settled(standing_of(before), kept), {}, 0.0, now)
        return self._changes(key, found)

    def _changes(self, key: TargetKey, found: Sequence[Turn]) -> list[Change]:
        room = max(0, min(MOST_AT_ONCE, MOST_AN_HOUR - self._spent[key])) if found else 0
        if len(found) > room:
            found = sorted(found, key=lambda each: each.after.status.rank if each.after is not None else 1)
            self._store.drop(len(found) - room, "/".join(key))
        made = [self._change(key, each) for each in found[:room]]
        if made:
            self._spent[key] += len(made)
        return made

    def _change(self, key: TargetKey, turn: Turn) -> Change:
        after, (name, subject) = turn.after, turn.place
        return Change(
            *(self._clock.date_of(turn.at), *key, Kind.CONDITION, name, subject),
            before=turn.before.status.value,
            after=as_gone(turn),
            reason=after.reason if after is not None else "",
            message=self._message(name, after),
            lasted=max(0.0, turn.at - turn.before.since),
            reason_before=turn.before.reason,
        )

    def _message(self, name: str, after: Held | None) -> str:
        try:
            text = after.verdict.text if after is not None and after.verdict is not None else ""
        except Exception:  # the boundary: a sentence that cannot be made costs itself, not its change
            self._logger.exception("cannot make the sentence of a change", condition=name)
            return ""
        return text if len(text) <= _MESSAGE_CHARS else text[: _MESSAGE_CHARS - 1] + "…"


def _stale_since(result: ProbeResult, moment: float) -> Standing:
    verdicts = stale(result.verdicts)
    return standing(verdicts, (moment,) * len(verdicts.all), ())
