"""Whether the agent's container has a startupProbe, and whether it needs one: by how long starts take."""

from collections.abc import Iterator
from itertools import chain

from probes.controls.catalogue.control import FactKey, UnknownReason
from probes.controls.evidence import AgentObjects, EvidenceSet, LivePod, Missing, PodTemplate
from probes.controls.judges.kubernetes_object.case import (
    OBJECT,
    POD,
    TemplateCase,
    good,
    short,
    template_judge,
    unclear,
)
from probes.controls.judges.kubernetes_object.container_probes import (
    NO_AGENT,
    agent_of,
    has_probe,
    liveness_budget,
)
from probes.controls.judges.kubernetes_pod.case import PodCase, pod_judge
from probes.controls.judging import Facts, Statement, fact

STARTS = 3
"""Starts that must have been in time, until a startupProbe is not needed."""

_PROBE = "startupProbe"
_NO_START = "There is no startupProbe, and no start was observed."


@template_judge("reliability.health.startup-configured")
def startup_of_template(case: TemplateCase) -> Iterator[Statement]:
    """The agent's container has one; without one only observed starts tell whether it needs it."""
    container = agent_of(case.template)
    if container is None:
        yield unclear(UnknownReason.NO_DATA, NO_AGENT)
    elif has_probe(container, _PROBE):
        yield good(f"Container {short(container.name)} has a startupProbe.")
    else:
        yield unclear(UnknownReason.SOURCE_MISSING, _NO_START)


@pod_judge("reliability.health.startup-configured")
def startup(case: PodCase) -> Iterator[Statement]:
    """The same of a pod, whose starts are known."""
    container = agent_of(case.seen.template)
    if container is None:
        yield case.unclear(UnknownReason.NO_DATA, NO_AGENT)
    elif has_probe(container, _PROBE):
        yield case.good(f"Container {short(container.name)} has a startupProbe.")
    elif (took := _too_long(case.seen)) is not None:
        told = f"There is no startupProbe, and a start took {took:.0f} s, longer than its livenessProbe lets it."
        yield case.bad(told)
    else:
        yield case.unclear(UnknownReason.OBSERVING, _observed(case.seen))


@fact(FactKey.NEEDS_STARTUP_PROBE)
def needs_startup_probe(evidence: EvidenceSet, _: Facts) -> bool | Missing:
    """Where one is set it is needed; else only starts tell."""
    found = evidence.of(OBJECT, AgentObjects)
    template = found if isinstance(found, Missing) else found.value.template
    every = [seen for _, seen in evidence.of_pods(POD, LivePod)]
    pods = [seen.value for seen in every if not isinstance(seen, Missing)]
    of_objects = () if isinstance(template, Missing) else (template.value,)
    if any(map(_has, chain(of_objects, (each.template for each in pods)))):
        return True
    if not pods:
        return template if isinstance(template, Missing) else Missing(UnknownReason.SOURCE_MISSING, _NO_START)
    if any(_too_long(each) is not None for each in pods):
        return True
    if missing := next((seen for seen in every if isinstance(seen, Missing)), None):
        return missing
    if all(_in_time(each) >= STARTS for each in pods):
        return False
    return Missing(UnknownReason.OBSERVING, _observed(min(pods, key=_in_time)))


def _has(template: PodTemplate) -> bool:
    container = agent_of(template)
    return container is not None and has_probe(container, _PROBE)


def _budget(live: LivePod) -> float | None:
    container = agent_of(live.template)
    return None if container is None else liveness_budget(container)


def _too_long(live: LivePod) -> float | None:
    """Seconds of a start that was seen and was longer than the livenessProbe lets it; None: none was."""
    budget = _budget(live)
    return next((each.took for each in live.starts if each.seen and budget is not None and each.took > budget), None)


def _in_time(live: LivePod) -> int:
    budget = _budget(live)
    return sum(budget is None or each.took <= budget for each in live.starts)


def _observed(live: LivePod) -> str:
    return f"There is no startupProbe, and {_in_time(live)} of {STARTS} starts were observed to be in time."
