"""Is there an authority left that peers could verify the agent to?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, SourceName
from probes.controls.evidence import EvidenceSet, OwnWorkload, Seen
from probes.controls.judging import Facts, Says, Statement, judge

_API = SourceName.WORKLOAD_API


@judge("security.identity.trust-bundles-configured", of=[_API])
def trust_bundles_configured(_: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Whether every authority of the agent's own trust domain has expired; the watcher sees those of its own entry."""
    found = evidence.of(_API, OwnWorkload)
    if not isinstance(found, Seen):
        return
    for domain in found.value.trust_domains:
        ends = found.value.bundles.get(domain, ())
        if ends and max(ends) < facts.now:
            yield Statement(_API, Says.BAD, f"Every authority in the trust bundle of {domain} has expired.")
