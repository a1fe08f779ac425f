"""Is a pod that ends still sent requests? By what EndpointSlices say of it."""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing
from probes.controls.evidence.live_pod import REMEMBERED
from probes.controls.judges.kubernetes_object.case import OBJECT, good, lacking, objects_of, unclear
from probes.controls.judging import Facts, Statement, judge

MOST = 5
"""Ends that must have been right."""


@judge("reliability.shutdown.no-new-requests", of=[OBJECT])
def is_left_out(_: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Whether none of the last pods that ended was serving 5 s after they were asked to; that one was is no proof of
    requests that it took."""
    routed = objects_of(evidence).routed
    if isinstance(routed, Missing):
        yield lacking(routed)
        return
    last = [each for each in routed.value if facts.now - each.asked_at <= REMEMBERED][-MOST:]
    still = sum(each.serving for each in last)
    if not last:
        yield unclear(UnknownReason.OBSERVING, "No pod of the agent that an EndpointSlice names was seen to end.")
    elif still:
        which = f"{still} of the last {len(last)} pods" if len(last) > 1 else "The last pod"
        yield unclear(UnknownReason.OBSERVING, f"{which} asked to end still served in an EndpointSlice 5 s later.")
    else:
        which = f"last {len(last)} pods" if len(last) > 1 else "last pod"
        yield good(f"The {which} asked to end served in no EndpointSlice 5 s later.")
