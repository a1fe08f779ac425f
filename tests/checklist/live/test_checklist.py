"""The live checklist: who is judged when, by what evidence, and what is told of it."""

import logging
from collections.abc import Collection
from typing import Any

import pytest

from probes.contract import Target
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentObjects, AgentRef, KubeObject, Listing, Missing, PodTemplate, Seen
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.finding import State, Witness
from probes.controls.readiness import Verdict
from probes.readings.health.answer import HealthAnswer, PathAnswer, Way
from probes.readings.health.document import Component, HealthDocument, HealthState
from tests.checklist.live.judged import SEARCH, START, Live, Told, given, pod_target
from watcher.checklist.agent_config import read_agent_config
from watcher.checklist.live.accounts import account
from watcher.checklist.live.checklist import PATIENCE
from watcher.checklist.live.provider import PodFacts, Provided
from watcher.checklist.live.turns import KEPT_FOR, Regression
from watcher.config.checklist import ChecklistSettings

CONFIG = SourceName.AGENT_CONFIG
VALID = "predeploy.config.valid"
OBJECT, READERS = SourceName.KUBERNETES_OBJECT, "deployment.secrets.rbac-configured"
OTHER = AgentRef("dev", "other")


def seen(trust_domain: str, at: float) -> Seen[object]:
    """A config that is valid, or (with an empty trust domain) is not."""
    text = f"agent: {{name: search, trust_domain: {trust_domain}}}\n" if trust_domain else "agent: {name: search}\n"
    return Seen(read_agent_config(text.encode(), "1.0.0", in_place=True), at, "configmap/prod/search")


def valid(live: Live, told: Told, *, is_valid: bool = True, agent: AgentRef = SEARCH) -> None:
    """The agent's config is read as such now, and judged."""
    told.tell(agent, given({CONFIG: seen("example.org" if is_valid else "", START + live.uptime)}))
    live.wait(10)


def _watching(*targets: Target, **more: object) -> tuple[Live, Told]:
    told = Told()
    live = Live(providers=[told], **more)  # type: ignore[arg-type]
    live.watch(*(targets or (pod_target(),)))
    live.wait(1)
    return live, told


def test_a_change_is_judged_within_ten_seconds_and_told() -> None:
    live, told = _watching()
    assert live.finding(VALID).reason == UnknownReason.SOURCE_MISSING
    valid(live, told, is_valid=False)
    found = live.finding(VALID)
    assert (found.state, found.message) == (State.FAIL, "agent.trust_domain: missing, but required.")
    assert [(each.before, each.after) for each in live.turned if each.control == VALID] == [(State.UNKNOWN, State.FAIL)]
    assert live.view.readiness(SEARCH).verdict is Verdict.NOT_READY


def test_who_was_bad_once_is_told_to_whoever_can_look_again() -> None:
    live, told = _watching()
    heard: list[tuple[AgentRef, Collection[Witness]]] = []
    counts: list[int] = []
    live.checklist.on_suspects = lambda agent, witnesses: heard.append((agent, witnesses))
    for status in (200, 503, 503, 200):
        health = PathAnswer(
            "/health", status, document=HealthDocument(HealthState.HEALTHY, (Component("opa", HealthState.HEALTHY),))
        )
        answer = HealthAnswer(way=Way.MTLS, health=health)
        found: Seen[object] = Seen(answer, START + live.uptime, "pod/prod/search-0:8443")
        told.tell(SEARCH, given({}, {"search-0": {SourceName.HEALTH: found}}))
        live.wait(70)
        counts.append(len(heard))
    assert heard[-1] == (SEARCH, {Witness(SourceName.HEALTH, "search-0")})
    assert counts[0] == 0 < counts[1] == counts[2] == counts[3], "who was bad twice is no suspect any more"
    assert {each for _, witnesses in heard for each in witnesses} == {Witness(SourceName.HEALTH, "search-0")}
    assert live.finding("reliability.health.endpoint").state is State.PASS


def test_what_is_found_first_turned_nowhere() -> None:
    live, told = _watching()
    told.tell(OTHER, given({CONFIG: seen("", START)}))
    live.watch(pod_target(), pod_target("other-0", OTHER))
    live.wait(10)
    assert live.finding(VALID, OTHER).state is State.FAIL
    assert live.turned == []
    assert live.view.regressed(OTHER) == {}


