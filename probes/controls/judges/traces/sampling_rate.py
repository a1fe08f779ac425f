"""Which share of its requests does an agent trace, as its config and its environment say?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentConfigFile, AgentObjects, EvidenceSet, Listing, Missing
from probes.controls.evidence.agent_config import NOT_SET
from probes.controls.judges.kubernetes_object.variables import variables_of

_SAMPLER, _ARGUMENT, _DISABLED = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_SDK_DISABLED"
_NAMES = (_SAMPLER, _ARGUMENT, _DISABLED)
_RATE, _ENABLED = "observability.tracing.sampling_rate", "observability.tracing.enabled"


def sampling_rate(evidence: EvidenceSet) -> float | None:
    """Of one; None where it is not known. The lower one counts where config and environment differ, so that too few
    traces are never expected to be more."""
    said = [*_of_config(evidence), *_of_environment(evidence)]
    known = [each for each in said if each is not None]
    return min(known) if said and len(known) == len(said) else None


def _of_config(evidence: EvidenceSet) -> Iterator[float | None]:
    found = evidence.of(SourceName.AGENT_CONFIG, AgentConfigFile)
    if isinstance(found, Missing) or found.value.broken:
        yield None
        return
    rate = found.value.get(_RATE)
    yield 0.0 if found.value.get(_ENABLED) is False else 1.0 if rate is NOT_SET else _number(rate)


def _of_environment(evidence: EvidenceSet) -> Iterator[float | None]:
    """Of an agent that is only listed in the config nothing is known, and nothing is taken for said."""
    found = evidence.of(SourceName.KUBERNETES_OBJECT, AgentObjects)
    if isinstance(found, Missing) or isinstance(found.value.template, Missing):
        return
    config_maps = found.value.listing("ConfigMap")
    listing = Listing(()) if isinstance(config_maps, Missing) else config_maps.value
    for container in found.value.template.value.containers():
        if container.agent:
            given = {each.name: each.value for each in variables_of(container, listing) if each.name in _NAMES}
            yield _of_variables(given)


def _of_variables(given: dict[str, str | None]) -> float | None:
    if (given.get(_DISABLED) or "").lower() == "true":
        return 0.0
    if _SAMPLER not in given:
        return 1.0
    sampler = given[_SAMPLER] or ""
    if "always_off" in sampler:
        return 0.0
    if "always_on" in sampler:
        return 1.0
    return _number(given.get(_ARGUMENT, "1")) if "traceidratio" in sampler else None


def _number(value: object) -> float | None:
    try:
        rate = float(str(value))
    except ValueError:
        return None
    return rate if 0 <= rate <= 1 else None
