"""Which subjects of a target are exported? Those that tell most: trouble first (contract, section 4)."""

from collections.abc import Callable
from heapq import nsmallest
from operator import itemgetter

from probes.contract.condition import Status
from watcher.engine.debounce import ProbeResult, share

EXPORTED_SUBJECTS = 50
"""Subjects exported of one target."""

ProbeResults = tuple[ProbeResult | None, ...]
"""Beside Board.probes; None where a probe does not apply to the target."""

_BEST_FIRST = sorted(Status, key=lambda status: -status.rank)


def most_telling(results: ProbeResults) -> tuple[ProbeResults, int]:
    """The results with at most 50 subjects of the target, and how many subjects were left out."""
    most = 0
    for result in results:
        if result is not None:
            most += len(result.since) + len(result.samples)
    if most <= EXPORTED_SUBJECTS:
        return results, 0
    rank: list[tuple[int, int, str]] = []
    for index, result in enumerate(results):
        if result is not None:
            rank += [(trouble, index, subject) for subject, trouble in subjects_of(result).items()]
    if len(rank) <= EXPORTED_SUBJECTS:
        return results, 0
    kept: list[set[str]] = [set() for _ in results]
    for _, index, subject in nsmallest(EXPORTED_SUBJECTS, rank, key=itemgetter(0)):
        kept[index].add(subject)
    narrowed = tuple(result and _only(result, subjects) for result, subjects in zip(results, kept, strict=True))
    return narrowed, len(rank) - EXPORTED_SUBJECTS


def subjects_of(result: ProbeResult) -> dict[str, int]:
    """How bad each subject stands; less is worse."""
    found: dict[str, int] = {}
    for status in _BEST_FIRST:  # the worst stands
        rank = status.rank
        found |= {each.subject: rank for each in result.verdicts.all if each.status is status and each.subject}
    # The first label of a value is its subject; a pool without a capacity has values and no verdict.
    for each in result.samples:
        if each.labels:
            status = Status.TRUE if each.metric.trouble else Status.FALSE
            found.setdefault(each.labels[0], status.rank)
    return found


def _only(result: ProbeResult, subjects: set[str]) -> ProbeResult:
    return narrow(result, lambda labels: labels[0] in subjects)


def narrow(result: ProbeResult, stays: Callable[[tuple[str, ...]], bool]) -> ProbeResult:
    """The result without the verdicts and samples whose labels do not stay; what has none always does."""
    places = [place for place, each in enumerate(result.verdicts.all) if not each.subject or stays((each.subject,))]
    return result._replace(
        verdicts=share(tuple(result.verdicts.all[place] for place in places)),
        since=tuple(result.since[place] for place in places),
        bad=(),
        samples=tuple(each for each in result.samples if not each.labels or stays(each.labels)),
    )
