"""Are there bundles of the trust domains that the agent's config allows?"""

from collections.abc import Iterator

from probes.controls.evidence import AgentConfigFile, AgentObjects, EvidenceSet, Missing
from probes.controls.judges.effective_keys import CONFIG
from probes.controls.judges.kubernetes_object.case import OBJECT, mapping, short, texts

ALLOWED = "identity.allowed_trust_domains"
_FEDERATED = "ClusterFederatedTrustDomain"


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
    for domain in dict.fromkeys(texts(config.value.get(ALLOWED))):
        if domain not in known and domain != own:
            yield f"The config allows the trust domain {short(domain)}, and no {_FEDERATED} has its bundle."
