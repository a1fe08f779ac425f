"""Lines that rest on conditions of the new revision's pods."""

from collections.abc import Iterator, Sequence

from probes.contract.condition import Status
from watcher.rollouts.lines.said import Said, failed, no_data, not_applicable, passed, settling
from watcher.rollouts.lines.sight import Sight, Standing
from watcher.rollouts.terms import Window

HELD = 60.0
"""Seconds for which a condition must be true: what passes by itself is not held against a rollout."""

_KILLED = "OOMKilled"
_SVID = ("SVIDExpired", "SVIDExpiryImminent", "SVIDRotationOverdue", "SVIDNotTrusted", "SVIDWrongIdentity")


def authorization(sight: Sight, window: Window) -> Said:
    """Canaries are answered as they must be."""
    names = ("OPAWrongAllow", "OPAWrongDeny", "OPAPolicyMissing", "OPADecisionError", "OPAUnreachable")
    return judged(sight, window, names, "Each canary was answered as it must be.")


def breakers(sight: Sight, window: Window) -> Said:
    """None is open that was not open before."""
    return judged(sight, window, ("CircuitBreakerOpen",), "No circuit breaker is open.")


def memory(sight: Sight, window: Window) -> Said:
    """Neither high nor rising without an end, and no process was killed for want of it."""
    if killed := [each.name for each in sight.pods if each.ended == _KILLED]:
        return failed(_KILLED, f"The agent's container of pod {killed[0]} was killed for want of memory.")
    names = ("MemoryHigh", "MemoryDrift", "MemoryExhaustionPredicted")
    return judged(sight, window, names, "Memory is under its limit and does not drift.")


def cpu(sight: Sight, window: Window) -> Said:
    """Not high."""
    return judged(sight, window, ("CPUHigh",), "CPU is under its limit.")


def pool(sight: Sight, window: Window) -> Said:
    """Neither full nor about to be."""
    names = ("PoolSaturated", "PoolExhausted", "PoolExhaustionPredicted")
    return judged(sight, window, names, "No pool is saturated.")


def opa(sight: Sight, window: Window) -> Said:
    """It decides, in time, by a bundle that is current."""
    names = ("OPAUnreachable", "OPADecisionError", "OPAPolicyMissing", "OPABundleStale", "OPADecisionSlow")
    return judged(sight, window, names, "OPA answered with decisions.")


def svid_rotation(sight: Sight, window: Window) -> Said:
    """Seen once on each pod; it may take most of a lifetime."""
    if trouble := true_ones(sight, _SVID):
        return _failed(trouble)
    pods = [each.name for each in sight.pods]
    applies = [each for each in pods if any(one.condition in _SVID for one in sight.conditions.get(each, ()))]
    if not applies:
        return _nothing(sight, window, "SVIDs")
    missing = [each for each in applies if each not in sight.rotated]
    if not missing:
        return passed(f"The SVID was rotated on {_pods(len(applies))}.")
    if sight.is_rotation_due:
        return no_data(f"No rotation was seen yet on {len(missing)} of {_pods(len(applies))}.")
    return settling(f"A rotation was seen on {len(applies) - len(missing)} of {_pods(len(applies))}.")


def judged(sight: Sight, window: Window, names: Sequence[str], all_well: str) -> Said:
    """A line that fails with any of these conditions, and passes when the window is over and none is true."""
    if trouble := true_ones(sight, names):
        return _failed(trouble)
    standing = [each for _, each in _standing(sight, names)]
    if not standing:
        return _nothing(sight, window, names[0])
    if not sight.is_over(window):
        return settling()
    return at_the_end(sight, standing, all_well)


def at_the_end(sight: Sight, standing: Sequence[Standing], all_well: str) -> Said:
    """What is to be said when the window is over."""
    true = [each for each in standing if each.status is Status.TRUE]
    if true:
        named = ", ".join(sorted({_named(each) for each in true}))
        return no_data(f"{named} is true, and was so before, or for less than a minute.")
    unknown = [each for each in standing if each.status is Status.UNKNOWN and not each.learns]
    if unknown or all(each.status is Status.UNKNOWN for each in standing):
        first = (unknown or standing)[0]
        return no_data(f"{_named(first)} is not known: {first.reason}.")
    unlooked = [each.name for each in sight.pods if each.name not in sight.conditions]
    if unlooked:
        return no_data(f"Pod {unlooked[0]} was not looked at.")
    learning = sorted({each.condition for each in standing if each.learns})
    left_out = (f"Without {', '.join(learning)}: too little history.",) if learning else ()
    return passed(all_well, *left_out)


def true_ones(sight: Sight, names: Sequence[str], held: float = HELD) -> list[tuple[str, Standing]]:
    """Pods and their conditions of these that are true for so long, and were not so before the rollout."""
    return [
        (pod, each)
        for pod, each in _standing(sight, names)
        if each.status is Status.TRUE
        and sight.now - each.since >= held
        and (each.condition, each.subject) not in sight.true_before
    ]


def _standing(sight: Sight, names: Sequence[str]) -> Iterator[tuple[str, Standing]]:
    return (
        (pod.name, each) for pod in sight.pods for each in sight.conditions.get(pod.name, ()) if each.condition in names
    )


def _failed(trouble: Sequence[tuple[str, Standing]]) -> Said:
    names = tuple(sorted({each.condition for _, each in trouble}))
    evidence = [f"{_named(each)} ({each.reason}) on pod {pod}" for pod, each in trouble[:5]]
    pods = len({pod for pod, _ in trouble})
    return failed(trouble[0][1].reason, f"{', '.join(names)} on {_pods(pods)}.", *evidence, conditions=names)


def _nothing(sight: Sight, window: Window, what: str) -> Said:
    """None of the pods has these conditions."""
    if not any(each.name in sight.conditions for each in sight.pods):
        return no_data("None of its pods is looked at.") if sight.is_over(window) else settling()
    return not_applicable(f"Its pods have nothing that {what} is told by.")


def _named(each: Standing) -> str:
    return f"{each.condition} {each.subject}".rstrip()


def _pods(count: int) -> str:
    return f"{count} pod{'' if count == 1 else 's'}"
