"""Does SPIRE answer the watcher?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, OwnWorkload, Seen
from probes.controls.judging import Facts, Says, Statement, judge

_API = SourceName.WORKLOAD_API


@judge("predeploy.spire.reachable", of=[_API])
def spire_reachable(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """Whether the watcher's own fetch works; that it does not says nothing of the SPIRE agents of other nodes."""
    found = evidence.of(_API, OwnWorkload)
    if not isinstance(found, Seen):
        return
    own = found.value
    if not own.trouble:
        yield Statement(_API, Says.GOOD, "SPIRE gives the watcher its SVID and bundles.")
    elif own.silent:
        yield _unknown(f"The SPIRE agent of the watcher's own node does not answer: {own.trouble}")
    else:
        yield _unknown(f"The watcher has no SVID: {own.trouble}")


def _unknown(why: str) -> Statement:
    return Statement(_API, Says.UNCLEAR, why[:200], reason=UnknownReason.UNREACHABLE)
