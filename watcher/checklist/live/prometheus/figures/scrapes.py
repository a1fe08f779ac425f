"""Which pods does this Prometheus scrape, and does it succeed? By its own list of targets."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from watcher.checklist.live.prometheus.samples import PodRef
from watcher.text.printable import printable

MOST_TARGETS = 50_000
_LONGEST = 120


@dataclass(slots=True)
class Scrapes:
    """Of pods of agents: why the newest scrape failed, empty where it did not; the worst of several targets."""

    wanted: Collection[PodRef]
    own: Mapping[str, str]  # labels such as cluster: a target that has another one is of elsewhere
    of_pods: dict[PodRef, str] = field(default_factory=dict)

    def take(self, target: Any) -> None:
        """One target, as /api/v1/targets gives it; ValueError where it has another shape."""
        labels, health, error = target.get("labels"), target.get("health"), target.get("lastError")
        if not isinstance(labels, dict) or health not in ("up", "down", "unknown"):
            raise ValueError("a target has another shape")
        pod = self._pod(labels)
        if pod is None or health == "unknown":  # which is before its first scrape
            return
        why = "" if health == "up" else printable(str(error)[:_LONGEST]) or "no reason is given"
        self.of_pods[pod] = self.of_pods.get(pod) or why

    def _pod(self, labels: Mapping[str, Any]) -> PodRef | None:
        namespace, name = labels.get("namespace"), labels.get("pod")
        if not isinstance(namespace, str) or not isinstance(name, str) or (namespace, name) not in self.wanted:
            return None
        elsewhere = any(labels.get(each, "") not in ("", value) for each, value in self.own.items())
        return None if elsewhere else (namespace, name)
