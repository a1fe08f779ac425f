"""Which probes the agent's container has."""

from collections.abc import Iterator

from probes.controls.catalogue.control import UnknownReason
from probes.controls.judges.kubernetes_object.case import TemplateCase, bad, good, short, template_judge, unclear
from probes.controls.judges.kubernetes_object.container_probes import NO_AGENT, agent_of, has_probe
from probes.controls.judging import Statement

_KEYS = {
    "reliability.health.liveness-configured": "livenessProbe",
    "reliability.health.readiness-configured": "readinessProbe",
}


@template_judge(*_KEYS)
def probe(case: TemplateCase) -> Iterator[Statement]:
    """The agent's container has the probe; whether it works is for others to see."""
    key, container = _KEYS[case.control.id], agent_of(case.template)
    if container is None:
        yield unclear(UnknownReason.NO_DATA, NO_AGENT)
    elif has_probe(container, key):
        yield good(f"Container {short(container.name)} has a {key}.", container.at(key))
    else:
        yield bad(f"Container {short(container.name)} has no {key}.", container.at(key))
