"""What turned from one result of a probe to the next? Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from probes.contract import Unknown, Verdict
from probes.contract.condition import Status
from watcher.changes.change import GONE
from watcher.engine.debounce import DebounceStates, ProbeResult, Verdicts

_WARMING_UP = Unknown.WARMING_UP

Place = tuple[str, str]
"""A condition and its subject."""


class Held(NamedTuple):
    """How a condition stood."""

    status: Status
    since: float  # steady seconds
    reason: str = ""
    verdict: Verdict | None = None  # whose sentence is made only where it turned
    observing: bool = False  # a fault was seen, but not often enough yet: it is not told what comes of it


Standing = Mapping[Place, Held]
"""All conditions of one probe on one target."""


class Turn(NamedTuple):
    """A condition that turned."""

    place: Place
    before: Held
    after: Held | None  # None: it is there no more
    at: float  # steady seconds


def standing(verdicts: Verdicts, since: tuple[float, ...], bad: tuple[int, ...]) -> Standing:
    """How all stood by a result."""
    counts = bad or (0,) * len(since)
    return {
        (each.kind.name, each.subject): Held(
            each.status, began, each.reason, each, bool(count) and each.reason == _WARMING_UP
        )
        for each, began, count in zip(verdicts.all, since, counts, strict=True)
    }


def standing_before(before: ProbeResult | DebounceStates) -> Standing:
    """How all stood before a look: by the result before it, or by what another process left."""
    if isinstance(before, ProbeResult):
        return standing(before.verdicts, before.since, before.bad)
    return {
        place: Held(held.status, held.since, "", None, held.status is Status.UNKNOWN and held.bad > 0)
        for place, held in before.items()
    }


def settled(before: Standing, kept: Standing) -> Standing:
    """The same with what held before a fault was first seen, as far as it was kept, where one is being observed."""
    return {
        place: kept.get(place, held._replace(observing=False)) if held.observing else held
        for place, held in before.items()
    }


def observed(before: Standing, now: Standing) -> dict[Place, Held]:
    """What must be kept of a settled `before`: how those stood of which a fault is observed now."""
    return {place: before[place] for place, held in now.items() if held.observing and place in before}


def turns(before: Standing, now: Standing, learnt_until: float, at: float) -> Iterator[Turn]:
    """What turned from a settled `before` to `now`, which was seen at `at` (steady seconds).

    No turn is the end of the first learning: unknown `WarmingUp` that began before `learnt_until`, and is passing now.
    Where a condition is unknown as a whole its callees, pools or bundles are not listed: those that were failing turn,
    and else the whole does.
    """
    failing = {name for (name, _), held in before.items() if held.status is Status.TRUE}
    failing_now = {name for (name, _), held in now.items() if held.status is Status.TRUE}
    for place, held in now.items():
        was = before.get(place) or _whole_before(before, place, held, failing)
        if held.observing or was is None or was.status is held.status:
            continue
        if not _is_learnt(was, held, learnt_until):
            yield Turn(place, was, held, max(held.since, was.since))
    for place, was in before.items():
        if place not in now:
            yield from _vanished(place, was, now, failing_now, at)


def _whole_before(before: Standing, place: Place, held: Held, failing: set[str]) -> Held | None:
    """How something stood that was not listed before."""
    name, subject = place
    if subject:
        whole = before.get((name, ""))
        if held.status is not Status.TRUE:
            return None
        was_unknown = whole is not None and whole.status is Status.UNKNOWN
        return whole if was_unknown else Held(Status.UNKNOWN, held.since)
    parts = [each for (of, _), each in before.items() if of == name]
    if held.status is Status.TRUE:
        return Held(Status.UNKNOWN, held.since)
    if not parts or name in failing or held.status is Status.FALSE:
        return None
    return Held(parts[0].status, max(each.since for each in parts), parts[0].reason)


def _vanished(place: Place, was: Held, now: Standing, failing_now: set[str], at: float) -> Iterator[Turn]:
    name, subject = place
    whole = now.get((name, "")) if subject else None
    if was.status is Status.TRUE:
        after = whole if whole is not None and whole.status is Status.UNKNOWN else None
        yield Turn(place, was, after, after.since if after is not None else at)
    elif was.status is Status.UNKNOWN and not subject and name not in failing_now and was.reason != _WARMING_UP:
        parts = [each for (of, _), each in now.items() if of == name and each.status is Status.FALSE]
        if parts:
            yield Turn(place, was, parts[0]._replace(verdict=None), max(parts[0].since, was.since))


def _is_learnt(was: Held, held: Held, learnt_until: float) -> bool:
    learning = was.status is Status.UNKNOWN and was.reason == _WARMING_UP and was.since <= learnt_until
    return learning and held.status is Status.FALSE


def as_gone(turn: Turn) -> str:
    """The status that it turned to, in a word."""
    return turn.after.status.value if turn.after is not None else GONE
