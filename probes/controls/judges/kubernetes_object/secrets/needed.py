"""Whether an agent has secrets at all: none is proven by a complete read alone, in which nothing is in doubt."""

from collections.abc import Iterator, Mapping

from probes.controls.catalogue.control import FactKey, SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, AgentObjects, EvidenceSet, Listing, Missing, PodTemplate
from probes.controls.judges.effective_keys import OF_SOME
from probes.controls.judges.kubernetes_object.case import OBJECT, all_containers, mapping
from probes.controls.judges.kubernetes_object.secrets.references import secrets_by_env, secrets_in_volumes
from probes.controls.judges.kubernetes_object.secrets.texts import doubtful, matching, referring
from probes.controls.judges.kubernetes_object.variables import secret_variables, variables_of
from probes.controls.judges.secret_texts.documents import doubts_of
from probes.controls.judges.secret_texts.rules import FETCHED, INJECTORS, refers_to_secret, secret_rule
from probes.controls.judges.texts import texts_of
from probes.controls.judging import Facts, fact


@fact(FactKey.NEEDS_SECRETS)
def needs_secrets(evidence: EvidenceSet, _: Facts) -> bool | Missing:
    """True where one is seen; False where template, ConfigMaps and config were read in full and nothing may be one."""
    found = evidence.of(OBJECT, AgentObjects)
    if isinstance(found, Missing):
        return found
    templates = [each.value for each in found.value.templates if not isinstance(each, Missing)]
    if missing := next((each for each in found.value.templates if isinstance(each, Missing)), None):
        return missing
    config_maps = found.value.listing("ConfigMap")
    listing = Listing((), config_maps) if isinstance(config_maps, Missing) else config_maps.value
    config = evidence.of(SourceName.AGENT_CONFIG, AgentConfigFile)
    document = {} if isinstance(config, Missing) else config.value.document
    in_config = any(secret_rule(text) for _, text in texts_of(document))
    if in_config or any(_has_secrets(each, listing) for each in templates):
        return True
    if isinstance(config, Missing):
        return listing.lacks or config
    if listing.lacks:
        return listing.lacks
    if config.value.of_some:
        return Missing(UnknownReason.SOURCE_MISSING, OF_SOME)
    if config.value.broken:
        return Missing(UnknownReason.UNPARSEABLE, "The agent's config cannot be read.")
    doubt = next((why for each in templates for why in _doubts(each, listing, document)), "")
    return Missing(UnknownReason.NO_POLICY, f"{doubt}. People must look."[:200]) if doubt else False


def _has_secrets(template: PodTemplate, config_maps: Listing) -> bool:
    return (
        takes_secrets(template)
        or any(each.is_certain for each in secret_variables(template, config_maps))
        or asks_for_secrets(template, config_maps)
        or any(True for _ in matching(template, config_maps))
    )


def takes_secrets(template: PodTemplate) -> bool:
    """Whether a Secret of Kubernetes or a secret store is seen from which the pod takes something."""
    by_env = any(True for each in all_containers(template) for _ in secrets_by_env(each))
    return by_env or any(True for _ in secrets_in_volumes(template.spec))


def asks_for_secrets(template: PodTemplate, config_maps: Listing) -> bool:
    """Whether annotations or values ask another program to put secrets into the pod: that it does is not seen."""
    annotations = mapping(template.metadata.get("annotations"))
    values = (each.value or "" for some in all_containers(template) for each in variables_of(some, config_maps))
    return any(value.startswith(FETCHED) for value in values) or any(
        str(key).startswith(INJECTORS) and value != "false" for key, value in annotations.items()
    )


def _doubts(template: PodTemplate, config_maps: Listing, document: Mapping[str, object]) -> Iterator[str]:
    """Why it may have one, sentences without their ends."""
    for where, why, _ in doubtful(template, config_maps):
        yield f"{where} may be a secret: {why}"
    for _, why in doubts_of(document):
        yield f"A value of the agent's config may be a secret: {why}"
    for where in referring(template, config_maps):
        yield f"{where} refers to a secret, and none is seen there"
    if any(refers_to_secret(str(place[-1]), text) for place, text in texts_of(document)):
        yield "The agent's config refers to a secret, and none is seen there"
