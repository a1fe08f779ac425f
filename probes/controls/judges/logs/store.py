"""Do lines reach the central store, and are they kept for a set time?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Arrived, Missing, Pod
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.judges.kubernetes_object.case import short
from probes.controls.judges.logs.case import LEAST_REQUESTS, SOURCE, LogCase, log_judge
from probes.controls.judging import Says, Statement

_HOUR = 3600.0


@log_judge("observability.logging.centralized")
def centralized(case: LogCase) -> Iterator[Statement]:
    """Whether the store has new lines of each pod that has run for an hour."""
    arrived = case.seen.arrived
    if arrived is NOT_GIVEN:
        told = "Lines are read of the pods, not of a central store."
        yield case.unclear(UnknownReason.SOURCE_MISSING, told)
        return
    if isinstance(arrived, Missing):
        yield case.unclear(arrived.reason, arrived.message)
        return
    by_pod = {each.pod: each for each in arrived}
    old = [pod for pod in case.evidence.pods.values() if _has_run(pod, case.facts.now)]
    for pod in old:
        if pod.name in by_pod:
            yield _of_pod(case, pod, by_pod[pod.name])
    if not any(pod.name in by_pod for pod in old):
        yield case.unclear(
            UnknownReason.OBSERVING, "No pod has been Ready for an hour, so what is missing tells nothing."
        )


@log_judge("observability.logging.retention-configured")
def retention(case: LogCase) -> Iterator[Statement]:
    """Whether the store keeps lines for ever."""
    found = case.seen.retention
    if not isinstance(found, Missing) and found.refuted:
        yield Statement(SOURCE, Says.BAD, found.refuted[:200], found.ref)


def _has_run(pod: Pod, now: float) -> bool:
    return not pod.terminating and pod.ready_since is not None and now - pod.ready_since >= _HOUR


def _of_pod(case: LogCase, pod: Pod, arrived: Arrived) -> Statement:
    name, requests = short(pod.name), case.requests_of(pod)
    if arrived.quarter:
        return case.good(f"The store has {arrived.quarter} lines of pod {name} from the last 15 min.")
    if arrived.hour:
        told = f"The store has lines of pod {name} from the last hour, and none of the last 15 min."
        return case.unclear(UnknownReason.OBSERVING, told)
    if requests is not None and requests >= LEAST_REQUESTS:
        told = f"The store has had no line of pod {name} for an hour, in which it served {requests:.0f} requests."
        return case.bad(told)
    told = f"The store has had no line of pod {name} for an hour, in which it had hardly any request."
    return case.unclear(UnknownReason.NO_DATA, told)
