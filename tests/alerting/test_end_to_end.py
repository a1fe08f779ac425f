"""From a fault to a person: the demo, the daemon, Prometheus, Alertmanager and a receiver, all real."""

import pytest

from probes.contract import Severity
from tests.alerting.end_to_end import FASTER, SCRAPE, Run, alerts_of, run_through, table
from tests.alerting.rules import alert
from watcher.demo.scenario import SCRIPT

pytestmark = pytest.mark.xdist_group("end to end")  # one run for all tests

GROUP_WAIT = 30 / FASTER
ROOM = 5.0
"""Seconds that the whole way may take beside what the rules and routes ask for."""


ENDS_WITH_THE_LIFETIME = {"AgentWeaveSVIDRotationOverdue", "AgentWeaveSVIDExpiryImminent"}
"""Past it the SVID has expired, which is an incident of its own."""

FAILED_ROLLOUT = ("summary", "AgentWeaveRolloutFailed")
"""The version that is rolled out and fails is told beside the condition that turned."""


@pytest.fixture(scope="module")
def run() -> Run:
    made = run_through()
    print(table(made))
    return made


def test_every_fault_of_the_demo_is_told_by_its_alert_once_and_is_over_after(run: Run) -> None:
    expired = next(each.at for row in run.rows if row.alert == "AgentWeaveSVIDExpired" for each in row.arrivals)
    for row in run.rows:
        assert row.arrivals, f"{row.alert} of {row.fault.agent} never came\n{table(run)}"
        for each in row.arrivals:
            assert len(each.starts) == 1, f"{row.alert} of {row.fault.agent} came {len(each.starts)} times"
            assert each.resolved, f"{row.alert} of {row.fault.agent} never ended\n{table(run)}"
            assert each.at >= row.injected
            assert each.resolved >= (expired if row.alert in ENDS_WITH_THE_LIFETIME else row.cleared)


def test_nothing_else_is_told(run: Run) -> None:
    expected = {FAILED_ROLLOUT, *((fault.agent, name) for fault in SCRIPT for name in alerts_of(fault))}
    # A busy machine makes the watcher late by seconds, which are minutes here, and that is told.
    told = [each.labels for each in run.arrivals if each.labels["component"] != "watcher" or "probe" in each.labels]
    # What faults break of the checklist depends on when its probes meet them, and has tests of its own.
    told = [each for each in told if each["component"] != "checklist"]
    assert [each for each in told if not any(each["alertname"] == name for _, name in expected)] == []
    agents = {(each["agent"], each["alertname"]) for each in told if "agent" in each}
    assert agents <= expected
    assert FAILED_ROLLOUT in agents


def test_a_critical_fault_pages_in_the_time_that_its_rule_and_its_route_ask_for(run: Run) -> None:
    critical = [row for row in run.rows if alert(row.alert).labels["severity"] == Severity.CRITICAL]
    assert critical
    for row in critical:
        assert row.seen, f"the terminal did not tell {row.alert} of {row.fault.agent}"
        for each in row.arrivals:
            assert each.at - row.seen <= row.held + 2 * SCRAPE + GROUP_WAIT + ROOM, f"{row.alert}\n{table(run)}"


def test_every_runbook_that_is_linked_opens(run: Run) -> None:
    assert run.links
    assert set(run.links.values()) == {200}, run.links
