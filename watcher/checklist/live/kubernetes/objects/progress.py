"""How far the workloads of agents are with their rollouts, as they are told of; what judges read is kept elsewhere."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from probes.contract.text import cut
from watcher.checklist.live.kubernetes.objects.kinds import Body, Reduce
from watcher.checklist.live.kubernetes.pods.pod_owners import Key
from watcher.kube.objects import Raw
from watcher.text.printable import printable

CLAIMS = {
    "agentweave.io/engineer": "engineer",
    "agentweave.io/approved-by": "approved-by",
    "agentweave.io/version": "version",
    "agentweave.io/notes": "notes",
    "kubernetes.io/change-cause": "change-cause",
}
"""Annotations by which people say something of a rollout, and what it is called in its record."""

_READ = 1000  # characters of an annotation that are looked at: it may have 256 KiB


class Progress(NamedTuple):
    """What one workload says."""

    replicas: int  # that it wants
    paused: bool
    stuck: str  # why its controller gave up, a sentence; empty where it did not
    canary: bool  # it is meant to run two revisions side by side for a while
    claimed: Mapping[str, str]
    uid: str = ""


class WorkloadProgress:
    """Told of each workload of an agent whenever it changes."""

    def __init__(self) -> None:
        self._known: dict[Key, Progress] = {}
        self.on_change: Callable[[Key], None] = lambda _: None

    def noting(self, kind: str, reduce: Reduce) -> Reduce:
        """The same as `reduce`, and what it keeps something of is noted here."""

        def noted(raw: Raw) -> Body | None:
            found, meta = reduce(raw), raw["metadata"]
            key = (kind, str(meta["namespace"]), str(meta["name"]))
            if found is None:
                self._known.pop(key, None)
            elif self._known.get(key) != (now := _progress(kind, raw)):
                self._known[key] = now
                self.on_change(key)
            return found

        return noted

    def of(self, key: Key) -> Progress | None:
        """What is known of one; None where nothing is."""
        return self._known.get(key)

    def keep_only(self, keys: Collection[Key]) -> None:
        """Forget all others."""
        for key in self._known.keys() - set(keys):
            del self._known[key]


def _progress(kind: str, raw: Raw) -> Progress:
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    wanted = status.get("desiredNumberScheduled", 0) if kind == "DaemonSet" else spec.get("replicas", 1)
    return Progress(
        replicas=wanted if isinstance(wanted, int) else 0,
        paused=spec.get("paused") is True,
        stuck=_stuck(kind, status),
        canary=_is_canary(kind, spec, status),
        claimed=claimed(raw),
        uid=str(raw["metadata"].get("uid") or ""),
    )


def claimed(raw: Raw) -> Mapping[str, str]:
    """What annotations of a workload, or of its pods, say of its rollout; of both those of the workload."""
    template: Any = ((raw.get("spec") or {}).get("template") or {}).get("metadata") or {}
    said = {**(template.get("annotations") or {}), **(raw["metadata"].get("annotations") or {})}
    return {name: cut(printable(str(said[key])[:_READ])) for key, name in CLAIMS.items() if said.get(key)}


def _stuck(kind: str, status: Raw) -> str:
    for each in status.get("conditions") or ():
        if each.get("type") == "Progressing" and each.get("status") == "False":
            return f"The {kind} makes no progress: {cut(printable(str(each.get('reason') or 'it does not say why')))}."
    return ""


def _is_canary(kind: str, spec: Raw, status: Raw) -> bool:
    strategy = spec.get("strategy") or spec.get("updateStrategy") or {}
    if kind == "Rollout":
        return bool(strategy.get("canary")) and status.get("currentPodHash") != status.get("stableRS")
    rolling = strategy.get("rollingUpdate") or {}
    return kind == "StatefulSet" and (strategy.get("type") == "OnDelete" or bool(rolling.get("partition")))
