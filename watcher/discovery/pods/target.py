"""Is this pod a target, and what is known of it? Pure: pods, texts and settings in, a target or a reason out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from probes.contract import Limits, Target, TargetKey
from probes.contract.address import join_host_port
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.identities.cluster_spiffe_ids import Declared
from watcher.discovery.identities.expected import expected_ids
from watcher.discovery.pod.agent_config import AgentConfig
from watcher.discovery.pod.allowed_addresses import refusal
from watcher.discovery.pod.annotations import Overrides, read_overrides
from watcher.discovery.pod.opa import find_opa
from watcher.discovery.pod.pod import Pod

HTTPS_PORT, METRICS_PORT = 8443, 9090
_NOTHING_DECLARED = Declared()
_LEAST_OPEN_FOR = 60.0


class PodState(StrEnum):
    """What a pod that was seen is to the watcher."""

    TARGET = "target"
    PENDING = "pending"
    TERMINATING = "terminating"
    FINISHED = "finished"
    NOT_AGENT = "not_agent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Known:
    """What stays as it was first found, for a pod's life."""

    agent: str
    started_at: float  # steady seconds, never later than when we first saw it
    was_ready: bool


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
    problems: tuple[str, ...] = ()
    known: Known | None = None


def state_of(pod: Pod, around: Surroundings) -> tuple[PodState, str]:
    """Told from the pod alone, before its config is read."""
    if not pod.is_agent:
        return PodState.NOT_AGENT, "neither AGENTWEAVE_CONFIG_PATH nor the annotation agentweave.io/watch: true"
    if pod.phase in ("Succeeded", "Failed"):
        return PodState.FINISHED, f"its phase is {pod.phase}"
    if pod.terminating:
        return PodState.TERMINATING, "it is being deleted"
    if not pod.ip or pod.started_at is None:
        return PodState.PENDING, "its agent has not started yet" if pod.ip else "it has no address yet"
    why = refusal(pod.ip, around.settings.allow_cidrs, around.api_servers)
    return (PodState.REFUSED, why) if why else (PodState.TARGET, "")


def find_target(
    pod: Pod,
    config: AgentConfig,
    service_id: str | None,
    around: Surroundings,
    known: Known | None,
    now: float,
    declared: Declared = _NOTHING_DECLARED,
    ahead: float = 0.0,
) -> FoundPod:
    """The target that a pod is at `now` (steady seconds); the date is `ahead` of that scale.

    `service_id`: what the Service of its workload says; `declared`: what ClusterSPIFFEID objects say.
    """
    state, why = state_of(pod, around)
    if state is not PodState.TARGET:
        return FoundPod(state=state, why=why, known=known)
    overrides = read_overrides(pod.annotations, around.settings.overrides)
    known = _known(pod, config, known, now, ahead)
    expected = expected_ids(pod, known.agent, workload(pod), service_id, declared, around.settings)
    opa = find_opa(pod, config, overrides.opa_port, around.settings.allowed_hosts)
    address_port = overrides.port or pod.ports.get("https")
    metrics_port = overrides.metrics_port or pod.ports.get("metrics") or overrides.scraped_port
    guessed = {"address": not address_port, "metrics": not metrics_port, "opa": opa.inferred}
    target = Target(
        key=TargetKey(pod.namespace, known.agent, pod.name),
        address=join_host_port(pod.ip, address_port or HTTPS_PORT),
        spiffe_ids=expected.ids,
        metrics=_metrics(pod.ip, metrics_port or METRICS_PORT, overrides),
        opa=opa.url,
        memory_limit=pod.memory_limit,
        cpu_limit=pod.cpu_limit,
        pool_capacity=overrides.pool_capacity or config.max_connections,
        discovered=True,
        inferred=frozenset(part for part, guess in guessed.items() if guess),
        limits=_limits(config, around),
        node=pod.node,
        workload=workload(pod),
        problems=(*config.problems, *overrides.problems, *expected.problems, *opa.problems),
        grace_until=0.0 if known.was_ready else known.started_at + around.settings.startup_grace,
    )
    return FoundPod(state=PodState.TARGET, target=target, problems=target.problems, known=known)


def workload(pod: Pod) -> str:
    """The top owner's name: of a ReplicaSet its Deployment, told by the pod-template-hash; else the pod's own."""
    if pod.owner is None:
        return pod.name
    kind, name = pod.owner
    template_hash = pod.labels.get("pod-template-hash")
    return name.removesuffix(f"-{template_hash}") if kind == "ReplicaSet" and template_hash else name


def _known(pod: Pod, config: AgentConfig, known: Known | None, now: float, ahead: float) -> Known:
    if known is None:
        labels = (pod.labels.get(f"app.kubernetes.io/{label}") for label in ("instance", "name"))
        agent = config.name or next((label for label in labels if label), None) or workload(pod)
        started_at = now if pod.started_at is None else min(pod.started_at - ahead, now)
        known = Known(agent, started_at, was_ready=pod.ready)
    return replace(known, was_ready=True) if pod.ready and not known.was_ready else known


def _metrics(ip: str, port: int, overrides: Overrides) -> str:
    return f"{overrides.metrics_scheme}://{join_host_port(ip, port)}{overrides.metrics_path}"


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
