"""What is kept of a pod for the checklist: its template, which many share, and what a kubelet says of it."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from probes.controls.evidence.live_pod import ContainerRun, Ended, PodRun
from watcher.discovery.pod.kept.template import KeptTemplate, keep_template
from watcher.discovery.pod.labels import PodLabels, read_labels
from watcher.kube.objects import Raw

REVISIONS = ("pod-template-hash", "controller-revision-hash", "rollouts-pod-template-hash")
_NO_ANNOTATIONS: frozenset[str] = frozenset()
_LONGEST = 300
_MOST_CONTAINERS = 100


class KeptPod(NamedTuple):
    """The facts of one pod."""

    template: KeptTemplate
    run: PodRun
    labels: PodLabels


def keep_pod(raw: Raw) -> KeptPod:
    """What is kept of a pod as the API server gives it; one of MALFORMED_OBJECT if it is none."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    statuses = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
        *(status.get("ephemeralContainerStatuses") or ()),
    ]
    labels = read_labels(meta, _NO_ANNOTATIONS)
    return KeptPod(keep_template(meta, _as_it_is(spec, statuses)), _run(meta, spec, status, statuses, labels), labels)


def seconds(moment: object) -> float:
    """Unix seconds of a time of Kubernetes; 0 where there is none."""
    return datetime.fromisoformat(str(moment)).timestamp() if moment else 0.0


def _run(meta: Raw, spec: Raw, status: Raw, statuses: list[Raw], labels: PodLabels) -> PodRun:
    return PodRun(
        revision=next((labels.labels[each] for each in REVISIONS if labels.labels.get(each)), ""),
        node=str(spec.get("nodeName") or ""),
        phase=str(status.get("phase") or ""),
        created_at=seconds(meta.get("creationTimestamp")),
        ready_since=_ready_since(status),
        ends_since=_ends_since(meta),
        containers=tuple(_container(each) for each in statuses[:_MOST_CONTAINERS]),
        quality=str(status.get("qosClass") or ""),
    )


def _ready_since(status: Raw) -> float | None:
    for each in status.get("conditions") or ():
        if each.get("type") == "Ready" and each.get("status") == "True":
            return seconds(each.get("lastTransitionTime")) or seconds(status.get("startTime"))
    return None


def _ends_since(meta: Raw) -> float | None:
    """The API server tells when the pod must have ended: what it is given for that is over by then."""
    if not meta.get("deletionTimestamp"):
        return None
    return seconds(meta["deletionTimestamp"]) - float(meta.get("deletionGracePeriodSeconds") or 0)


def _container(reported: Raw) -> ContainerRun:
    state, before = reported.get("state") or {}, reported.get("lastState") or {}
    running, waiting = state.get("running") or {}, state.get("waiting") or {}
    ended = state.get("terminated") or before.get("terminated")
    return ContainerRun(
        name=str(reported.get("name")),
        image_id=_shared(str(reported.get("imageID") or "")[:_LONGEST]),
        restarts=int(reported.get("restartCount") or 0),
        ready=reported.get("ready") is True,
        started=reported.get("started") is True,
        running_since=seconds(running.get("startedAt")) or None,
        waiting=str(waiting.get("reason") or "")[:_LONGEST],
        ended=_ended(ended) if ended else None,
    )


def _ended(reported: Raw) -> Ended:
    return Ended(
        code=int(reported.get("exitCode") or 0),
        signal=int(reported.get("signal") or 0),
        reason=str(reported.get("reason") or "")[:_LONGEST],
        started_at=seconds(reported.get("startedAt")),
        finished_at=seconds(reported.get("finishedAt")),
    )


@lru_cache(maxsize=4096)  # names of images are longer than what the reader of JSON shares
def _shared(text: str) -> str:
    return text


def _as_it_is(spec: Raw, statuses: list[Raw]) -> Raw:
    """With the resources that a kubelet says it gave, which an in-place resize changes later than the spec."""
    reported = {
        str(each.get("name")): each["resources"] for each in statuses if isinstance(each.get("resources"), dict)
    }
    if not reported:
        return spec
    named = {key: [_given(each, reported) for each in spec.get(key) or ()] for key in ("initContainers", "containers")}
    return {**spec, **{key: given for key, given in named.items() if key in spec}}


def _given(container: Raw, reported: Mapping[str, Any]) -> Raw:
    own = reported.get(str(container.get("name")))
    return container if own is None or own == (container.get("resources") or {}) else {**container, "resources": own}
