"""One agent instance to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from probes.contract.limits import Limits

DEFAULT_DECISION_PATH = "agentweave/authz/allow"
"""What the SDK asks, whatever its `policy_path` says (research/identity_and_authorization.md, A4)."""

_NOTHING: Mapping[str, str] = {}
"""One for all targets."""


class TargetKey(NamedTuple):
    """Who a target is: never a bare name, for names repeat across namespaces."""

    namespace: str
    agent: str
    pod: str


class DeclaredPort(NamedTuple):
    """A TCP port that a container of the pod says it has."""

    number: int
    container: str
    probed: bool = False  # a kubelet asks it over plain HTTP


class KubeletProbe(NamedTuple):
    """What a kubelet asks of the agent over HTTP: at the pod's own address, without a certificate, without headers."""

    kind: Literal["liveness", "readiness"]
    secure: bool  # over TLS, of which a kubelet verifies nothing
    port: int
    path: str  # with the query


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to look at. An endpoint or fact that is None or empty is not there to be judged."""

    key: TargetKey
    address: str | None = None  # host:port of the mTLS port
    spiffe_ids: tuple[str, ...] = ()  # any of these is expected; none: only the form is judged
    metrics: str | None = None  # URL of the metrics page
    opa: str | None = None  # URL of the OPA that the agent asks
    decision_path: str = DEFAULT_DECISION_PATH
    memory_limit: int | None = None  # bytes
    cpu_limit: float | None = None  # cores
    pool_capacity: int | Mapping[str, int] | None = None  # connections: for every pool, or by pool
    discovered: bool = False  # it was found, and says of itself where it is: no credential is for it by itself
    inferred: frozenset[str] = frozenset()  # endpoints (`address`, `metrics`, `opa`) that nobody gave us
    origins: Mapping[str, str] = field(default_factory=lambda: _NOTHING)  # endpoint -> who says so, a few words
    unlearnt: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """Fields that may well have a value, which could not be discovered: why, a sentence. Absent is not the same."""
    declared_ports: tuple[DeclaredPort, ...] = ()  # of all its containers that run as long as the agent does
    formerly: str = ""  # the agent's name in the key as it was before more was known of the target
    kubelet_probes: tuple[KubeletProbe, ...] = ()  # those that can be asked as a kubelet asks them
    restarts: int = 0  # of the agent's container: with each there is another process, that may behave in another way
    limits: Mapping[str, Limits] = field(default_factory=dict)  # probe name -> its limits for this target
    node: str = ""
    workload: str = ""
    workload_object: str = ""  # the same as kubectl takes it, such as `deployment/search`
    alert_labels: tuple[tuple[str, str], ...] = ()  # what alerts on it carry, such as its team: names and values
    grace_until: float = (
        0.0  # seconds as `EvaluationContext.now` has them: until then it is starting, and not to answer is no fault
    )
    problems: tuple[str, ...] = ()  # what is wrong with what we were told of it, a sentence each
