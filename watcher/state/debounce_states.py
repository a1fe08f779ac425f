"""How the conditions of a target stand, as the state file has it."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from pydantic import TypeAdapter

from probes.contract.condition import Status
from watcher.engine.debounce import DebounceState, DebounceStates
from watcher.engine.warm_up import UNSEEN, Waiting, Young, place_of

LAST_MOMENT = 253_402_300_799.0
"""The end of the year 9999: what RFC 3339 can say."""

_DEBOUNCE_STATES = TypeAdapter(list[tuple[str, str, Status, float, int]])
_YOUNG = TypeAdapter(list[tuple[str, str, float, float]])


def dumped(states: DebounceStates) -> bytes:
    """As JSON."""
    return _DEBOUNCE_STATES.dump_json([(*at, *state) for at, state in states.items()])


def debounce_states(entries: Sequence[Sequence[object]]) -> Iterator[tuple[tuple[str, str], DebounceState]]:
    """What `dumped` wrote; ValueError or TypeError for anything else."""
    for condition, subject, status, since, bad in entries:
        yield place_of(str(condition), str(subject)), _debounce_state(str(status), _moment(since), int(str(bad)))


def dumped_young(before: Young) -> bytes:
    """As a further member of a JSON object, which most targets do not have."""
    entries = [(*place, *waiting) for place, waiting in before.waiting.items()]
    return b', "young": ' + _YOUNG.dump_json(entries) if entries else b""


def young(entries: Sequence[Sequence[object]]) -> Young:
    """What `dumped_young` wrote; ValueError or TypeError for anything else."""
    waiting = {
        place_of(str(condition), str(subject)): Waiting(_moment(since), _moment(forget_at))
        for condition, subject, since, forget_at in entries
    }
    return Young(waiting, UNSEEN.due)


def _moment(since: object) -> float:
    moment = float(str(since))
    if not 0 <= moment <= LAST_MOMENT:
        raise ValueError(f"expected seconds since 1970, got {since!r}")
    return moment


# One object for what a whole fleet has in common: of 10,000 targets these were 50 MB until their first looks.
@lru_cache(maxsize=64)
def _debounce_state(status: str, since: float, bad: int) -> DebounceState:
    return DebounceState(Status(status), since, bad)
