"""As whom the pod is known to the platform, and what its variables switch on."""

from collections.abc import Iterator, Mapping, Sequence

from probes.controls.evidence import Container
from probes.controls.judges.kubernetes_object.case import TemplateCase, bad, lacking, short, template_judge
from probes.controls.judges.kubernetes_object.variables import Variable, unread_variables, variables_of
from probes.controls.judges.rates import is_rate
from probes.controls.judging import Statement

_TRUE = ("1", "true", "yes", "on")
_NOISY = ("debug", "trace", "notset")
_LEVELS = ("AGENTWEAVE_LOG_LEVEL", "LOG_LEVEL", "LOGLEVEL")
_SAMPLER, _ARGUMENT, _DISABLED = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_SDK_DISABLED"
_NEVER = {"always_off": "no request is traced", "parentbased_always_off": "no trace begins at the agent"}
_BY_RATE = ("traceidratio", "parentbased_traceidratio")


@template_judge("security.identity.workload-attestation-configured", pods=True)
def own_service_account(case: TemplateCase) -> Iterator[Statement]:
    """The pod has a service account of its own; that it is attested by it, objects do not tell."""
    if case.template.service_account in ("", "default"):
        ref = case.template.at(case.template.spec, "serviceAccountName")
        yield bad("The pod has no service account of its own, so it runs as default.", ref)


@template_judge("observability.logging.level-appropriate", pods=True)
def debug_by_variable(case: TemplateCase) -> Iterator[Statement]:
    """No variable of the agent's container switches debugging on."""
    for name, found in _variables(case).items():
        value = (found.value or "").strip().lower()
        if (name == "AGENTWEAVE_DEBUG" and value in _TRUE) or (name in _LEVELS and value in _NOISY):
            yield bad(f"The variable {short(name)} switches debugging on.", found.ref)
    if lacks := unread_variables(_agents(case), case.listing("ConfigMap")):
        yield lacking(lacks)


@template_judge("observability.tracing.sampling-configured")
def sampler_by_variable(case: TemplateCase) -> Iterator[Statement]:
    """The variables of OpenTelemetry name a sampler that samples, and a rate that is one."""
    found = _variables(case)
    given, at = (
        {name: each.value or "" for name, each in found.items()},
        {name: each.ref for name, each in found.items()},
    )
    sampler, rate = given.get(_SAMPLER, "").strip().lower(), given.get(_ARGUMENT)
    if given.get(_DISABLED, "").strip().lower() == "true":
        yield bad(f"The variable {_DISABLED} is true, so no request is traced.", at[_DISABLED])
    elif sampler in _NEVER:
        yield bad(f"The variable {_SAMPLER} is {sampler}, so {_NEVER[sampler]}.", at[_SAMPLER])
    elif sampler in _BY_RATE and rate is not None and not is_rate(rate):
        yield bad(f"The variable {_ARGUMENT} is not a number above 0 and at most 1.", at[_ARGUMENT])


def _variables(case: TemplateCase) -> Mapping[str, Variable]:
    """Those of the agent's own container whose values are known, from ConfigMaps too."""
    found = (each for container in _agents(case) for each in variables_of(container, case.listing("ConfigMap")))
    last = {each.name: each for each in found}
    return {name: each for name, each in last.items() if each.value is not None}


def _agents(case: TemplateCase) -> Sequence[Container]:
    return [container for container in case.template.containers() if container.agent]
