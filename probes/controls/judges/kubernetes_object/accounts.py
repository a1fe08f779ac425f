"""As whom the pod is known to the platform, and what its variables switch on."""

from collections.abc import Iterator

from probes.controls.judges.kubernetes_object.case import TemplateCase, bad, mappings, short, template_judge
from probes.controls.judging import Statement

_TRUE = ("1", "true", "yes", "on")
_NOISY = ("debug", "trace", "notset")


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
