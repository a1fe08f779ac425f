"""What is turned off is judged once for all agents, and as it would be of each."""

import asyncio

import pytest

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import Scope
from probes.controls.evidence import EvidenceSet, Missing
from probes.controls.verdict.control import judge_control
from tests.probes.controls.made import AGENT, CATALOGUE, NOW, pod, seen
from watcher.checklist.live.accounts import Accounts
from watcher.checklist.live.criteria import Criteria
from watcher.checklist.live.spared.alike import Alike
from watcher.config.checklist import ChecklistSettings
from watcher.runtime.cooperative import TimeSlice

OFF = {
    source: Missing(UnknownReason.NOT_ENABLED, f"{source} is off.")
    for source in (SourceName.LOGS, SourceName.TRACES, SourceName.DOCUMENT_LINK)
}


@pytest.mark.parametrize("pods", [(), ("a",), ("a", "b")])
def test_what_is_off_is_known_of_all_agents_as_it_would_be_judged(pods: tuple[str, ...]) -> None:
    criteria = Criteria(ChecklistSettings())
    alike = Alike(criteria)
    evidence = EvidenceSet(AGENT, dict(OFF), {name: pod(name) for name in pods})
    known = asyncio.run(alike.known(evidence, {}, (), NOW, TimeSlice()))
    without = asyncio.run(alike.known(EvidenceSet(AGENT, {}, evidence.pods), {}, (), NOW, TimeSlice()))
    facts = criteria.facts(NOW, Accounts())
    assert known["logformat.level"].reason == "NotEnabled"
    assert without["logformat.level"].reason == "SourceMissing"
    for name, found in known.items():
        judged = judge_control(criteria.catalogue.by_id[name], evidence, facts, criteria.judges)
        assert found == judged._replace(since=NOW), name


def test_what_cannot_be_asked_is_judged_of_each_agent() -> None:
    down = Missing(UnknownReason.UNREACHABLE, "Loki cannot be asked.")
    evidence = EvidenceSet(AGENT, {**OFF, SourceName.LOGS: down}, {})
    known = asyncio.run(Alike(Criteria(ChecklistSettings())).known(evidence, {}, (), NOW, TimeSlice()))
    assert "logformat.level" not in known
    assert "observability.tracing.spiffe-ids" in known


def test_what_is_about_a_rollout_is_judged_of_each_agent_that_has_one() -> None:
    alike = Alike(Criteria(ChecklistSettings()))
    released = {each.id for each in CATALOGUE.controls if each.scope is Scope.RELEASE}
    for found in (seen(), Missing(UnknownReason.NO_DATA, "None yet.")):
        evidence = EvidenceSet(AGENT, {**OFF, SourceName.ROLLOUT: found}, {})
        assert not released & set(asyncio.run(alike.known(evidence, {}, (), NOW, TimeSlice())))
    without = asyncio.run(alike.known(EvidenceSet(AGENT, dict(OFF), {}), {}, (), NOW, TimeSlice()))
    assert "release.pre.security-review" in without
