"""Whether the agent's container has its probes, and whether they have been content for a while."""

from collections.abc import Iterator

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence.live_pod import ContainerRun
from probes.controls.judges.kubernetes_object.case import short
from probes.controls.judges.kubernetes_object.container_probes import NO_AGENT, agent_of, has_probe
from probes.controls.judges.kubernetes_pod.case import PodCase, pod_judge
from probes.controls.judging import Statement

WATCHED = 900.0
"""Seconds without a restart, or Ready without a break, that show that a probe works."""


@pod_judge("reliability.health.liveness-configured")
def liveness(case: PodCase) -> Iterator[Statement]:
    """It has a livenessProbe, and no container of the pod restarted for a while."""
    if said := _without(case, "livenessProbe"):
        yield said
        return
    run = case.seen.run
    restarted = [_restarted_at(each, case.facts.now) for each in run.containers if each.restarts]
    began = [each.running_since for each in run.containers if each.running_since is not None]
    since = max([*restarted, min(began, default=case.facts.now)])
    if case.facts.now - since < WATCHED:
        told = "It has a livenessProbe, and has not run for 15 min without a restart."
        yield case.unclear(UnknownReason.OBSERVING, told, since + WATCHED)
    else:
        yield case.good("It has a livenessProbe, and no container restarted in the last 15 min.")


def _restarted_at(container: ContainerRun, now: float) -> float:
    """Unix seconds of its newest restart: where its last end is told no more, when what runs now began."""
    if container.ended is not None:
        return container.ended.finished_at
    return now if container.running_since is None else container.running_since


@pod_judge("reliability.health.readiness-configured")
def readiness(case: PodCase) -> Iterator[Statement]:
    """It has a readinessProbe, and the pod has been Ready for a while."""
    if said := _without(case, "readinessProbe"):
        yield said
        return
    since = case.seen.run.ready_since
    if since is None:
        yield case.unclear(UnknownReason.OBSERVING, "It has a readinessProbe, and is not Ready.")
    elif case.facts.now - since < WATCHED:
        told = "It has a readinessProbe, and has not been Ready for 15 min."
        yield case.unclear(UnknownReason.OBSERVING, told, since + WATCHED)
    else:
        yield case.good("It has a readinessProbe, and has been Ready for 15 min.")


def _without(case: PodCase, key: str) -> Statement | None:
    """That there is no such probe; None where there is one."""
    container = agent_of(case.seen.template)
    if container is None:
        return case.unclear(UnknownReason.NO_DATA, NO_AGENT)
    return None if has_probe(container, key) else case.bad(f"Container {short(container.name)} has no {key}.")
