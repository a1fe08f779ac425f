"""One pod as it runs: its template as it was admitted, and what a kubelet says of its containers."""

from dataclasses import dataclass
from typing import NamedTuple

from probes.controls.evidence.agent_objects import PodTemplate

REMEMBERED = 30 * 86400.0
"""Seconds that an end that was not right counts."""

GRACE = 30.0
"""Seconds that Kubernetes gives a pod to end where its template says nothing."""


class Ended(NamedTuple):
    """A process of a container that ended."""

    code: int  # of its exit
    signal: int  # 0: none is told
    reason: str  # such as OOMKilled
    started_at: float  # Unix seconds; 0 where it is not told
    finished_at: float  # Unix seconds; 0 where it is not told


class ContainerRun(NamedTuple):
    """What a kubelet says of one container."""

    name: str
    image_id: str  # such as `registry/agent@sha256:...`; empty before it is pulled
    restarts: int
    ready: bool
    started: bool  # its startup probe succeeded, or it has none and runs
    running_since: float | None = None  # Unix seconds; None while it does not run
    waiting: str = ""  # why it does not run, such as CrashLoopBackOff
    ended: Ended | None = None  # the newest process of it that ended


class PodRun(NamedTuple):
    """What of a pod differs from one to the next of its template."""

    revision: str  # of its workload, such as a template hash; "" where there are none
    node: str
    phase: str
    created_at: float  # Unix seconds
    ready_since: float | None  # Unix seconds; None while it is not Ready
    ends_since: float | None  # Unix seconds since when it is asked to end
    containers: tuple[ContainerRun, ...]
    quality: str = ""  # Guaranteed, Burstable or BestEffort

    def container(self, name: str) -> ContainerRun | None:
        """What is said of this one; None where nothing is."""
        return next((each for each in self.containers if each.name == name), None)


class Termination(NamedTuple):
    """How the agent's container of one pod ended after the pod was asked to."""

    pod: str
    asked_at: float  # Unix seconds
    ended: Ended
    grace: float = GRACE  # seconds that its own template gives it; whoever deletes it may give it less


class Start(NamedTuple):
    """How long a pod took from the first process of its agent's container to Ready."""

    pod: str
    took: float  # seconds; at most so many where it was not seen
    seen: bool  # the watcher saw it become Ready


@dataclass(frozen=True, slots=True)
class LivePod:
    """Source `kubernetes_pod`, of each pod. No value that looks like a secret is in the template: stand-ins are."""

    template: PodTemplate
    run: PodRun
    opa: str = ""  # the container beside the agent's that is its OPA
    opa_on_loopback: bool = False  # which listens there only, and so cannot be asked from outside
    starts: tuple[Start, ...] = ()  # of pods of its revision that did not restart before they were Ready, newest last
    first_ended: Ended | None = None  # how the first process of the agent's container ended, where that was seen
    terminations: tuple[Termination, ...] = ()  # of all pods of the agent, the newest last

    @property
    def agent(self) -> ContainerRun | None:
        """What is said of the agent's own container."""
        return self.run.container(self.template.agent_container)
