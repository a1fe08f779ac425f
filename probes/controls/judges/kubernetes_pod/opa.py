"""Whether an OPA that cannot be asked from outside is up, by what its own probe says."""

from collections.abc import Iterator

from probes.controls.catalogue.control import UnknownReason
from probes.controls.judges.kubernetes_object.case import short
from probes.controls.judges.kubernetes_object.container_probes import has_probe
from probes.controls.judges.kubernetes_pod.case import PodCase, pod_judge
from probes.controls.judging import Statement


@pod_judge("predeploy.opa.reachable")
def opa_is_up(case: PodCase) -> Iterator[Statement]:
    """Its container is Ready, by a readinessProbe; of an OPA that can be asked, asking decides."""
    live = case.seen
    if not live.opa or not live.opa_on_loopback:
        return
    container = next((each for each in live.template.containers() if each.name == live.opa), None)
    reported, name = live.run.container(live.opa), short(live.opa)
    if container is None or not has_probe(container, "readinessProbe"):
        told = f"Container {name} listens on loopback only and has no readinessProbe, so nobody knows whether it is up."
        yield case.unclear(UnknownReason.NO_DATA, told)
    elif reported is not None and reported.ready and reported.started:
        yield case.good(f"Container {name} listens on loopback only, and its readinessProbe succeeds.")
    else:
        yield case.unclear(UnknownReason.OBSERVING, f"Container {name} listens on loopback only and is not Ready.")
