"""How the agent's container ends when its pod is asked to."""

from collections.abc import Iterator, Sequence

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence.live_pod import REMEMBERED, Termination
from probes.controls.judges.kubernetes_pod.case import PodCase, pod_judge
from probes.controls.judging import Statement

MOST = 5
"""Ends that must have been right."""

_CLOCKS_DIFFER = 2.0
"""Seconds between the clocks of a node and of the API server, and what both leave off."""

_KILLED, _BY_SIGTERM, _NO_MEMORY = 137, 143, "OOMKilled"


@pod_judge("reliability.shutdown.sigterm-handler")
def sigterm_handler(case: PodCase) -> Iterator[Statement]:
    """The last ends that were seen, of all pods of the agent, were with exit code 0."""
    recent = [each for each in case.seen.terminations if case.facts.now - each.asked_at <= REMEMBERED]
    if why := next((said for each in reversed(recent) if (said := _wrong(each))), ""):
        yield case.bad(why)
    elif not recent:
        yield case.unclear(UnknownReason.OBSERVING, "No pod of the agent was seen to end.")
    elif undecided := _undecided(recent[-MOST:]):
        yield case.unclear(UnknownReason.NO_DATA, undecided)
    else:
        count = min(len(recent), MOST)
        what = "the last pod that was" if count == 1 else f"the last {count} pods that were"
        yield case.good(f"The agent's container ended with exit code 0 in {what} asked to end.")


def _wrong(end: Termination) -> str:
    code = end.ended.code
    if _was_cut_short(end):
        return ""
    if code == _KILLED and end.ended.reason != _NO_MEMORY:
        return "The agent's container was killed when its pod was asked to end: exit code 137."
    if code not in (0, _KILLED, _BY_SIGTERM):
        return f"The agent's container ended with exit code {code} when its pod was asked to end."
    return ""


def _was_cut_short(end: Termination) -> bool:
    """Whether it was killed and had less time than its template gives it, as `kubectl delete --grace-period=1` does."""
    had = end.ended.finished_at - end.asked_at
    return end.ended.code == _KILLED and end.ended.reason != _NO_MEMORY and had + _CLOCKS_DIFFER < end.grace


def _undecided(last: Sequence[Termination]) -> str:
    if any(each.ended.code == _BY_SIGTERM for each in last):
        return "It ended with exit code 143, which a process without a handler of SIGTERM has too."
    if any(_was_cut_short(each) for each in last):
        return "It was killed before the terminationGracePeriodSeconds of its template were over."
    if any(each.ended.code for each in last):
        return "It ran out of memory while it ended."
    return ""
