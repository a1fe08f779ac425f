"""Is the SPIRE agent of the pod's node Ready?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import Missing, Seen, ServedPort
from probes.controls.judges.kubernetes_pod.case import PodCase, pod_judge
from probes.controls.judges.looked import is_false, is_true, worst
from probes.controls.judges.served_identity import serves_no_identity
from probes.controls.judges.spire_agents import are_ready, spire_agents_of
from probes.controls.judging import Statement

_LASTS = 60.0
"""Seconds for which an agent of SPIRE must not have been Ready: one that is replaced is not for a while."""

_EXPIRED = "SVIDExpired"


@pod_judge("predeploy.spire.reachable")
def spire_agent_is_ready(case: PodCase) -> Iterator[Statement]:
    """Whether it is, or the pod has an SVID all the same; that neither is so refutes."""
    agents, served = spire_agents_of(case.evidence, case.pod), _serves_svid(case)
    if isinstance(agents, Missing):
        if not served:
            yield case.unclear(agents.reason, agents.message)
    elif served:
        yield case.good("The pod serves an SVID within its lifetime.")
    elif are_ready(agents):
        yield case.good("The SPIRE agent of its node is Ready.")
    elif not agents:
        yield case.unclear(UnknownReason.NO_DATA, "No pod of SPIRE's agent is seen on its node.")
    elif any(each.ready for each in agents):
        yield case.unclear(UnknownReason.OBSERVING, "Of several SPIRE agents of its node not all are Ready.")
    elif served is None:
        said = "The SPIRE agent of its node is not Ready; whether the pod serves an SVID is not known."
        yield case.unclear(UnknownReason.UNREACHABLE, said)
    elif case.facts.now - max(each.since for each in agents) < _LASTS:
        yield case.unclear(
            UnknownReason.OBSERVING, "The SPIRE agent of its node has not been Ready for less than 60 s."
        )
    else:
        yield case.bad("The SPIRE agent of its node is not Ready, and the pod serves no SVID within its lifetime.")


def _serves_svid(case: PodCase) -> bool | None:
    """Whether it serves one within its lifetime, by the last handshake with it; None where that does not tell."""
    if serves_no_identity(case.evidence, case.pod):
        return False
    found = case.of_pod(SourceName.HANDSHAKE)
    if not isinstance(found, Seen) or not isinstance(found.value, ServedPort) or not found.value.uris:
        return None
    expired = worst(found.value.verdicts, _EXPIRED)
    return True if is_false(expired) else False if is_true(expired) else None
