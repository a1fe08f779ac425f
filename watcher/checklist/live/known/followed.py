"""How the conditions of one target were, as far as they turned."""

from collections.abc import Callable, Mapping, Sequence

from probes.contract.condition import Status
from probes.controls.evidence import ConditionPast, Stretch
from probes.controls.evidence.past import DAY
from watcher.engine.debounce import ProbeResult, Verdicts

_KEPT_FOR = 7 * DAY
_MOST_TURNS = 256
"""Of one condition; of one that turns more often the oldest are forgotten."""

_Turn = tuple[float, Status]
_RANKS = {each: each.rank for each in Status}


class Followed:
    """Costs nothing while nothing turns: a healthy fleet shares its verdicts."""

    __slots__ = ("_turns", "_verdicts", "since")

    def __init__(self, since: float, probes: int) -> None:
        """Followed from `since` on, steady seconds; `probes`: how many there are."""
        self.since = since
        self._verdicts: list[Verdicts | None] = [None] * probes
        self._turns: dict[str, list[_Turn]] | None = None  # by condition, oldest first; of those that were true

    def take(
        self, index: int, result: ProbeResult, verdicts: Verdicts, now: float, last: ProbeResult | None = None
    ) -> bool:
        """What a probe says now (`verdicts` as fresh as they are); whether it is another thing than before.

        `last`: what it said before.
        """
        before = self._verdicts[index]
        if verdicts is before:
            return False
        aged = verdicts is not result.verdicts
        changed = before is None or _outcome(before) != _outcome(verdicts)
        if changed:  # else only other words for the same
            for name, (status, since) in _worst(verdicts, (now,) * len(result.since) if aged else result.since).items():
                self._turned(name, status, min(since, now), before, last)
        self._verdicts[index] = verdicts
        return changed

    def dumped(self) -> dict[str, tuple[_Turn, ...]]:
        """For `load`: all turns, by condition."""
        return {name: tuple(turns) for name, turns in (self._turns or {}).items()}

    def load(self, turns: Mapping[str, Sequence[_Turn]], until: float) -> None:
        """Go on from there; nothing is known since `until` (steady seconds). What is of another time is left."""
        for name, found in turns.items():
            times = [at for at, _ in found]
            if times and times == sorted(times) and times[-1] <= until <= self.since:
                self._turns = self._turns or {}
                self._turns[name] = [*found[-_MOST_TURNS:], (until, Status.UNKNOWN)]

    def past(self, now: float, date_of: Callable[[float], float]) -> Mapping[str, ConditionPast]:
        """By condition; `now` in steady seconds, `date_of` gives their Unix seconds."""
        return {name: _past(turns, now, date_of) for name, turns in (self._turns or {}).items()}

    def _turned(self, name: str, status: Status, at: float, before: Verdicts | None, last: ProbeResult | None) -> None:
        turns = None if self._turns is None else self._turns.get(name)
        if turns is None:
            if status is not Status.TRUE:
                return
            self._turns = self._turns or {}
            turns = self._turns[name] = self._first(name, before, last)
        if turns and turns[-1][1] is status:
            return
        turns.append((max(at, turns[-1][0]) if turns else max(at, self.since), status))
        oldest = at - _KEPT_FOR
        while len(turns) > _MOST_TURNS or (len(turns) > 1 and turns[1][0] < oldest):
            turns.pop(0)

    def _first(self, name: str, before: Verdicts | None, last: ProbeResult | None) -> list[_Turn]:
        """How it was before it was true for the first time; nothing where that was when it was first followed."""
        if before is None or last is None or len(last.since) != len(before.all):
            return []
        status, since = _worst(before, last.since).get(name, (Status.UNKNOWN, self.since))
        return [(max(since, self.since), status)]


def _outcome(verdicts: Verdicts) -> tuple[int, frozenset[object]]:
    return len(verdicts.all), verdicts.outcomes.distinct


def _worst(verdicts: Verdicts, since: Sequence[float]) -> Mapping[str, tuple[Status, float]]:
    """Of all subjects of a condition the worst status, and since when the first of these has it."""
    found: dict[str, tuple[Status, float]] = {}
    for verdict, at in zip(verdicts.all, since, strict=True):
        name, known = verdict.kind.name, found.get(verdict.kind.name)
        rank = _RANKS[verdict.status]
        if known is None or rank < _RANKS[known[0]]:
            found[name] = (verdict.status, at)
        elif verdict.status is known[0]:
            found[name] = (known[0], min(known[1], at) if verdict.status is Status.TRUE else max(known[1], at))
    return found


def _past(turns: Sequence[_Turn], now: float, date_of: Callable[[float], float]) -> ConditionPast:
    ends = [*(at for at, _ in turns[1:]), now]
    return ConditionPast(
        tuple(Stretch(status, date_of(at), date_of(end)) for (at, status), end in zip(turns, ends, strict=True))
    )
