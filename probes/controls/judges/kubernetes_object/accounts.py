"""As whom the pod is known to the platform, and what its variables switch on."""

from collections.abc import Iterator

from probes.controls.judges.kubernetes_object.case import TemplateCase, bad, mappings, short, template_judge
from probes.controls.judges.rates import is_rate
from probes.controls.judging import Statement

_TRUE = ("1", "true", "yes", "on")
_NOISY = ("debug", "trace", "notset")
_SAMPLER, _ARGUMENT = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"


@template_judge("security.identity.workload-attestation-configured")
def own_service_account(case: TemplateCase) -> Iterator[Statement]:
    """The pod has a service account of its own; that it is attested by it, objects do not tell."""
    if case.template.spec.get("serviceAccountName") in (None, "", "default"):
        yield bad("The pod has no service account of its own, so it runs as default.")


@template_judge("observability.logging.level-appropriate")
def debug_by_variable(case: TemplateCase) -> Iterator[Statement]:
    """No variable of the agent's container switches debugging on."""
    for container in case.template.containers():
        for env in mappings(container.body.get("env")) if container.agent else ():
            name, value = env.get("name"), str(env.get("value")).strip().lower()
            if (name == "AGENTWEAVE_DEBUG" and value in _TRUE) or (name == "AGENTWEAVE_LOG_LEVEL" and value in _NOISY):
                yield bad(f"The variable {short(name)} switches debugging on.")


@template_judge("observability.tracing.sampling-configured")
def sampler_by_variable(case: TemplateCase) -> Iterator[Statement]:
    """The variables of OpenTelemetry name a sampler that samples, and a rate that is one."""
    given = {
        str(env.get("name")): env["value"]
        for container in case.template.containers()
        for env in (mappings(container.body.get("env")) if container.agent else ())
        if isinstance(env.get("value"), str)
    }
    sampler, rate = given.get(_SAMPLER), given.get(_ARGUMENT)
    if sampler == "always_off":
        yield bad(f"The variable {_SAMPLER} is always_off, so no request is traced.")
    elif sampler == "traceidratio" and rate is not None and not is_rate(rate):
        yield bad(f"The variable {_ARGUMENT} is not a number above 0 and at most 1.")
