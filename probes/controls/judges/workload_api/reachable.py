"""Does SPIRE answer the watcher?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, OwnWorkload, Seen
from probes.controls.judging import Facts, Says, Statement, judge

_API = SourceName.WORKLOAD_API


@judge("predeploy.spire.reachable", of=[_API])
def spire_reachable(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """Whether the watcher's own fetch works; what is wrong with the watcher itself says nothing of SPIRE."""
    found = evidence.of(_API, OwnWorkload)
    if not isinstance(found, Seen):
        return
    own = found.value
    if not own.trouble:
        yield Statement(_API, Says.GOOD, "SPIRE gives the watcher its SVID and bundles.")
    elif own.silent:
        yield Statement(_API, Says.BAD, f"SPIRE does not answer the watcher: {own.trouble}"[:200])
    else:
        said = f"The watcher has no SVID: {own.trouble}"[:200]
        yield Statement(_API, Says.UNCLEAR, said, reason=UnknownReason.UNREACHABLE)
