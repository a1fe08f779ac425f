"""Are there bundles of the trust domains that the config allows?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control
from probes.controls.evidence import EvidenceSet
from probes.controls.judges.effective_keys import CONFIG, config_of, place
from probes.controls.judges.federated_domains import ALLOWED, unfederated
from probes.controls.judging import Facts, Says, Statement, judge


@judge("security.identity.trust-bundles-configured", of=[CONFIG])
def allowed_domains(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """Each trust domain that it allows beside its own is one that SPIRE has a bundle of."""
    for told in unfederated(evidence):
        yield Statement(CONFIG, Says.BAD, told, place(config_of(evidence), ALLOWED))
