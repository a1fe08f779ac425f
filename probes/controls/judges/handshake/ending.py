"""Does a pod that was asked to end still take new requests?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from probes.controls.catalogue.control import Assurance, SourceName, UnknownReason
from probes.controls.evidence import LastTry, ServedPort, Took
from probes.controls.evidence.live_pod import REMEMBERED
from probes.controls.judges.handshake.case import PortCase
from probes.controls.judges.looked import judge_of_pods
from probes.controls.judging import Statement

MOST = 5
"""Ends that must have been right."""

_DECIDE = 2
"""Pods that took a request, of which one alone may be an accident."""


@judge_of_pods(SourceName.HANDSHAKE, ServedPort, "reliability.shutdown.no-new-requests")
def no_new_requests(case: PortCase) -> Iterator[Statement]:
    """Whether the last pods that ended refused a connection 5 s after they were asked to; of whichever pod it says so
    it is said of the agent."""
    recent = [each for each in case.seen.last_tries if case.facts.now - each.asked_at <= REMEMBERED]
    took, last = [each for each in recent if each.took is Took.REQUEST], recent[-MOST:]
    if not recent:
        yield case.unclear(UnknownReason.OBSERVING, "No pod of the agent was tried while it ended.")
    elif len(took) >= _DECIDE:
        said = f"{len(took)} pods took a new connection and a request 5 s after they were asked to end."
        yield replace(case.bad(said, at_once=True), observed_at=took[-1].tried_at)
    else:
        yield replace(_undecided(case, last) or _refused(case, last), observed_at=last[-1].tried_at)


def _undecided(case: PortCase, last: Sequence[LastTry]) -> Statement | None:
    if any(each.took is Took.REQUEST for each in last):
        said = "A pod took a new connection and a request 5 s after it was asked to end; a second one would decide."
        return case.unclear(UnknownReason.OBSERVING, said)
    open_ = next((each for each in reversed(last) if each.took in (Took.NEITHER, Took.SILENCE)), None)
    if open_ is None:
        return None
    silent = open_.took is Took.SILENCE
    return case.unclear(UnknownReason.UNREACHABLE if silent else UnknownReason.OBSERVING, open_.why)


def _refused(case: PortCase, last: Sequence[LastTry]) -> Statement:
    """By what a kubelet reports, where the process had ended."""
    which = f"last {len(last)} pods" if len(last) > 1 else "last pod"
    said = case.good(f"The {which} asked to end took no new connection 5 s later.")
    if any(each.took is Took.ENDED for each in last):
        return replace(said, assurance=Assurance.REPORTED)
    return said
