"""What conditions decide of new pods after a rollout: those that have a vote are of the newest revision."""

from collections.abc import Iterable, Iterator, Sequence

from probes.contract import Severity, Unknown, Verdict
from probes.contract.condition import Status
from probes.contract.units import say_duration
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import PodConditions
from probes.controls.judges.looked import PodCase, is_false, is_true, judge_of_pods, worst
from probes.controls.judging import Statement

_SOURCE = SourceName.CONDITIONS
Case = PodCase[PodConditions]

_HOUR, _LONG, _QUARTER = 3600.0, 6 * 3600.0, 900.0
_RARE = 0.05
"""Share of the judged time for which a condition may have been true."""

_SATURATED_FOR = 300.0
_OPA = ("OPAUnreachable", "OPADecisionError", "OPAPolicyMissing", "OPABundleStale")
_EXPECTED = (Unknown.WARMING_UP, Unknown.SIGNAL_ABSENT, Unknown.NOT_HELD_YET)
"""Of an agent that is well, too: these hide nothing that was there before."""


@judge_of_pods(_SOURCE, PodConditions, "postdeploy.short.no-breakers-open")
def no_breakers_open(case: Case) -> Iterator[Statement]:
    """Whether all breakers are closed, and were for a quarter of an hour; without a state nothing is known."""
    name = "CircuitBreakerOpen"
    lately = _seconds_true(case, name, case.facts.now - _QUARTER)
    if is_true(now := worst(case.seen.verdicts, name)) and now is not None:
        yield case.bad(now.text)
    elif lately > 0:
        yield case.bad(f"A circuit breaker was open for {say_duration(lately)} of the last 15 min.")
    else:
        yield from _all_false(case, (name,), _HOUR, "No circuit breaker is open, or was in the last 15 min.")


@judge_of_pods(_SOURCE, PodConditions, "postdeploy.long.memory-stable")
def memory_stable(case: Case) -> Iterator[Statement]:
    """Whether memory neither is high nor rises, after six hours."""
    names = ("MemoryHigh", "MemoryDrift", "MemoryExhaustionPredicted")
    yield from _true_now(case, names) or _all_false(case, names, _LONG, "Memory neither is high nor rises.")


@judge_of_pods(_SOURCE, PodConditions, "postdeploy.long.cpu-stable")
def cpu_stable(case: Case) -> Iterator[Statement]:
    """Whether there is CPU left, and was nearly all of the time."""
    yield from _mostly_false(case, ("CPUHigh",), "The CPU limit was not nearly used up.", _start(case))


@judge_of_pods(_SOURCE, PodConditions, "postdeploy.long.pool-healthy")
def pool_healthy(case: Case) -> Iterator[Statement]:
    """Whether the pool has room, and had nearly all of the time; that it is nearly full for a moment is none."""
    names = ("PoolExhausted", "PoolExhaustionPredicted", "PoolSaturated")
    saturated = worst(case.seen.verdicts, names[2])
    if said := _true_now(case, names[:2]):
        yield from said
    elif saturated is not None and is_true(saturated):
        if _seconds_true(case, names[2], case.facts.now - _SATURATED_FOR) >= _SATURATED_FOR:
            yield case.bad(f"For 5 min: {saturated.text}")
        else:
            yield case.unclear(UnknownReason.OBSERVING, f"For less than 5 min: {saturated.text}")
    else:
        yield from _mostly_false(case, names, "The pool had room.", _start(case))


@judge_of_pods(_SOURCE, PodConditions, "release.post.resources-stable")
def resources_stable(case: Case) -> Iterator[Statement]:
    """Whether memory and CPU were well from a quarter of an hour on."""
    names = ("MemoryHigh", "CPUHigh")
    yield from _mostly_false(case, names, "Memory and CPU were well in the first hour.", _start(case) + _QUARTER)


