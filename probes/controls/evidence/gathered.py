"""What was gathered of one agent: each source has been seen, or is missing for a reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar, cast

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import AttestableWhen, Bind

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class AgentRef(NamedTuple):
    """An agent: all its pods together."""

    namespace: str
    agent: str

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.namespace}/{self.agent}"


@dataclass(frozen=True, slots=True)
class Seen(Generic[T_co]):
    """What a source gave."""

    value: T_co
    observed_at: float  # Unix seconds
    ref: str  # where: `configmap/prod/search-config`, `deploy.yaml:12`, `pod/prod/search-0:8443`
    summary: str = ""  # what is to be seen of it, short and without secrets
    next_at: float | None = None  # Unix seconds of the next look, where one is planned


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a source gave nothing. An absent source is this with SourceMissing."""

    reason: UnknownReason
    message: str  # one sentence for a person
    next_at: float | None = None  # Unix seconds of the next look, where one is planned
    attestable: AttestableWhen | None = None  # what this absence lets people attest instead


NOT_GIVEN = Missing(UnknownReason.SOURCE_MISSING, "There is no such evidence here.")


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of the agent: what its vote depends on, and what was seen of it alone."""

    name: str
    revision: str  # of the workload, such as a template hash; "" where there are none
    revision_at: float  # Unix seconds: when the revision's first pod was made
    terminating: bool  # or it has ended
    ready_since: float | None  # Unix seconds; None while it is not Ready
    watched_since: float  # Unix seconds
    sources: Mapping[SourceName, Seen[object] | Missing] = field(default_factory=dict)
    workload: str = ""  # whose revision it is of; "" where nothing says


@dataclass(frozen=True, slots=True)
class EvidenceSet:
    """All that was gathered of one agent. What is of single pods stands in `pods`, all else in `sources`."""

    agent: AgentRef
    sources: Mapping[SourceName, Seen[object] | Missing] = field(default_factory=dict)
    pods: Mapping[str, Pod] = field(default_factory=dict)
    digests: Mapping[Bind, frozenset[str] | Missing] = field(default_factory=dict)  # what runs now: records bind to it
    version: str = ""  # of the agent, as the label app.kubernetes.io/version of its workload says; "": not known
    read: set[SourceName] = field(default_factory=set, compare=False, repr=False)  # what was asked for until now

    def of(self, source: SourceName, kind: type[T]) -> Seen[T] | Missing:
        """What this source gave of the agent as a whole; TypeError where it is not a `kind`."""
        self.read.add(source)
        return _typed(self.sources.get(source, NOT_GIVEN), kind)

    def of_pods(self, source: SourceName, kind: type[T]) -> Iterator[tuple[Pod, Seen[T] | Missing]]:
        """What this source gave of each pod for itself."""
        self.read.add(source)
        for pod in self.pods.values():
            yield pod, _typed(pod.sources.get(source, NOT_GIVEN), kind)

    def of_pod(self, source: SourceName, pod: Pod) -> Seen[object] | Missing | None:
        """What this source gave of one pod; None where it gave nothing, not even why."""
        self.read.add(source)
        return pod.sources.get(source)


def _typed(found: Seen[object] | Missing, kind: type[T]) -> Seen[T] | Missing:
    if isinstance(found, Missing):
        return found
    if not isinstance(found.value, kind):
        raise TypeError(f"expected {kind.__name__} from {found.ref}, got {type(found.value).__name__}")
    return cast("Seen[T]", found)  # checked above
