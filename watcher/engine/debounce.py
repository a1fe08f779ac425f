"""From what one look says to what holds: looks in a row, and since when."""

from collections.abc import Mapping
from math import inf
from typing import NamedTuple
from weakref import WeakValueDictionary

from probes.contract import Sample, Unknown, Verdict
from probes.contract.condition import Status
from watcher.engine.outcomes import outcomes_of
from watcher.engine.warm_up import UNSEEN, Young


class DebounceState(NamedTuple):
    """How one condition stood after the last look: all that the next look needs of it."""

    status: Status
    since: float  # when it took this status, in steady seconds
    bad: int  # looks in a row that found the fault


DebounceStates = Mapping[tuple[str, str], DebounceState]
"""By condition and subject."""


class Verdicts:
    """The verdicts of one probe on one target. Whole fleets share one object while they are equally healthy."""

    __slots__ = ("__weakref__", "all", "calm", "outcomes", "stale")

    def __init__(self, verdicts: tuple[Verdict, ...]) -> None:
        self.all = verdicts
        self.outcomes = outcomes_of(verdicts)
        self.calm = self.outcomes.calm  # here too: each look asks for it
        self.stale: Verdicts | None = None


_shared: WeakValueDictionary[tuple[int, ...], Verdicts] = WeakValueDictionary()


def share(verdicts: tuple[Verdict, ...]) -> Verdicts:
    """One object for the same verdicts; healthy and plainly unknown ones are the same across the fleet."""
    # By identity: a Verdicts keeps its verdicts alive, so no id in a key is reused while the key is there.
    key = tuple(map(id, verdicts))
    found = _shared.get(key)
    if found is None:
        found = _shared[key] = Verdicts(verdicts)
    return found


def stale(verdicts: Verdicts) -> Verdicts:
    """The same conditions, unknown because the newest look is too old."""
    if verdicts.stale is None:
        verdicts.stale = share(tuple(each.kind.unknown(Unknown.STALE, subject=each.subject) for each in verdicts.all))
    return verdicts.stale


class ProbeResult(NamedTuple):
    """The newest result of one probe for one target."""

    at: float  # steady seconds at the end of the look; before the first: when discovered; infinite: there is none
    verdicts: Verdicts
    since: tuple[float, ...]  # steady seconds, beside verdicts.all
    bad: tuple[int, ...]  # bad looks in a row, beside verdicts.all; empty when all are 0
    samples: tuple[Sample, ...]
    history: object
    young: Young = UNSEEN

    def debounce_states(self) -> DebounceStates:
        """How each condition stands, for the next look or the state file."""
        counts = self.bad or (0,) * len(self.since)
        return {
            (each.kind.name, each.subject): DebounceState(each.status, since, bad)
            for each, since, bad in zip(self.verdicts.all, self.since, counts, strict=True)
        }

    def stands(self, found: tuple[Verdict, ...], now: float) -> bool:
        """Whether a look at `now` (steady seconds) that says `found` changes nothing: no bad look, nothing grown up."""
        verdicts = self.verdicts
        return now < self.young.due and verdicts.calm and not self.bad and found == verdicts.all

    @property
    def rests_on_looks(self) -> bool:
        """Whether a look can tell more: what could not be discovered of the target is not told by looking at it."""
        return self.at < inf

    @property
    def undecided(self) -> bool:
        """Whether another look would tell more: a fault was seen, but not yet often enough."""
        found = zip(self.verdicts.all, self.bad, strict=False)  # no counts at all when nothing bad was seen
        return any(bad and each.reason == Unknown.WARMING_UP for each, bad in found)


class Debounced(NamedTuple):
    """Verdicts after the rule of looks in a row, since when, and the counts so far."""

    verdicts: Verdicts
    since: tuple[float, ...]
    bad: tuple[int, ...]


def debounce(
    found: tuple[Verdict, ...],
    before: ProbeResult | DebounceStates,
    failures: int,
    now: float,
    *,
    asked: bool = True,
) -> Debounced:
    """What holds after a look that says `found`, where `before` held; `now` in steady seconds.

    Not `asked`: it repeats what the look before said, which then neither counts nor forgives.

    A `repeated` condition is true after `failures` bad looks in a row; until then it is unknown, never false.
    One good look ends it; an unknown one neither counts nor forgives.
    """
    if isinstance(before, ProbeResult):
        if before.verdicts.calm and not before.bad and found == before.verdicts.all:
            return Debounced(before.verdicts, before.since, ())
        before = before.debounce_states()
    verdicts, since, bad = [], [], []
    for each in found:
        held = before.get((each.kind.name, each.subject))
        count = _bad_looks(each, held, asked=asked)
        early = each.status is Status.TRUE and each.kind.repeated and count < failures and not _was_true(held)
        holds = _not_yet(each, count, failures) if early else each
        verdicts.append(holds)
        since.append(held.since if held is not None and held.status is holds.status else now)
        bad.append(count)
    return Debounced(share(tuple(verdicts)), tuple(since), tuple(bad) if any(bad) else ())


def _bad_looks(found: Verdict, held: DebounceState | None, *, asked: bool) -> int:
    before = held.bad if held is not None else 0
    if not asked:
        return before
    match found.status:
        case Status.TRUE:
            return before + 1
        case Status.FALSE:
            return 0
    return before


def _was_true(held: DebounceState | None) -> bool:
    return held is not None and held.status is Status.TRUE


def _not_yet(found: Verdict, count: int, failures: int) -> Verdict:
    def message() -> str:
        return f"Failed probe result {count} of {failures} in a row: {found.text}"

    return found.kind.unknown(Unknown.WARMING_UP, message, found.subject)