@judge_of_pods(_SOURCE, PodConditions, "release.post.no-alerts-fired")
def no_alerts_fired(case: Case) -> Iterator[Statement]:
    """Whether a condition of the pod was true in its first hour for as long as its alert waits."""
    start = _start(case)
    for name, past in case.seen.past.items():
        wait = case.seen.alert_waits.get(name)
        if wait is not None and past.longest_true(start, start + _HOUR) > wait:
            yield case.bad(f"{name} was true for longer than {say_duration(wait)}, so its alert fired.")
            return
    if soon := case.settling(_HOUR, "The pod is younger than an hour."):
        yield soon
    elif case.seen.since > start + _QUARTER:
        yield case.unclear(UnknownReason.NO_DATA, "The watcher did not follow the pod from its start on.")
    elif (doubt := _doubt(case, case.seen.verdicts)) is not None:
        yield case.doubt(doubt)
    else:
        yield case.good("No condition was true for as long as its alert waits.")


@judge_of_pods(_SOURCE, PodConditions, "release.rollback.previous-healthy")
def previous_healthy(case: Case) -> Iterator[Statement]:
    """Whether a critical condition is true a quarter of an hour after the rollback."""
    critical = [name for name, found in case.seen.verdicts.items() if found[0].kind.severity is Severity.CRITICAL]
    if soon := case.settling(_QUARTER, "The pod is younger than 15 min."):
        yield soon
    elif said := _true_now(case, critical):
        yield from said
    elif (doubt := _doubt(case, critical)) is not None:
        yield case.doubt(doubt)


@judge_of_pods(_SOURCE, PodConditions, "postdeploy.long.no-opa-errors")
def no_opa_errors(case: Case) -> Iterator[Statement]:
    """Whether the OPA can be asked, decides, has a policy and fetches it."""
    if said := _true_now(case, _OPA):
        yield from said
    elif (doubt := _doubt(case, _OPA)) is not None:
        yield case.doubt(doubt)


def _start(case: Case) -> float:
    return case.facts.now if case.pod.ready_since is None else case.pod.ready_since


def _seconds_true(case: Case, name: str, since: float) -> float:
    past = case.seen.past.get(name)
    return 0.0 if past is None else past.seconds(Status.TRUE, since)


def _true_now(case: Case, names: Sequence[str]) -> list[Statement]:
    found = (worst(case.seen.verdicts, name) for name in names)
    return [case.bad(each.text) for each in found if each is not None and is_true(each)][:1]


def _doubt(case: Case, names: Iterable[str]) -> Verdict | None:
    """A condition that is unknown for another reason than that nothing could be seen of it yet."""
    found = (worst(case.seen.verdicts, name) for name in names)
    return next(
        (each for each in found if each is not None and each.status == "unknown" and each.reason not in _EXPECTED), None
    )


def _all_false(case: Case, names: Sequence[str], seconds: float, message: str) -> Iterator[Statement]:
    """Good where each is known to be false of a pod that has run for so long."""
    if soon := case.settling(seconds, f"The pod has run for less than {say_duration(seconds)}."):
        yield soon
        return
    for name in names:
        found = worst(case.seen.verdicts, name)
        if found is None:
            yield case.unclear(UnknownReason.NO_DATA, f"{name} is not judged here: what it needs is not known.")
            return
        if not is_false(found):
            yield case.doubt(found)
            return
    yield case.good(message)


def _mostly_false(case: Case, names: Sequence[str], message: str, since: float) -> Iterator[Statement]:
    """Bad where one is true, or was for more than a twentieth of the time that could be judged."""
    if said := _true_now(case, names):
        yield from said
        return
    for name in names:
        past = case.seen.past.get(name)
        judged = 0.0 if past is None else past.judged(since)
        if past is not None and judged >= _QUARTER and past.seconds(Status.TRUE, since) > _RARE * judged:
            share = past.seconds(Status.TRUE, since) / judged
            yield case.bad(f"{name} was true for {share:.0%} of the time that could be judged.")
            return
    yield from _all_false(case, names, _HOUR, message)