def test_nothing_is_judged_twice_while_nothing_changes_but_its_evidence_is_looked_through_and_dated() -> None:
    live, told = _watching()
    valid(live, told)
    live.wait(60)  # its pod is settled by then, which is a reason to judge it anew
    judged, asked = live.evaluations(), len(told.asked)
    told.known[SEARCH] = given({CONFIG: seen("example.org", START + 350)})  # the same, seen once more
    live.wait(301)
    assert live.evaluations() == judged
    assert 1 <= len(told.asked) - asked <= 2
    assert [each.observed_at for each in live.finding(VALID).evidence] == [START + 350]
    assert live.finding(VALID).since == live.view.findings(SEARCH)[VALID].since < START + 20


def test_what_is_too_old_lapses_by_time_alone() -> None:
    live, told = _watching()
    valid(live, told)
    live.wait(850, step=5)
    assert live.finding(VALID).state is State.PASS
    live.wait(100, step=5)
    found = live.finding(VALID)
    assert (found.state, found.reason) == (State.UNKNOWN, UnknownReason.STALE)


def test_each_agent_is_judged_anew_some_time_whatever_anybody_says() -> None:
    live, told = _watching()
    valid(live, told)
    judged = live.evaluations()
    for _ in range(30):
        told.known[SEARCH] = given({CONFIG: seen("example.org", START + live.uptime)})
        live.wait(300, step=30)
    assert 1 <= live.evaluations() - judged <= 3


def test_the_first_verdicts_wait_for_the_first_looks_but_not_for_ever() -> None:
    live, _ = _watching(may_begin=False)
    live.wait(PATIENCE - 2)
    assert (live.view.agents(), live.view.waiting) == ([], 1)
    assert live.view.problems == ("1 agent is not judged yet",)
    live.wait(3)
    assert (live.view.agents(), live.view.waiting) == ([SEARCH], 0)


def test_first_verdicts_do_not_wait_for_another_run_and_later_ones_do() -> None:
    told, many = Told(), [AgentRef("prod", f"agent-{number}") for number in range(250)]
    live = Live(providers=[told])
    live.watch(*[pod_target(f"{agent.agent}-0", agent) for agent in many])
    for agent in many:
        told.tell(agent, given({CONFIG: seen("example.org", START)}))
    live.wait(1)
    assert live.view.agents() == sorted(many)
    before = live.evaluations()
    for agent in many:
        told.tell(agent, given({CONFIG: seen("", START)}))
    live.wait(10, step=5)
    assert 0 < live.evaluations() - before < len(many)


def test_an_agent_that_is_gone_leaves_nothing() -> None:
    live, told = _watching()
    valid(live, told)
    live.watch(pod_target("other-0", OTHER))
    live.wait(5)
    assert live.view.agents() == [OTHER]
    assert live.view.findings(SEARCH) == {}
    assert live.view.verdict(SEARCH) is None
    with pytest.raises(LookupError, match="prod/search was not judged"):
        live.view.readiness(SEARCH)


def test_an_agent_without_pods_is_judged_where_a_provider_knows_of_it() -> None:
    live, told = _watching()
    told.beside.add(OTHER)
    valid(live, told, is_valid=False, agent=OTHER)
    assert live.view.agents() == [OTHER, SEARCH]
    assert live.finding(VALID, OTHER).state is State.FAIL


def test_a_provider_that_raises_costs_its_own_evidence_and_is_logged_without_what_it_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    live, told = _watching()
    valid(live, told)
    told.raises = True
    with caplog.at_level(logging.ERROR):
        live.checklist.roster.change([SEARCH], live.clock.steady())
        live.wait(10)
    found = live.finding(VALID)
    assert (found.state, found.reason) == (State.UNKNOWN, UnknownReason.EVALUATOR_ERROR)
    assert found.message == "The watcher failed to gather this; this is a bug of the watcher; see its log."
    assert [(each.message, each.__dict__["provider"]) for each in caplog.records][:1] == [("evidence failed", "Told")]
    told.raises = False
    valid(live, told)
    assert live.finding(VALID).state is State.PASS


