"""The SPIRE agents of nodes, as far as they run as pods that may be listed."""

from collections.abc import Sequence
from typing import NamedTuple

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentObjects, EvidenceSet, LivePod, Missing, Pod, Seen
from probes.controls.judges.kubernetes_object.case import OBJECT, POD

KINDS = ("SpireAgentPod", "SpireAgentPodOfChart")
"""By the labels of plain manifests and those of SPIRE's own chart."""

_NO_NODE = Missing(UnknownReason.SOURCE_MISSING, "On which node the pod runs is not known.")


class SpireAgent(NamedTuple):
    """One pod of SPIRE's agent."""

    ready: bool
    since: float  # Unix seconds: so long it has been so; 0 where that is not told


def spire_agents_of(evidence: EvidenceSet, pod: Pod) -> Sequence[SpireAgent] | Missing:
    """Those of the node that this pod runs on; where they may not all be known, why."""
    live, objects = evidence.of_pod(POD, pod), evidence.of(OBJECT, AgentObjects)
    if not isinstance(live, Seen) or not isinstance(live.value, LivePod) or not live.value.run.node:
        return _NO_NODE
    if isinstance(objects, Missing):
        return objects
    found: dict[str, SpireAgent] = {}
    for kind in KINDS:
        listing = objects.value.listing(kind)
        lacks = listing if isinstance(listing, Missing) else listing.value.lacks
        if isinstance(listing, Missing) or lacks is not None:
            return lacks or _NO_NODE
        for each in listing.value.objects:
            if each.body.get("node") == live.value.run.node:
                since = each.body.get("since")
                told = SpireAgent(each.body.get("ready") is True, since if isinstance(since, float) else 0.0)
                found[f"{each.namespace}/{each.name}"] = told
    return list(found.values())


def are_ready(agents: Sequence[SpireAgent] | Missing) -> bool:
    """Whether there is one, and all of them are: which of several serves the pod is not known."""
    return not isinstance(agents, Missing) and bool(agents) and all(each.ready for each in agents)
