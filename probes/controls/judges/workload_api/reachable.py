"""Does SPIRE answer the watcher?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing, OwnWorkload, Pod, Seen
from probes.controls.judges.spire_agents import spire_agents_of
from probes.controls.judging import Facts, Says, Statement, judge

_API = SourceName.WORKLOAD_API
_ABSENT = (UnknownReason.SOURCE_MISSING, UnknownReason.NOT_ENABLED)


@judge("predeploy.spire.reachable", of=[_API])
def spire_reachable(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """Whether the watcher's own fetch works; that it does not says nothing of the SPIRE agents of other nodes."""
    found = evidence.of(_API, OwnWorkload)
    if not isinstance(found, Seen):
        return
    own = found.value
    if not own.trouble and (why := _nowhere_told(evidence)):
        yield Statement(_API, Says.UNCLEAR, why, reason=UnknownReason.NO_DATA)
    elif not own.trouble:
        yield Statement(_API, Says.GOOD, "SPIRE gives the watcher its SVID and bundles.")
    elif own.silent:
        yield _unknown(f"The SPIRE agent of the watcher's own node does not answer: {own.trouble}")
    else:
        yield _unknown(f"The watcher has no SVID: {own.trouble}")


def _nowhere_told(evidence: EvidenceSet) -> str:
    """Why the watcher's own SPIRE agent stands for none of the pods' nodes, a sentence; empty where others tell."""
    if not evidence.pods:
        return "It has no pod, so no SPIRE agent of a node is its own."
    untold = next(
        (pod for pod in evidence.pods.values() if pod.ready_since is not None and _is_untold(evidence, pod)), None
    )
    return "" if untold is None else "SPIRE answers the watcher; nothing tells of the SPIRE agent of a pod's node."


def _is_untold(evidence: EvidenceSet, pod: Pod) -> bool:
    served = evidence.of_pod(SourceName.HANDSHAKE, pod)
    absent = served is None or (isinstance(served, Missing) and served.reason in _ABSENT)
    return absent and isinstance(spire_agents_of(evidence, pod), Missing)


def _unknown(why: str) -> Statement:
    return Statement(_API, Says.UNCLEAR, why[:200], reason=UnknownReason.UNREACHABLE)
