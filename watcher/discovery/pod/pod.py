"""What of a pod does the watcher need? Everything else of the object is let go at once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from watcher.discovery.pod.containers import (
    ConfigRef,
    Sidecar,
    agent_container,
    config_path,
    config_ref,
    named_ports,
    opa_beside,
)
from watcher.discovery.pod.labels import PodLabels, read_labels
from watcher.kube.requests import Raw

WATCH = "agentweave.io/watch"
_KEPT_LABELS = ("app.kubernetes.io/instance", "app.kubernetes.io/name", "pod-template-hash")
_KEPT_ANNOTATIONS = ("agentweave.io/watch", "prometheus.io/port", "prometheus.io/path", "prometheus.io/scheme")
_MOST_ANNOTATIONS, _LONGEST = 30, 300
_QUANTITY = re.compile(r"(?P<number>[0-9]{1,30}(?:\.[0-9]{1,30})?)(?P<unit>[KMGTPE]i|[numkMGTPE]?|[eE][-+]?[0-9]{1,2})")
_UNITS = {
    **{
        unit: Decimal(1000) ** power for power, unit in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
    },
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """The facts of one pod; equal pods need no second thought."""

    uid: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]  # at most 300 characters each: a longer one is cut, and too long for any fact
    owner: tuple[str, str] | None  # kind and name of the controller
    node: str
    service_account: str
    ip: str
    phase: str
    terminating: bool
    ready: bool
    is_agent: bool
    started_at: float | None  # Unix seconds at which its agent container first started, as far as the pod says
    ports: Mapping[str, int]  # of the agent's container, by name
    memory_limit: int | None
    cpu_limit: float | None
    config: ConfigRef | None
    opa: Sidecar | None
    restarts: int = 0  # of the agent's container
    described: PodLabels | None = None  # for ClusterSPIFFEID objects, where those are read


def read_pod(raw: Raw, named: frozenset[str] | None = None) -> Pod:
    """The facts of a pod as the API server gives it; one of MALFORMED_OBJECT (kube.requests) if it is none.

    `named`: annotations that are kept beside all labels for ClusterSPIFFEID objects; None: neither is.
    """
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    annotations = meta.get("annotations") or {}
    container = agent_container(spec.get("containers") or ())
    path = config_path(container)
    limits = (container.get("resources") or {}).get("limits") or {}
    return Pod(
        uid=str(meta["uid"]),
        namespace=str(meta["namespace"]),
        name=str(meta["name"]),
        labels={name: str(value) for name in _KEPT_LABELS if (value := (meta.get("labels") or {}).get(name))},
        annotations=dict(_kept(annotations)),
        owner=_owner(meta.get("ownerReferences") or ()),
        node=str(spec.get("nodeName") or ""),
        service_account=str(spec.get("serviceAccountName") or "default"),
        ip=str(status.get("podIP") or ""),
        phase=str(status.get("phase") or ""),
        terminating=bool(meta.get("deletionTimestamp")),
        ready=_moment_of("Ready", status) is not None,
        is_agent=path is not None or annotations.get(WATCH) == "true",
        started_at=_started_at(str(container.get("name")), status),
        ports=named_ports(container),
        memory_limit=_whole(quantity(limits.get("memory"))),
        cpu_limit=quantity(limits.get("cpu")),
        config=config_ref(path, container, spec) if path else None,
        opa=opa_beside(container, spec),
        restarts=_restarts(str(container.get("name")), status),
        described=None if named is None else read_labels(meta, named),
    )


def quantity(text: object) -> float | None:
    """A Kubernetes quantity such as `512Mi`, `500m` or `1e9`, over 0; None for anything else."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        return None
    try:
        unit = _UNITS[match["unit"]] if match["unit"] in _UNITS else Decimal("1" + match["unit"])
        return float(Decimal(match["number"]) * unit) or None
    except (InvalidOperation, OverflowError):
        return None


def _whole(number: float | None) -> int | None:
    return int(number) or None if number else None


def _kept(annotations: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    wanted = [name for name in annotations if name in _KEPT_ANNOTATIONS or name.startswith(f"{WATCH}-")]
    for name in sorted(wanted)[:_MOST_ANNOTATIONS]:
        yield name, str(annotations[name])[:_LONGEST]


def _owner(references: tuple[Raw, ...]) -> tuple[str, str] | None:
    return next(((str(each["kind"]), str(each["name"])) for each in references if each.get("controller")), None)


def _restarts(container: str, status: Raw) -> int:
    counts = (each.get("restartCount") for each in status.get("containerStatuses") or () if each["name"] == container)
    return int(next(counts, 0) or 0)


def _started_at(container: str, status: Raw) -> float | None:
    """None before its first start. After a restart only the pod's own history tells of the first one."""
    for each in status.get("containerStatuses") or ():
        if each.get("name") == container:
            running = (each.get("state") or {}).get("running")
            if running and not each.get("restartCount"):
                return _seconds(running.get("startedAt"))
            ended = (each.get("state") or {}).get("terminated") or (each.get("lastState") or {}).get("terminated")
            if running or ended or each.get("restartCount"):
                return _moment_of("Initialized", status) or _seconds(status.get("startTime"))
    return None


def _moment_of(condition: str, status: Raw) -> float | None:
    """Since when a condition of the pod is true; None where it is not."""
    for each in status.get("conditions") or ():
        if each.get("type") == condition and each.get("status") == "True":
            return _seconds(each.get("lastTransitionTime"))
    return None


def _seconds(moment: object) -> float:
    return datetime.fromisoformat(str(moment)).timestamp() if moment else 0.0
