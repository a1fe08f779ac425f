"""What of a pod does the watcher need? Everything else of the object is let go at once."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from probes.contract.target import DeclaredPort, KubeletProbe
from watcher.discovery.pod.config_place import ConfigPlace, ConfigQuestion, config_of
from watcher.discovery.pod.containers import (
    Sidecar,
    agent_container,
    kubelet_probes,
    named_ports,
    names_config,
    opa_beside,
    other_agents,
    said_of_other_agents,
    status_of,
)
from watcher.discovery.pod.declared_ports import declared_ports
from watcher.discovery.pod.labels import PodLabels, read_labels
from watcher.discovery.pod.resources import given_limits
from watcher.kube.objects import Raw

WATCH = "agentweave.io/watch"
POD_TEMPLATE_HASHES = ("pod-template-hash", "rollouts-pod-template-hash")
"""Labels whose value ends the name of a ReplicaSet: of a Deployment, and of an Argo Rollout."""

KNATIVE_SERVICE = "serving.knative.dev/service"
_KEPT_LABELS = (
    *("app.kubernetes.io/instance", "app.kubernetes.io/name"),
    *POD_TEMPLATE_HASHES,
    KNATIVE_SERVICE,
)
SCRAPED_PORT, SCRAPED_PATH, SCRAPED_SCHEME = (f"prometheus.io/{field}" for field in ("port", "path", "scheme"))
_KEPT_ANNOTATIONS = (WATCH, SCRAPED_PORT, SCRAPED_PATH, SCRAPED_SCHEME)
_MOST_ANNOTATIONS, _LONGEST = 30, 300


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
    is_agent: bool  # for certain; with a `question` it may be one
    started_at: float | None  # Unix seconds at which its agent container first started, as far as the pod says
    ports: Mapping[str, int]  # of the agent's container, by name
    memory_limit: int | None
    cpu_limit: float | None
    opa: Sidecar | None
    place: ConfigPlace | None = None  # of its config; None: it does not say where, or there is a question
    restarts: int = 0  # of the agent's container
    declared_ports: tuple[DeclaredPort, ...] = ()  # of all containers that run as long as the agent does
    kubelet_probes: tuple[KubeletProbe, ...] = ()  # of the agent's container
    described: PodLabels | None = None  # for ClusterSPIFFEID objects, where those are read
    created_at: float = 0.0  # Unix seconds
    question: ConfigQuestion | None = None  # must be answered to know where its config is
    secret_variables: bool = False  # of the agent's container: what they are is never read
    resize_problem: str = ""
    several_agents: str = ""  # what else in it is an agent, a sentence
    unreadable: str = ""  # why the object says nothing but who it is


def read_pod(raw: Raw, named: frozenset[str] | None = None, carried: Collection[str] = ()) -> Pod:
    """The facts of a pod as the API server gives it; one of MALFORMED_OBJECT (kube.requests) if it is none.

    `named`: annotations that are kept beside all labels for ClusterSPIFFEID objects; None: neither is.
    `carried`: labels that are wanted beside those that say who the agent is.
    """
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    annotations = meta.get("annotations") or {}
    container = agent_container(spec)
    reported = status_of(container, status)
    place = config_of(container, spec)
    limits = given_limits(container, reported, spec, status)
    return Pod(
        uid=str(meta["uid"]),
        namespace=str(meta["namespace"]),
        name=str(meta["name"]),
        labels=_shared(tuple(_labels(meta, (*_KEPT_LABELS, *carried)))),
        annotations=_shared(tuple(_kept(annotations))),
        owner=_owner(meta.get("ownerReferences") or ()),
        node=str(spec.get("nodeName") or ""),
        service_account=str(spec.get("serviceAccountName") or "default"),
        ip=str(status.get("podIP") or ""),
        phase=str(status.get("phase") or ""),
        terminating=bool(meta.get("deletionTimestamp")),
        ready=_moment_of("Ready", status) is not None,
        is_agent=names_config(container) or annotations.get(WATCH) == "true",
        started_at=_started_at(reported, status),
        ports=named_ports(container),
        memory_limit=limits.memory,
        cpu_limit=limits.cpu,
        place=place if isinstance(place, ConfigPlace) else None,
        opa=opa_beside(container, spec),
        restarts=int(reported.get("restartCount") or 0),
        declared_ports=declared_ports(spec),
        kubelet_probes=kubelet_probes(container),
        described=None if named is None else read_labels(meta, named),
        created_at=_seconds(meta.get("creationTimestamp")),
        question=place if isinstance(place, ConfigQuestion) else None,
        secret_variables=any(each.get("secretRef") for each in container.get("envFrom") or ()),
        resize_problem=limits.problem,
        several_agents=said_of_other_agents(container, other_agents(container, spec), "watched"),
    )


_ONLY_NAMED = Pod(
    uid="",
    namespace="",
    name="",
    labels={},
    annotations={},
    owner=None,
    node="",
    service_account="",
    ip="",
    phase="",
    terminating=False,
    ready=False,
    is_agent=False,
    started_at=None,
    ports={},
    memory_limit=None,
    cpu_limit=None,
    opa=None,
)


def only_named(raw: Raw, why: str) -> Pod:
    """A pod of whose object only the names can be read; one of MALFORMED_OBJECT where not even these can."""
    meta = raw["metadata"]
    uid, namespace, name = (str(meta[each]) for each in ("uid", "namespace", "name"))
    return replace(_ONLY_NAMED, uid=uid, namespace=namespace, name=name, unreadable=why)


@lru_cache(maxsize=4096)  # one object for all pods of a workload
def _shared(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return dict(pairs)


def _labels(meta: Raw, wanted: Iterable[str]) -> Iterator[tuple[str, str]]:
    labels = meta.get("labels") or {}
    for name in wanted:
        if value := labels.get(name):
            yield name, str(value)


def _kept(annotations: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    wanted = [name for name in annotations if name in _KEPT_ANNOTATIONS or name.startswith(f"{WATCH}-")]
    for name in sorted(wanted)[:_MOST_ANNOTATIONS]:
        yield name, str(annotations[name])[:_LONGEST]


def _owner(references: tuple[Raw, ...]) -> tuple[str, str] | None:
    return next(((str(each["kind"]), str(each["name"])) for each in references if each.get("controller")), None)


def _started_at(reported: Raw, status: Raw) -> float | None:
    """None before its first start. After a restart only the pod's own history tells of the first one."""
    running = (reported.get("state") or {}).get("running")
    if running and not reported.get("restartCount"):
        return _seconds(running.get("startedAt"))
    ended = (reported.get("state") or {}).get("terminated") or (reported.get("lastState") or {}).get("terminated")
    if running or ended or reported.get("restartCount"):
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
