"""Is this pod a target, and what is known of it? Pure: pods, texts and settings in, a target or a reason out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from probes.contract import Limits, Target, TargetKey
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.identities.cluster_spiffe_ids import Declared
from watcher.discovery.identities.expected import expected_ids
from watcher.discovery.pod.agent_config import AgentConfig
from watcher.discovery.pod.allowed_addresses import refusal
from watcher.discovery.pod.annotations import read_overrides
from watcher.discovery.pod.config_place import CONFIG_PATH
from watcher.discovery.pod.endpoints import metrics_endpoint, mtls_endpoint
from watcher.discovery.pod.opa import find_opa
from watcher.discovery.pod.pod import WATCH, Pod
from watcher.discovery.pod.pools import pool_capacity
from watcher.discovery.pod.workload import agent_name, workload, workload_object
from watcher.discovery.pods.carried_labels import Carried
from watcher.discovery.pods.details import Details

UNDECIDED = "it is not known whether it is an agent"
_UNLEARNT = {
    "pool_capacity": "The size of its connection pools",
    "opa": "Which OPA it asks",
    "spiffe_ids": "Which SPIFFE ID it should serve",
}
_ALL_LEARNT: Mapping[str, str] = {}
_NOTHING_DECLARED = Declared()
_NOTHING_CARRIED = Carried()
_LEAST_OPEN_FOR = 60.0


class PodState(StrEnum):
    """What a pod that was seen is to the watcher."""

    TARGET = "target"
    PENDING = "pending"
    TERMINATING = "terminating"
    FINISHED = "finished"
    NOT_AGENT = "not_agent"
    REFUSED = "refused"


_ENDED = (PodState.TERMINATING, PodState.FINISHED)


@dataclass(frozen=True, slots=True)
class Known:
    """What stays as it was found, for a pod's life."""

    agent: str
    started_at: float  # steady seconds, never later than when we first saw it
    was_ready: bool
    is_final: bool = False  # whether the agent's name is; else it is corrected once, when its config can be read
    formerly: str = ""  # the name until it was corrected


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What else is known when a pod is judged."""

    settings: KubernetesSettings
    limits: Mapping[str, Limits]  # of all probes, for the whole fleet
    api_servers: Collection[str] = ()  # their addresses
    widened: dict[float, Mapping[str, Limits]] = field(default_factory=dict)  # by `open_for`: one object for equals


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPod:
    """What a pod is, and why; `known` goes to the next evaluation of the same pod."""

    state: PodState
    why: str = ""
    target: Target | None = None
    known: Known | None = None
    by_itself: bool = False  # it is so since it was made: its own object says that, and none that we read beside it


def state_of(pod: Pod, around: Surroundings, is_agent: bool | None = None) -> tuple[PodState, str]:
    """Told from the pod alone; `is_agent`: what ConfigMaps of its variables tell, None before that is known."""
    if pod.unreadable:
        return PodState.REFUSED, pod.unreadable
    maybe = not pod.is_agent and pod.question is not None
    if not pod.is_agent and (not maybe or is_agent is False):
        return PodState.NOT_AGENT, _not_agent(pod)
    if pod.phase in ("Succeeded", "Failed"):
        return PodState.FINISHED, f"its phase is {pod.phase}"
    if pod.terminating:
        return PodState.TERMINATING, "it is being deleted"
    if not pod.ip or pod.started_at is None:
        return PodState.PENDING, "its agent has not started yet" if pod.ip else "it has no address yet"
    if why := refusal(pod.ip, around.settings.allow_cidrs, around.api_servers):
        return PodState.REFUSED, why
    return (PodState.PENDING, UNDECIDED) if maybe and is_agent is None else (PodState.TARGET, "")


def _not_agent(pod: Pod) -> str:
    why = f"neither {CONFIG_PATH} nor the annotation {WATCH}: true"
    if pod.question is not None:
        why = f"{why}, nor is the variable in the ConfigMaps of its envFrom"
    return f"{why}; Secrets of its envFrom are never read" if pod.secret_variables else why


def find_target(
    pod: Pod,
    details: Details,
    around: Surroundings,
    known: Known | None,
    now: float,
    declared: Declared = _NOTHING_DECLARED,
    ahead: float = 0.0,
    clash: str = "",
    carried: Carried = _NOTHING_CARRIED,
) -> FoundPod:
    """The target that a pod is at `now` (steady seconds); the date is `ahead` of that scale.

    `declared`: what ClusterSPIFFEID objects say; `clash`: why the name of its agent is not its own, a sentence.
    `carried`: labels for its alerts.
    """
    state, why = state_of(pod, around, details.is_agent)
    if state is not PodState.TARGET:
        said = f"{why}: {details.config.unlearnt}" if why == UNDECIDED and details.config.unlearnt else why
        by_itself = why != UNDECIDED and details.is_agent is None and state not in _ENDED
        return FoundPod(state=state, why=said, known=known, by_itself=by_itself)
    config, settings = details.config, around.settings
    overrides = read_overrides(pod.annotations, settings.overrides)
    known = _known(pod, config, known, now, ahead)
    of = workload(pod)
    expected = expected_ids(pod, known.agent, of, details, declared, settings)
    opa = find_opa(pod, config, overrides.opa_port, settings.allowed_hosts)
    mtls, metrics = mtls_endpoint(pod, overrides), metrics_endpoint(pod, overrides)
    pools = pool_capacity(overrides, config)
    missing = {"pool_capacity": pools.unlearnt, "opa": opa.unlearnt, "spiffe_ids": "; ".join(expected.problems)}
    problems = (
        *config.problems,
        details.service_problem,
        *overrides.problems,
        *expected.problems,
        *opa.problems,
        *pools.problems,
    )
    target = Target(
        key=TargetKey(pod.namespace, known.agent, pod.name),
        address=mtls.at,
        spiffe_ids=expected.ids,
        metrics=metrics.at,
        opa=opa.url,
        memory_limit=pod.memory_limit,
        cpu_limit=pod.cpu_limit,
        pool_capacity=pools.capacity,
        discovered=True,
        inferred=_named(address=mtls.guessed, metrics=metrics.guessed, opa=opa.inferred),
        origins=_origins(mtls.origin, metrics.origin, opa.origin),
        unlearnt=_unlearnt(missing) if any(missing.values()) else _ALL_LEARNT,
        declared_ports=pod.declared_ports,
        formerly=known.formerly,
        kubelet_probes=pod.kubelet_probes,
        restarts=pod.restarts,
        limits=_limits(config, around),
        node=pod.node,
        workload=of,
        workload_object=workload_object(pod),
        alert_labels=carried.labels,
        problems=_once(*problems, *missing.values(), pod.resize_problem, pod.several_agents, clash, carried.problem),
        grace_until=0.0 if known.was_ready else known.started_at + settings.startup_grace,
    )
    return FoundPod(state=PodState.TARGET, target=target, known=known, by_itself=pod.question is None)


# What whole fleets have in common is one object for all of them.
@lru_cache(maxsize=8)
def _named(*, address: bool, metrics: bool, opa: bool) -> frozenset[str]:
    parts = {"address": address, "metrics": metrics, "opa": opa}
    return frozenset(part for part, holds in parts.items() if holds)


@lru_cache(maxsize=256)
def _origins(address: str, metrics: str, opa: str) -> Mapping[str, str]:
    said = {"address": address, "metrics": metrics, "opa": opa}
    return {part: origin for part, origin in said.items() if origin}


def _unlearnt(missing: Mapping[str, str]) -> Mapping[str, str]:
    return {part: f"{_UNLEARNT[part]} could not be discovered: {why}." for part, why in missing.items() if why}


def _once(*problems: str) -> tuple[str, ...]:
    """Each problem once; what several facts are missing for is one problem."""
    return tuple(dict.fromkeys([each for each in problems if each]))


def _known(pod: Pod, config: AgentConfig, known: Known | None, now: float, ahead: float) -> Known:
    is_final = config.is_final and not config.doubt("agent.name")
    if known is None:
        started_at = now if pod.started_at is None else min(pod.started_at - ahead, now)
        known = Known(agent_name(pod, config), started_at, was_ready=pod.ready, is_final=is_final)
    elif is_final and not known.is_final:
        name = agent_name(pod, config)
        known = replace(known, agent=name, formerly=known.agent if name != known.agent else "", is_final=True)
    return replace(known, was_ready=True) if pod.ready and not known.was_ready else known


def _limits(config: AgentConfig, around: Surroundings) -> Mapping[str, Limits]:
    """The fleet's, but an open breaker is given the time that the agent's own config gives it to recover."""
    fleet = around.limits.get("breaker")
    least = getattr(fleet, "open_for", None)
    if fleet is None or least is None or config.recovery is None:
        return around.limits
    open_for = max(_LEAST_OPEN_FOR, least, 2 * config.recovery)
    if open_for == least:
        return around.limits
    if open_for not in around.widened:
        around.widened[open_for] = {**around.limits, "breaker": fleet.model_copy(update={"open_for": open_for})}
    return around.widened[open_for]
