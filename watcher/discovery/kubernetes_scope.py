"""What is seen in one collection of pods, and whether the API server tells of it?"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from watcher.discovery.kubernetes_details import Details
from watcher.discovery.kubernetes_facts import Found, Known
from watcher.discovery.kubernetes_follow import Raw
from watcher.discovery.kubernetes_pod import Pod, read_pod

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Seen:
    """One pod, and what was made of it."""

    pod: Pod
    details: Details | None = None  # None until they were read
    known: Known | None = None
    found: Found | None = None


@dataclass(slots=True)
class Scope:
    """One collection of pods that is followed: a namespace, or all of them."""

    name: str  # empty: all namespaces
    on_change: Callable[[str], None]  # is told the uid
    now: Callable[[], float]
    pods: dict[str, Seen] = field(default_factory=dict)  # by uid
    last_success: float | None = None  # Unix seconds
    failing_since: float | None = None  # Unix seconds
    why: str = ""
    tried: asyncio.Event = field(default_factory=asyncio.Event)  # set once it was listed, or could not be

    def put(self, raw: Raw) -> None:
        """A pod is new or changed."""
        pod = read_pod(raw)
        seen = self.pods.get(pod.uid)
        if seen is None:
            self.pods[pod.uid] = Seen(pod)
        elif seen.pod == pod:
            return
        else:
            if seen.pod.config != pod.config:
                seen.details = None
            seen.pod = pod
        self.on_change(pod.uid)

    def drop(self, uid: str) -> None:
        """A pod is gone."""
        if self.pods.pop(uid, None) is not None:
            self.on_change(uid)

    def listed(self, uids: set[str]) -> None:
        """What is not among these is gone."""
        for uid in self.pods.keys() - uids:
            self.drop(uid)
        self.tried.set()

    def answered(self) -> None:
        """The API server tells us."""
        self.last_success = self.now()
        if self.why:
            log.info("Kubernetes answers again", extra={"namespace": self.name or "all"})
        self.failing_since, self.why = None, ""

    def failed(self, why: str) -> None:
        """It does not; what was found stays."""
        if self.failing_since is None:
            self.failing_since = self.now()
        if why != self.why:
            log.warning("discovery in Kubernetes fails", extra={"namespace": self.name or "all", "why": why})
        self.why = why
        self.tried.set()
