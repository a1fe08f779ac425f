"""Kubernetes objects that concern one agent: from the cluster or from manifests, as JSON values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from probes.controls.evidence.endings import Routed
from probes.controls.evidence.gathered import NOT_GIVEN, Missing, Seen

Json = Mapping[str, object]


class ReadText(NamedTuple):
    """The text that objects were read from."""

    file: str
    offset: int  # lines before those that `lines` counts from 1
    lines: Mapping[int, Mapping[str | int, int]]  # the id of each mapping and list -> its keys or numbers -> the line

    def ref_at(self, value: object, *place: str | int) -> str:
        """`deploy.yaml:12`, where what is at this place below the value stands, or the nearest above it that is there.

        Empty where not even the value's own line is known.
        """
        line = min(self.lines.get(id(value), {}).values(), default=0)
        for part in place:
            known = self.lines.get(id(value), {})
            if part not in known:
                break
            line, value = known[part], value[part]  # type: ignore[index]  # its own key or number
        return f"{self.file}:{line + self.offset}" if line else ""


@dataclass(frozen=True, slots=True)
class KubeObject:
    """One object as it was read."""

    kind: str
    namespace: str
    name: str
    body: Json
    ref: str  # `deploy.yaml:12`, or uid and resourceVersion
    line: int | None = None  # of its document in a manifest

    @property
    def read_from(self) -> ReadText | None:
        """The text that it was read from, where it was one."""
        return None

    def at(self, *place: str | int, of: object = None) -> str:
        """Where what is at this place of it, or of this part of it, stands; else where it was read."""
        found = self.read_from.ref_at(self.body if of is None else of, *place) if self.read_from else ""
        return found or self.ref


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects of one kind. What is in it is proven to be there; that something is not, only where nothing lacks."""

    objects: tuple[KubeObject, ...]
    lacks: Missing | None = None  # why there may be more than these

    @property
    def complete(self) -> bool:
        """Whether these are all, so that an empty list is a fact."""
        return self.lacks is None


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod."""

    name: str
    role: Literal["main", "init", "sidecar"]  # a native sidecar is an init container with restartPolicy Always
    body: Json
    agent: bool  # the agent's own
    read_from: ReadText | None = field(default=None, compare=False, repr=False)

    def at(self, *place: str | int, of: object = None) -> str:
        """Where what is at this place of it, or of this part of it, stands; empty where that is not known."""
        return self.read_from.ref_at(self.body if of is None else of, *place) if self.read_from else ""


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """The pod template of the agent's workload; of a bare pod, the pod."""

    metadata: Json
    spec: Json
    agent_container: str  # name of the agent's own; "" where it cannot be told
    read_from: ReadText | None = field(default=None, compare=False, repr=False)

    def at(self, value: object, *place: str | int) -> str:
        """Where what is at this place below a part of it stands; empty where that is not known."""
        return self.read_from.ref_at(value, *place) if self.read_from else ""

    @property
    def service_account(self) -> str:
        """Of the pod, also by the old key `serviceAccount`; empty where none is named."""
        name = self.spec.get("serviceAccountName") or self.spec.get("serviceAccount")
        return name if isinstance(name, str) else ""

    def containers(self) -> Iterator[Container]:
        """Init containers and native sidecars first, as they start. Broken ones are left out."""
        for key, plain in (("initContainers", "init"), ("containers", "main")):
            given = self.spec.get(key)
            for body in given if isinstance(given, list) else ():
                if isinstance(body, dict) and isinstance(name := body.get("name"), str):
                    native = plain == "init" and body.get("restartPolicy") == "Always"
                    role: Literal["main", "init", "sidecar"] = (
                        "sidecar" if native else "init" if plain == "init" else "main"
                    )
                    is_agent = role != "init" and name == self.agent_container
                    yield Container(name, role, body, is_agent, self.read_from)


class OtherWorkload(NamedTuple):
    """Another workload of the same agent, such as the primary beside its canary: all must be right."""

    workload: Seen[KubeObject] | Missing
    template: Seen[PodTemplate] | Missing


@dataclass(frozen=True, slots=True)
class AgentObjects:
    """Source `kubernetes_object`. Each part is seen or missing apart: not every right is given.

    `listings` by kind, such as `NetworkPolicy`: those that concern the agent, that is select its pods, are mounted or
    named by them, or hold for its namespace. A kind that is not there was not read: SourceMissing.
    """

    workload: Seen[KubeObject] | Missing
    template: Seen[PodTemplate] | Missing
    listings: Mapping[str, Seen[Listing] | Missing] = field(default_factory=dict)
    routed: Seen[tuple[Routed, ...]] | Missing = NOT_GIVEN  # of its pods that were asked to end, the newest last
    others: tuple[OtherWorkload, ...] = ()

    @property
    def workloads(self) -> tuple[Seen[KubeObject] | Missing, ...]:
        """All of them, the one with the newest pod first."""
        return self.workload, *(each.workload for each in self.others)

    @property
    def templates(self) -> tuple[Seen[PodTemplate] | Missing, ...]:
        """Those of all workloads, the one of the newest pod first."""
        return self.template, *(each.template for each in self.others)

    def listing(self, kind: str) -> Seen[Listing] | Missing:
        """The objects of this kind that concern the agent."""
        return self.listings.get(kind, NOT_GIVEN)