def test_a_source_that_two_providers_give_is_told_by_neither(caplog: pytest.LogCaptureFixture) -> None:
    one, other = Told(), Told()
    live = Live(providers=[one, other])
    live.watch(pod_target())
    one.tell(SEARCH, given({CONFIG: seen("example.org", START)}))
    other.tell(SEARCH, given({}, {"search-0": {CONFIG: seen("example.org", START)}}))
    with caplog.at_level(logging.ERROR):
        live.wait(5)
    found = live.finding(VALID)
    assert (found.state, found.reason) == (State.UNKNOWN, UnknownReason.EVALUATOR_ERROR)
    assert [(each.message, each.__dict__["sources"]) for each in caplog.records] == [
        ("evidence given twice", "agent_config")
    ]


def test_a_control_that_is_met_no_more_has_regressed_until_it_is_met_again() -> None:
    live, told = _watching()
    valid(live, told)
    told.tell(SEARCH, given({CONFIG: Missing(UnknownReason.UNREACHABLE, "No answer.")}))
    live.wait(10)
    assert (live.finding(VALID).state, live.view.regressed(SEARCH)) == (State.UNKNOWN, {})
    valid(live, told, is_valid=False)
    at = live.finding(VALID).since
    assert live.view.regressed(SEARCH)[VALID] == Regression(at, State.PASS, State.FAIL)
    valid(live, told)
    assert live.view.regressed(SEARCH) == {}


def test_a_regression_is_told_for_a_week_and_only_of_what_is_required() -> None:
    live, told = _watching()
    valid(live, told)
    valid(live, told, is_valid=False)
    assert list(live.view.regressed(SEARCH)) == [VALID]
    required = {"remove": [{"control": VALID, "reason": "a trial", "by": "ann"}]}
    live.checklist.adopt(_settings({"name": "trial", "namespaces": ["prod"], "required": required}))
    live.wait(5)
    assert live.view.regressed(SEARCH) == {}
    live.checklist.adopt(ChecklistSettings())
    live.wait(5)
    valid(live, told)
    valid(live, told, is_valid=False)
    live.wait(KEPT_FOR - 600, step=600)
    assert list(live.view.regressed(SEARCH)) == [VALID]
    live.wait(5 * 3600, step=600)
    assert live.view.regressed(SEARCH) == {}


def _settings(*profiles: object) -> ChecklistSettings:
    return ChecklistSettings.model_validate({"profiles": profiles})


def test_agents_are_judged_by_the_profile_of_their_namespace_and_by_a_new_one_when_it_is_adopted() -> None:
    extra = "deployment.network.default-deny"
    profile = {"name": "strict", "namespaces": ["pro*"], "required": {"add": [extra]}}
    live, _ = _watching(pod_target(), pod_target("other-0", OTHER), settings=_settings(profile))
    assert (live.view.profile(SEARCH).name, live.view.profile(OTHER).name) == ("strict", "checklist")
    assert extra in live.view.required(SEARCH) - live.view.required(OTHER)
    live.checklist.adopt(_settings({**profile, "name": "loose", "required": {}}))
    live.wait(5)
    assert live.view.profile(SEARCH).name == "loose"
    assert extra not in live.view.required(SEARCH)


def test_a_shard_judges_by_its_own_pods_and_tells_of_an_agent_without_pods_in_one_place() -> None:
    live, told = _watching(owns=frozenset({"search-0", "mine"}))
    facts = {name: PodFacts("r", 1.0, terminating=False, ready_since=START - 100) for name in ("search-0", "search-1")}
    told.tell(SEARCH, Provided({}, {"search-1": {CONFIG: seen("", START)}}, facts))
    told.beside |= {AgentRef("prod", "mine"), AgentRef("prod", "theirs")}
    live.wait(10)
    assert live.finding(VALID).state is State.UNKNOWN
    assert live.finding(VALID).all_pods == 1
    assert live.view.agents() == [AgentRef("prod", "mine"), SEARCH]


