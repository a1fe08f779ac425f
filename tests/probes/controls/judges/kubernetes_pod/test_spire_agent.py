"""The SPIRE agent of each node is Ready, or its pods have their SVIDs all the same; else it fails, or is not known."""

import pytest

from probes.contract import Unknown
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentObjects, KubeObject, Listing, Missing, OwnWorkload, Pod, Seen, ServedPort
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.finding import Finding
from tests.probes.controls.judges.known.pods import PLAIN, SILENT, port, true, unknown
from tests.probes.controls.judges.kubernetes_pod.pods import finding, pod
from tests.probes.controls.made import NOW

CONTROL = "predeploy.spire.reachable"
BY_LABEL, OF_CHART = "SpireAgentPod", "SpireAgentPodOfChart"
EXPIRED = port(true("SVIDExpired"))
FORBIDDEN = Missing(UnknownReason.FORBIDDEN, "SpireAgentPod objects may not be listed.")
Agents = Seen[Listing] | Missing


def agents(*found: tuple[str, bool], ago: float = 3600.0, lacks: Missing | None = None) -> Seen[Listing]:
    """Agents of SPIRE: node, and whether each has been Ready since then."""
    made = [
        KubeObject("SpireAgentPod", "spire", f"a-{number}", {"node": node, "ready": ready, "since": NOW - ago}, "p")
        for number, (node, ready) in enumerate(found)
    ]
    return Seen(Listing(tuple(made), lacks), NOW, "pods")


def judged(
    served: ServedPort | Missing, by_label: Agents, of_chart: Agents | None = None, node: str = "node-1"
) -> Finding:
    made = pod(node=node, sources={SourceName.HANDSHAKE: _seen(served)})
    return judged_of(made, by_label, agents() if of_chart is None else of_chart)


def judged_of(made: Pod, by_label: Agents, of_chart: Agents) -> Finding:
    objects = AgentObjects(NOT_GIVEN, NOT_GIVEN, {BY_LABEL: by_label, OF_CHART: of_chart})
    sources: dict[SourceName, Seen[object] | Missing] = {
        SourceName.KUBERNETES_OBJECT: Seen(objects, NOW, "prod/search"),
        SourceName.WORKLOAD_API: Seen(OwnWorkload(), NOW, "unix:///run/spire/sockets/agent.sock"),
    }
    return finding(CONTROL, made, sources=sources)


def _seen(served: ServedPort | Missing) -> Seen[object] | Missing:
    return served if isinstance(served, Missing) else Seen(served, NOW, "pod/prod/search-0:8443")


READY, DOWN = agents(("node-1", True), ("node-2", False)), agents(("node-1", False), ("node-2", True))


@pytest.mark.parametrize("served", [port(), PLAIN, EXPIRED, SILENT, port(uris=None)])
def test_with_a_ready_agent_on_its_node_it_passes_whatever_the_pod_serves(served: ServedPort) -> None:
    assert judged(served, READY).state == "pass"
    assert judged(served, agents(), READY).state == "pass"


def test_a_pod_that_serves_its_svid_passes_whatever_is_seen_of_the_agent() -> None:
    for found in (READY, DOWN, agents(), FORBIDDEN):
        assert judged(port(), found).state == "pass"


@pytest.mark.parametrize("served", [PLAIN, EXPIRED, port(uris=())])
def test_an_agent_that_is_not_ready_and_a_pod_without_an_svid_fail(served: ServedPort) -> None:
    found = judged(served, DOWN)
    assert (found.state, found.reason, found.message) == (
        "fail",
        "Violated",
        "search-0: The SPIRE agent of its node is not Ready, and the pod serves no SVID within its lifetime.",
    )


@pytest.mark.parametrize(
    ("served", "found", "reason", "message"),
    [
        (PLAIN, FORBIDDEN, "Forbidden", "SpireAgentPod objects may not be listed."),
        (PLAIN, agents(("node-1", True), lacks=FORBIDDEN), "Forbidden", "SpireAgentPod objects may not be listed."),
        (PLAIN, agents(("node-1", False), ago=30), "Unreachable", None),
        (PLAIN, agents(("node-1", False), ("node-1", True)), "Unreachable", None),
        (PLAIN, agents(("node-2", True)), "Unreachable", None),
        (SILENT, DOWN, "Unreachable", None),
        (port(unknown("SVIDExpired", Unknown.WATCHER_IMPAIRED)), DOWN, "Unreachable", None),
        (port(verdicts={}), DOWN, "Unreachable", None),
        (Missing(UnknownReason.STALE, "The newest probe result is from 20 min ago."), DOWN, "Unreachable", None),
    ],
)
def test_what_does_not_tell_of_the_agent_or_of_the_svid_is_neither(
    served: ServedPort | Missing, found: Agents, reason: str, message: str | None
) -> None:
    made = judged(served, found)
    assert (made.state, made.reason) == ("unknown", reason)
    assert message is None or made.message.endswith(message)


def test_a_pod_whose_node_is_not_known_is_not_judged_by_agents_of_none() -> None:
    assert judged(PLAIN, agents(("", False)), node="").state == "unknown"
