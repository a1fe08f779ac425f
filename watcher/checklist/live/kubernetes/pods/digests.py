"""Which images do the containers of agents run?"""

from collections.abc import Iterable

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from watcher.discovery.pods.scope import SeenPod

_NOT_TOLD = Missing(UnknownReason.NO_DATA, "The kubelet has not reported which image its container runs.")


def image_digests(pods: Iterable[SeenPod]) -> frozenset[str] | Missing:
    """The digests of the agent's own container in all pods that do not end, `sha256:...`."""
    found: set[str] = set()
    for seen in pods:
        kept = seen.kept
        if kept is not None and kept.run.ends_since is None:
            own = kept.run.container(kept.template.agent_container)
            digest = own.image_id.rpartition("@")[2] if own is not None else ""
            if ":" in digest:
                found.add(digest)
    return frozenset(found) if found else _NOT_TOLD
