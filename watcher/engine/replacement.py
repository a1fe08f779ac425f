"""The states of other targets, made beside those of a board in turns with the looks, and swapped in at once.

1. A target that is the same keeps its state; of each other one a state is made, of what stood there before.
2. Looks go on meanwhile. Where one ended since a state was made of it, the state is made anew, again in turns.
3. Each round of these takes less time than the one before, so fewer looks end in it. What is few is done at once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from probes.contract import Target, TargetKey
from watcher.runtime.cooperative import TimeSlice

if TYPE_CHECKING:
    from watcher.engine.board import Look, TargetState

_FEW = 25
"""Targets whose states are made anew in one turn: about a millisecond."""


class Replacement(NamedTuple):
    """What is watched then; it holds for as long as the loop does nothing else."""

    states: "dict[TargetKey, TargetState]"
    fresh: "list[TargetState]"  # those of them that are new
    gone: "Sequence[TargetState]"  # those of before that are watched no more


class _Former(NamedTuple):
    target: Target
    state: "TargetState"  # what stood at its place
    looks: "Mapping[str, Look]"  # its looks when the new state was made of it


async def replacement(
    before: "Mapping[TargetKey, TargetState]",
    targets: Sequence[Target],
    make: "Callable[[Target, TargetState | None], TargetState]",
) -> Replacement:
    """Of the states of `before`, those of exactly these targets; `make` makes one that is new or changed."""
    states, fresh, time_slice = dict[TargetKey, "TargetState"](), dict[TargetKey, "TargetState"](), TimeSlice()
    made_of, gone = dict[TargetKey, _Former](), list["TargetState"]()
    for target in targets:
        old = before.get(target.key) or before.get(former_key(target))
        if old is not None and (old.target is target or old.target == target):
            states[target.key] = old
        else:
            states[target.key] = fresh[target.key] = make(target, old)
            if old is not None:
                made_of[target.key] = _Former(target, old, old.looks)
        await time_slice.checkpoint()
    for key, state in before.items():
        if states.get(key) is not state:
            gone.append(state)
        await time_slice.checkpoint()
    while len(late := [each for each in made_of.values() if each.state.looks is not each.looks]) > _FEW:
        for each in late:
            made_of[each.target.key] = each._replace(looks=each.state.looks)
            fresh[each.target.key] = make(each.target, each.state)
            await time_slice.checkpoint()
    fresh.update((each.target.key, make(each.target, each.state)) for each in late)
    states.update(fresh)
    return Replacement(states, list(fresh.values()), gone)


def former_key(target: Target) -> TargetKey:
    """The key that the target had while its agent's name was not known for certain."""
    return target.key._replace(agent=target.formerly) if target.formerly else target.key
