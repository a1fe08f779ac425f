"""Is there an authority left that peers could verify the agent to?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, OwnWorkload, Seen
from probes.controls.judging import Facts, Says, Statement, judge

_API = SourceName.WORKLOAD_API


@judge("security.identity.trust-bundles-configured", of=[_API])
def trust_bundles_configured(_: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Whether every authority of the agent's own trust domain has expired; the watcher sees those of its own entry.

    An answer that was not confirmed lately may have expired because the watcher alone gets no newer one.
    """
    found = evidence.of(_API, OwnWorkload)
    if not isinstance(found, Seen):
        return
    own = found.value
    for domain in own.trust_domains:
        ends = own.bundles.get(domain, ())
        if ends and max(ends) < facts.now:
            said = f"Every authority in the trust bundle of {domain} has expired."
            if own.confirmed:
                yield Statement(_API, Says.BAD, said)
            else:
                said = f"{said[:-1]}, but the watcher gets no newer one: {own.trouble}"[:200]
                yield Statement(_API, Says.UNCLEAR, said, reason=UnknownReason.UNREACHABLE)