def test_an_account_is_a_strangers_only_when_the_accounts_of_all_agents_are_known() -> None:
    live, told = _watching(pod_target(), pod_target("other-0", OTHER))
    told.tell(SEARCH, given({OBJECT: readable_by("other", "dev")}))
    live.wait(10)
    assert live.finding(READERS).reason == UnknownReason.UNREACHABLE  # nothing tells as whom dev/other runs
    told.tell(OTHER, given({OBJECT: readable_by("other", "dev")}))
    live.wait(live.checklist.interval + 30)
    assert live.finding(READERS).state is State.FAIL  # it runs as dev/search
    live.accounts = [account("dev", "other")]  # of an agent of another shard
    live.wait(live.checklist.interval + 30)
    assert live.finding(READERS).state is State.PASS


def readable_by(name: str, namespace: str) -> Seen[object]:
    """The objects of an agent that runs as `search`, and whose Secrets this account may read."""
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]
    bound = {"roleRef": {"kind": "Role", "name": "r"}, "subjects": subjects}
    bodies: dict[str, dict[str, Any] | None] = {
        "Role": {"rules": rules},
        "RoleBinding": bound,
        "ClusterRole": None,
        "ClusterRoleBinding": None,
    }
    listings = {
        kind: Seen(Listing((KubeObject(kind, "prod", "r", body, kind),) if body else ()), START, kind)
        for kind, body in bodies.items()
    }
    template = Seen(PodTemplate({}, {"serviceAccountName": "search"}, "agent"), START, "")
    return Seen(AgentObjects(NOT_GIVEN, template, listings), START + 1000, "")


def test_a_pod_that_is_only_listed_is_settled_a_minute_after_it_came_and_one_of_a_cluster_by_what_that_says() -> None:
    live, _ = _watching(pod_target(), pod_target("search-1", discovered=True))
    evidence = live.checklist.gathering.of(SEARCH, {"search-0": START}, [pod_target()], START).evidence
    assert evidence.pods["search-0"].ready_since == START
    found = [pod_target("search-1", discovered=True)]
    assert live.checklist.gathering.of(SEARCH, {}, found, START).evidence.pods["search-1"].ready_since is None


def test_a_round_is_complete_when_all_agents_were_seen_and_not_while_one_cannot_be_judged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    live, told = _watching(pod_target(), pod_target("other-0", OTHER))
    assert live.view.last_complete == START + live.uptime
    told.tell(OTHER, given({CONFIG: "no evidence"}))  # type: ignore[dict-item]
    live.wait(10)
    before = live.view.last_complete
    live.wait(700, step=5)
    assert live.view.last_complete == before
    assert live.errors() > 1
    assert [each.message for each in caplog.records if each.levelno == logging.ERROR] == ["agent not judged"]
    valid(live, told, agent=OTHER)
    live.wait(310, step=5)
    assert live.view.last_complete is not None
    assert before is not None
    assert live.view.last_complete > before


def test_a_place_of_evidence_that_fails_stops_no_other_and_what_is_too_old_lapses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, told = Told(), Told()
    broken.down, broken.beside = {"kubernetes_pods": ""}, {AgentRef("prod", "idle")}
    live = Live(providers=[broken, told])
    live.watch(pod_target(), pod_target("other-0", OTHER))
    live.wait(5)
    broken.fails = True
    valid(live, told)
    assert live.finding(VALID).state is State.PASS
    live.watch(pod_target())
    live.wait(5)
    assert live.view.agents() == [OTHER, AgentRef("prod", "idle"), SEARCH]  # nobody can say that it is gone
    assert live.view.sources() == {"kubernetes_pods": UnknownReason.EVALUATOR_ERROR}
    judged = live.evaluations()
    live.wait(180)
    assert 6 <= live.evaluations() - judged <= 15  # of three agents, each once a minute: anything may have changed
    live.wait(800, step=5)
    assert live.finding(VALID).reason == UnknownReason.STALE
    assert {each.message for each in caplog.records if each.levelno == logging.ERROR} == {"evidence failed"}
    broken.fails = False
    valid(live, told)
    assert live.finding(VALID).state is State.PASS
    assert live.view.sources() == {"kubernetes_pods": ""}
