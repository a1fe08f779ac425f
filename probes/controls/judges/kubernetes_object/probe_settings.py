"""Which probes the agent's container has."""

from collections.abc import Iterator

from probes.controls.catalogue.control import FactKey, UnknownReason
from probes.controls.evidence import AgentObjects, Container, EvidenceSet, Missing, PodTemplate
from probes.controls.judges.kubernetes_object.case import (
    OBJECT,
    TemplateCase,
    bad,
    good,
    mapping,
    short,
    template_judge,
    unclear,
)
from probes.controls.judging import Facts, Statement, fact

_KEYS = {
    "reliability.health.liveness-configured": "livenessProbe",
    "reliability.health.readiness-configured": "readinessProbe",
}
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_NO_AGENT = "Which container is the agent's cannot be told."


@template_judge(*_KEYS)
def probe(case: TemplateCase) -> Iterator[Statement]:
    """The agent's container has the probe; whether it works is for others to see."""
    key, container = _KEYS[case.control.id], _agent(case.template)
    if container is None:
        yield unclear(UnknownReason.NO_DATA, _NO_AGENT)
    elif _has(container, key):
        yield good(f"Container {short(container.name)} has a {key}.")
    else:
        yield bad(f"Container {short(container.name)} has no {key}.")


@template_judge("reliability.health.startup-configured")
def startup_probe(case: TemplateCase) -> Iterator[Statement]:
    """The agent's container has one; without one only observed starts tell whether it needs it."""
    container = _agent(case.template)
    if container is None:
        yield unclear(UnknownReason.NO_DATA, _NO_AGENT)
    elif _has(container, "startupProbe"):
        yield good(f"Container {short(container.name)} has a startupProbe.")
    else:
        yield unclear(UnknownReason.SOURCE_MISSING, "There is no startupProbe, and no start was observed.")


@fact(FactKey.NEEDS_STARTUP_PROBE)
def needs_startup_probe(evidence: EvidenceSet, _: Facts) -> bool | Missing:
    """Where one is set it is needed; else only starts tell."""
    found = evidence.of(OBJECT, AgentObjects)
    template = found if isinstance(found, Missing) else found.value.template
    if isinstance(template, Missing):
        return template
    container = _agent(template.value)
    if container is not None and _has(container, "startupProbe"):
        return True
    return Missing(UnknownReason.SOURCE_MISSING, "There is no startupProbe, and no start was observed.")


def _agent(template: PodTemplate) -> Container | None:
    return next((each for each in template.containers() if each.agent), None)


def _has(container: Container, key: str) -> bool:
    given = mapping(container.body.get(key))
    return any(handler in given for handler in _HANDLERS)
