"""What of a pod does the watcher need? Everything else of the object is let go at once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

CONFIG_PATH = "AGENTWEAVE_CONFIG_PATH"
WATCH = "agentweave.io/watch"
_KEPT_LABELS = ("app.kubernetes.io/instance", "app.kubernetes.io/name", "pod-template-hash")
_KEPT_ANNOTATIONS = ("agentweave.io/watch", "prometheus.io/port", "prometheus.io/path", "prometheus.io/scheme")
_MOST_ANNOTATIONS, _MOST_ARGUMENTS, _LONGEST = 30, 50, 300
_QUANTITY = re.compile(r"(?P<number>[0-9]{1,30}(?:\.[0-9]{1,30})?)(?P<unit>[KMGTPE]i|[numkMGTPE]?|[eE][-+]?[0-9]{1,2})")
_UNITS = {
    **{
        unit: Decimal(1000) ** power for power, unit in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
    },
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}

Raw = Mapping[str, Any]
NOT_A_POD = (KeyError, TypeError, AttributeError, ValueError)


class ConfigRef(NamedTuple):
    """Where the agent's own config file comes from."""

    config_map: str
    key: str


class Sidecar(NamedTuple):
    """The OPA beside an agent: its image and how it was started."""

    image: str
    arguments: tuple[str, ...]


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


def read_pod(raw: Raw) -> Pod:
    """The facts of a pod as the API server gives it; NOT_A_POD if it is none."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    annotations = meta.get("annotations") or {}
    container = _agent_container(spec.get("containers") or ())
    config_path = _config_path(container)
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
        is_agent=config_path is not None or annotations.get(WATCH) == "true",
        started_at=_started_at(str(container.get("name")), status),
        ports=_ports(container),
        memory_limit=_whole(quantity(limits.get("memory"))),
        cpu_limit=quantity(limits.get("cpu")),
        config=_config_ref(config_path, container, spec) if config_path else None,
        opa=_opa((*(spec.get("containers") or ()), *_lasting(spec.get("initContainers") or ())), container),
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


def _agent_container(containers: tuple[Raw, ...]) -> Raw:
    """The one that says where its config is, else the one called `agent`, else the first."""
    for each in containers:
        if _config_path(each) is not None:
            return each
    return next((each for each in containers if each.get("name") == "agent"), containers[0] if containers else {})


def _config_path(container: Raw) -> str | None:
    return next(
        (str(each.get("value") or "") for each in container.get("env") or () if each.get("name") == CONFIG_PATH), None
    )


def _owner(references: tuple[Raw, ...]) -> tuple[str, str] | None:
    return next(((str(each["kind"]), str(each["name"])) for each in references if each.get("controller")), None)


def _ports(container: Raw) -> dict[str, int]:
    return {
        str(each["name"]): int(each["containerPort"])
        for each in container.get("ports") or ()
        if each.get("name") and each.get("protocol", "TCP") == "TCP"
    }


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


def _config_ref(path: str, container: Raw, spec: Raw) -> ConfigRef | None:
    """The ConfigMap and key behind the path; None where it is no ConfigMap (a Secret is never read)."""
    mounts = [each for each in container.get("volumeMounts") or () if _is_under(path, str(each.get("mountPath")))]
    if not mounts:
        return None
    mount = max(mounts, key=lambda each: len(str(each["mountPath"])))
    inside = path[len(str(mount["mountPath"]).rstrip("/")) :].strip("/")
    wanted = "/".join(part for part in (str(mount.get("subPath") or "").strip("/"), inside) if part)
    volume: Raw = next((each for each in spec.get("volumes") or () if each.get("name") == mount.get("name")), {})
    for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
        if config_map := source.get("configMap"):
            items = {str(each.get("path")): str(each["key"]) for each in config_map.get("items") or ()}
            if wanted in items or not items:
                return ConfigRef(str(config_map["name"]), items.get(wanted, wanted))
    return None


def _is_under(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _lasting(init_containers: tuple[Raw, ...]) -> Iterator[Raw]:
    """Those that run beside the others (native sidecars), not before them."""
    return (each for each in init_containers if each.get("restartPolicy") == "Always")


def _opa(containers: tuple[Raw, ...], agent: Raw) -> Sidecar | None:
    for each in containers:
        image = str(each.get("image") or "")
        if each is not agent and _is_opa(str(each.get("name")), image):
            words = (*(each.get("command") or ()), *(each.get("args") or ()))
            return Sidecar(image[:_LONGEST], tuple(str(word)[:_LONGEST] for word in words[:_MOST_ARGUMENTS]))
    return None


def _is_opa(name: str, image: str) -> bool:
    repository = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return name == "opa" or repository in ("opa", "opa-envoy") or repository.startswith("opa-")
