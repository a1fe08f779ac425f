"""What the watcher's own Workload API tells of the agents' SPIRE."""

import pytest

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import EvidenceSet, OwnWorkload, Seen
from probes.controls.finding import State
from probes.controls.judging import load_judges
from probes.controls.verdict.control import judge_control
from tests.probes.controls.judges.known.pods import finding, port, said, true
from tests.probes.controls.made import AGENT, CATALOGUE, NOW, facts

REACHABLE, BUNDLES = "predeploy.spire.reachable", "security.identity.trust-bundles-configured"
SOCKET = "unix:///run/spire/sockets/agent.sock"


def api(**given: object) -> Seen[OwnWorkload]:
    """What it gave."""
    return Seen(OwnWorkload(**given), NOW, SOCKET)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "says", "told"),
    [
        ({}, "good", "SPIRE gives the watcher its SVID and bundles."),
        (
            {"trouble": "Hung: no answer", "silent": True},
            "unclear",
            "The SPIRE agent of the watcher's own node does not answer: Hung: no answer",
        ),
        ({"trouble": "NotRegistered: no entry"}, "unclear", "The watcher has no SVID: NotRegistered: no entry"),
    ],
)
def test_a_fetch_tells_of_spire_and_what_is_wrong_with_the_watcher_of_nobody_else(
    given: dict[str, object], says: str, told: str
) -> None:
    [one] = said(REACHABLE, port(), workload_api=api(**given))[:1]
    assert (one.says.value, one.message) == (says, told)


def test_the_verdicts_of_spire_that_answers_that_does_not_and_of_an_agent_of_which_nothing_is_known() -> None:
    assert finding(REACHABLE, port(), workload_api=api()).state is State.PASS
    silent: dict[str, object] = {"trouble": "Hung: no answer", "silent": True}
    of_its_node = finding(REACHABLE, port(), workload_api=api(**silent))
    assert (of_its_node.state, of_its_node.reason) == (State.UNKNOWN, "Unreachable")
    assert finding(REACHABLE, port(true("SVIDExpired")), workload_api=api()).state is State.UNKNOWN
    assert finding(REACHABLE, workload_api=api(trouble="NotRegistered: no entry")).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("bundles", "told"),
    [
        ({"a.net": (NOW - 1, NOW - 2)}, ["Every authority in the trust bundle of a.net has expired."]),
        ({"a.net": (NOW - 1, NOW + 1)}, []),
        ({"b.net": (NOW - 1,)}, []),
        ({}, []),
    ],
)
def test_a_bundle_of_expired_authorities_refutes_that_of_another_domain_does_not(
    bundles: dict[str, tuple[float, ...]], told: list[str]
) -> None:
    found = said(BUNDLES, workload_api=api(trust_domains=("a.net",), bundles=bundles))
    assert [each.message for each in found] == told
    assert {each.says.value for each in found} <= {"bad"}


def test_a_bundle_that_expired_while_the_watcher_got_no_newer_one_refutes_nothing() -> None:
    given = {"trust_domains": ("a.net",), "bundles": {"a.net": (NOW - 1,)}, "trouble": "Hung: no answer"}
    [one] = said(BUNDLES, workload_api=api(**given, silent=True, confirmed=False))
    assert (one.says.value, one.reason) == ("unclear", "Unreachable")
    assert one.message == (
        "Every authority in the trust bundle of a.net has expired, but the watcher gets no newer one: Hung: no answer"
    )
    [one] = said(BUNDLES, workload_api=api(**given))
    assert one.says.value == "bad"


def test_spire_that_answers_the_watcher_stands_for_no_node_of_which_nothing_is_known() -> None:
    found = finding(REACHABLE, workload_api=api())
    told = "SPIRE answers the watcher; nothing tells of the SPIRE agent of a pod's node."
    assert (found.state, found.reason, found.message) == (State.UNKNOWN, "NoData", told)
    nobody = EvidenceSet(AGENT, {SourceName.WORKLOAD_API: api()})
    none = judge_control(CATALOGUE.by_id[REACHABLE], nobody, facts(), load_judges())
    assert (none.state, none.message) == (State.UNKNOWN, "It has no pod, so no SPIRE agent of a node is its own.")
