"""Which targets does the config file list?"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from sys import intern
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, PositiveInt

from probes.contract import Bytes, Limits, Target, TargetKey
from probes.contract.target import DEFAULT_DECISION_PATH
from watcher.text.addresses import decision_path, host_port, http_url, spiffe_id
from watcher.text.key_path import plain_name

MAX_POOLS = 1000


def _name(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"expected no control characters, got {plain_name(text)}")
    if "/" in text:  # it stands between namespace and pod in URLs
        raise ValueError(f"expected no slash, got {plain_name(text)}")
    return text


def _capacity(value: object) -> object:
    counts = list(value.values()) if isinstance(value, dict) else [value]
    if not 0 < len(counts) <= MAX_POOLS or not all(type(count) is int and count > 0 for count in counts):
        raise ValueError(f"expected a whole number over 0, or a mapping of pools to such numbers, got {value!r}"[:200])
    return value


Name = Annotated[
    str, Field(min_length=1, max_length=253, json_schema_extra={"pattern": r"^[^/]+$"}), AfterValidator(_name)
]
Address = Annotated[str, AfterValidator(host_port)]
SPIFFEID = Annotated[str, AfterValidator(spiffe_id)]
DecisionPath = Annotated[str, AfterValidator(decision_path)]
HttpUrl = Annotated[
    str, AfterValidator(http_url), Field(json_schema_extra={"pattern": r"^https?://[^/?@#\s]+(?:[/?][^#\s]*)?$"})
]
PoolCapacity = Annotated[PositiveInt | dict[str, PositiveInt], BeforeValidator(_capacity)]


class AgentFiles(NamedTuple):
    """What the config names of an agent for the checklist."""

    manifests: Path | None
    agent_config: Path | None


class StaticTarget(BaseModel):
    """One agent instance. What is left out is not watched there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: Name = Field(description="namespace of the agent; namespace, agent and pod identify a target")
    agent: Name = Field(description="name of the agent")
    pod: Name | None = Field(default=None, description="name of the instance; left out: the agent's name")
    address: Address | None = Field(
        default=None, description="host:port of the mTLS port", examples=["10.0.0.7:8443", "[::1]:8443"]
    )
    spiffe_id: SPIFFEID | None = Field(
        default=None, description="the SPIFFE ID that it must serve; left out: only form and trust domain are judged"
    )
    metrics: HttpUrl | None = Field(default=None, description="URL of the metrics endpoint")
    opa: HttpUrl | None = Field(default=None, description="URL of the OPA that the agent asks")
    decision_path: DecisionPath = Field(
        default=DEFAULT_DECISION_PATH, description="path of the decision that the agent asks for, below /v1/data"
    )
    memory_limit: Annotated[Bytes, Field(gt=0)] | None = Field(default=None, description="memory limit, as a size")
    cpu_limit: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="CPU limit, in cores")
    pool_capacity: PoolCapacity | None = Field(
        default=None, description="size of its connection pools: one number for all, or a number by pool"
    )
    probes: dict[str, dict[str, JsonValue]] = Field(
        default={}, description="settings of probes that differ for this target"
    )

    manifests: Path | None = Field(
        default=None, description="file of its manifests, as `kubectl get -o yaml` prints them, for the checklist"
    )
    agent_config: Path | None = Field(default=None, description="file of its own config.yaml, for the checklist")

    def target(self, limits: Mapping[str, Limits]) -> Target:
        """What to look at, judged by these limits."""
        return Target(
            key=TargetKey(intern(self.namespace), intern(self.agent), self.pod or self.agent),  # many have the same
            address=self.address,
            spiffe_ids=(self.spiffe_id,) if self.spiffe_id else (),
            metrics=self.metrics,
            opa=self.opa,
            decision_path=self.decision_path,
            memory_limit=self.memory_limit,
            cpu_limit=self.cpu_limit,
            pool_capacity=self.pool_capacity,
            limits=limits,
        )


def agent_files(listed: Iterable[StaticTarget]) -> Mapping[tuple[str, str], AgentFiles]:
    """By namespace and agent; of several instances of an agent the first that names a file counts."""
    found: dict[tuple[str, str], AgentFiles] = {}
    for each in listed:
        before = found.get((each.namespace, each.agent), AgentFiles(None, None))
        files = AgentFiles(before.manifests or each.manifests, before.agent_config or each.agent_config)
        if files != (None, None):
            found[each.namespace, each.agent] = files
    return found
