"""Are there bundles of the trust domains that the agent's config allows?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control
from probes.controls.evidence import AgentConfigFile, AgentObjects, EvidenceSet, Missing
from probes.controls.judges.effective_keys import CONFIG, config_of, place
from probes.controls.judges.kubernetes_object.case import OBJECT, mapping, short, texts
from probes.controls.judging import Facts, Says, Statement, judge

_FEDERATED, _ALLOWED = "ClusterFederatedTrustDomain", "identity.allowed_trust_domains"


@judge("security.identity.trust-bundles-configured", of=[CONFIG])
def allowed_domains(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """Each trust domain that the config allows beside its own is one that SPIRE has a bundle of."""
    for told in unfederated(evidence):
        yield Statement(CONFIG, Says.BAD, told, place(config_of(evidence), _ALLOWED))


def unfederated(evidence: EvidenceSet) -> Iterator[str]:
    """A sentence for each trust domain that the config allows and of which there is no bundle, by a complete list."""
    config, objects = evidence.of(CONFIG, AgentConfigFile), evidence.of(OBJECT, AgentObjects)
    if isinstance(config, Missing) or isinstance(objects, Missing):
        return
    listing = objects.value.listing(_FEDERATED)
    if isinstance(listing, Missing) or not listing.value.complete:
        return
    known = {str(mapping(each.body.get("spec")).get("trustDomain")) for each in listing.value.objects}
    own = config.value.get("agent.trust_domain")
    for domain in dict.fromkeys(texts(config.value.get(_ALLOWED))):
        if domain not in known and domain != own:
            yield f"The config allows the trust domain {short(domain)}, and no {_FEDERATED} has its bundle."
