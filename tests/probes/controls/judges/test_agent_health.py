"""The controls that rest on what agents say of their own health: each good, bad and unclear."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from probes.contract import Fault
from probes.contract.target import KubeletProbe
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing, Seen
from probes.controls.evidence.live_pod import ContainerRun, Ended
from probes.controls.finding import Finding, State
from probes.controls.judging import Says, load_judges
from probes.controls.records import Record
from probes.controls.verdict.control import judge_control
from probes.readings.health.answer import HealthAnswer, KubeletAnswer, Outage, Outcome, PathAnswer, Way
from probes.readings.health.card import AgentCard
from probes.readings.health.document import Component, HealthDocument, HealthState
from tests.probes.controls.judges.kubernetes_pod import pods
from tests.probes.controls.made import CATALOGUE, DAY, NOW, evidence, facts, pod, record

ENDPOINT = "reliability.health.endpoint"
PASSES = "predeploy.smoke.health-passes"
AFTER = "postdeploy.immediate.health-passing"
LIVENESS = "reliability.health.liveness-configured"
READINESS = "reliability.health.readiness-configured"
DEPENDENCIES = "reliability.health.dependency-checks"
CARD = "documentation.developer.api-documentation"
OURS = (ENDPOINT, PASSES, AFTER, LIVENESS, DEPENDENCIES, CARD)

PARTS = (Component("identity", HealthState.HEALTHY), Component("opa", HealthState.HEALTHY))
GOOD = HealthDocument(HealthState.HEALTHY, PARTS)


ROLLOUT: Seen[object] = Seen("rollout", NOW, "rollout")
LATER = Missing(UnknownReason.OBSERVING, "It is watched.", NOW + 5000)


def path(status: int | None = 200, document: HealthDocument | None = GOOD, **more: object) -> PathAnswer:
    return PathAnswer("/health", status, document=document, **more)  # type: ignore[arg-type]  # its fields by name


def answer(health: PathAnswer | None = None, **more: object) -> HealthAnswer:
    given: dict[str, object] = {"way": Way.MTLS, "health": health or path()} | more
    return HealthAnswer(**given)  # type: ignore[arg-type]  # its fields by name


def seen(found: HealthAnswer, at: float = NOW) -> Seen[object]:
    return Seen(found, at, "pod/prod/search-0:8443", next_at=at + 800)


def judged(
    control: str,
    *found: HealthAnswer | Missing,
    at: float = NOW,
    previous: Finding | None = None,
    records: Sequence[Record] = (),
    conditions: bool = True,
) -> Finding:
    """The finding of an agent whose pods answered so."""
    sources: dict[str, Seen[object] | Missing] = dict.fromkeys(("kubernetes_pod", "kubernetes_object"), LATER)
    if conditions:
        sources["conditions"] = Seen("conditions as they were gathered", at, "pod/prod/search-0")
    pods = [
        pod(f"search-{number}", health=each if isinstance(each, Missing) else seen(each, at), **sources)  # type: ignore[arg-type]
        for number, each in enumerate(found)
    ]
    return judge_control(
        CATALOGUE.by_id[control], _with_rollout(control, *pods), facts(at), load_judges(), records, previous
    )


def _with_rollout(control: str, *pods: object) -> EvidenceSet:
    more: dict[str, Seen[object] | Missing] = {"rollout": ROLLOUT} if control == AFTER else {}
    return evidence(*pods, **more)  # type: ignore[arg-type]  # made by `pod`


def twice(control: str, found: HealthAnswer, **more: object) -> tuple[Finding, Finding]:
    """Two looks in a row that saw the same."""
    first = judged(control, found, **more)  # type: ignore[arg-type]
    return first, judged(control, found, at=NOW + 60, previous=first, **more)  # type: ignore[arg-type]


def state(finding: Finding) -> tuple[State, str]:
    return finding.state, finding.reason


# /health itself


@pytest.mark.parametrize(
    ("control", "message"),
    [(ENDPOINT, "/health answers 200 and says healthy."), (PASSES, "/health answers 200.")],
)
def test_a_good_answer_of_every_pod_passes_as_observed(control: str, message: str) -> None:
    finding = judged(control, answer(), answer())
    assert (finding.state, finding.assurance) == (State.PASS, "observed")
    assert finding.message.endswith(message)


UNSAID = answer(path(200, HealthDocument(problem="a JSON object without a member status")))
BAD = [
    (ENDPOINT, answer(path(503)), "/health answers 503."),
    (ENDPOINT, answer(path(404, HealthDocument(problem="HTML"))), "/health answers 404."),
    (ENDPOINT, answer(path(302, points_to="https://a/b")), "/health answers 302 and points to https://a/b."),
    (ENDPOINT, answer(path(200, HealthDocument(problem="HTML"))), "/health answers 200, and its body is HTML."),
    (ENDPOINT, UNSAID, "/health answers 200, and its body is a JSON object without a member status."),
    (ENDPOINT, answer(way=Way.PLAINTEXT), "/health is answered in plaintext only."),
    (PASSES, answer(path(500)), "/health answers 500."),
    (PASSES, answer(way=Way.PLAINTEXT), "/health is answered in plaintext only."),
    (AFTER, answer(path(503)), "/health answers 503."),
    (AFTER, answer(path(503), way=Way.PLAINTEXT), "/health answers 503."),
    (
        LIVENESS,
        answer(kubelet=(KubeletAnswer(KubeletProbe("liveness", False, 8080, "/h?k=v"), Outcome.ANSWERED, 404),)),
        "The livenessProbe cannot succeed: /h answers 404 at port 8080.",
    ),
]


def asked(kind: str, outcome: Outcome, status: int | None = None, *, secure: bool = True) -> HealthAnswer:
    probe = KubeletProbe("readiness" if kind == "readiness" else "liveness", secure, 8443, "/health")
    return answer(kubelet=(KubeletAnswer(probe, outcome, status, trouble="10.0.0.7:8443 refuses connections."),))


BAD += [
    (
        LIVENESS,
        asked("liveness", Outcome.NEEDS_CERTIFICATE, 400),
        (
            "The livenessProbe cannot succeed: it asks a port that requires a client certificate, "
            "which a kubelet does not have (port 8443)."
        ),
    ),
    (
        LIVENESS,
        asked("liveness", Outcome.NEEDS_TLS, secure=False),
        "The livenessProbe cannot succeed: it asks a port that speaks TLS, by plain HTTP (port 8443).",
    ),
    (
        LIVENESS,
        asked("liveness", Outcome.SPEAKS_NO_TLS),
        "The livenessProbe cannot succeed: it asks a port that speaks no TLS, by HTTPS (port 8443).",
    ),
    (DEPENDENCIES, answer(path(200, HealthDocument(HealthState.HEALTHY))), "The body of /health names no components."),
]


@pytest.mark.parametrize(("control", "found", "message"), BAD)
def test_two_bad_looks_in_a_row_fail_and_one_does_not(control: str, found: HealthAnswer, message: str) -> None:
    first, second = twice(control, found)
    assert first.state is State.UNKNOWN
    assert state(second) == (State.FAIL, "Violated")
    assert second.message == f"search-0: {message}"


@pytest.mark.parametrize(("control", "found", "_"), BAD)
def test_one_bad_pod_of_several_fails(control: str, found: HealthAnswer, _: str) -> None:
    first = judged(control, answer(), found)
    second = judged(control, answer(), found, at=NOW + 60, previous=first)
    assert state(second) == (State.FAIL, "Violated")
    assert second.message.startswith("search-1: ")


REFUSED = answer(way=Way.REFUSED, error="10.0.0.7:8443 refuses the watcher's certificate.")
SILENT = HealthAnswer(fault=Fault.SILENT, error="10.0.0.7:8443 did not answer within 5s.")
UNVERIFIED = HealthAnswer(way=Way.UNVERIFIED, error="The certificate of 10.0.0.7:8443 does not verify.")
LARGE = answer(PathAnswer("/health", trouble="The answer is larger than 128 KiB."))
DOUBTS = [
    (REFUSED, "Forbidden"),
    (answer(path(401)), "Forbidden"),
    (answer(path(403)), "Forbidden"),
    (SILENT, "Unreachable"),
    (UNVERIFIED, "Unreachable"),
    (LARGE, "Unparseable"),
]


@pytest.mark.parametrize("control", [ENDPOINT, PASSES, DEPENDENCIES])
@pytest.mark.parametrize(("found", "reason"), DOUBTS)
def test_what_could_not_be_read_is_unknown_for_its_reason(control: str, found: HealthAnswer, reason: str) -> None:
    first, second = twice(control, found)
    assert state(first) == state(second) == (State.UNKNOWN, reason)


@pytest.mark.parametrize(("found", "reason"), DOUBTS)
def test_after_a_rollout_too_what_could_not_be_read_is_said_to_be_so(found: HealthAnswer, reason: str) -> None:
    (registered,) = (each for each in load_judges().controls[AFTER] if SourceName.HEALTH in each.sources)
    (said,) = registered.judge(CATALOGUE.by_id[AFTER], evidence(pod("search-0", health=seen(found))), facts())
    assert (said.says, said.reason, said.pod) == (Says.UNCLEAR, reason, "search-0")


@pytest.mark.parametrize(
    "missing",
    [
        Missing(UnknownReason.UNREACHABLE, "The watcher has no valid SVID to show."),
        Missing(UnknownReason.OBSERVING, "The first probe attempt is still to be made.", NOW + 5),
        Missing(UnknownReason.NOT_ENABLED, "The checklist is off."),
    ],
)
@pytest.mark.parametrize("control", [ENDPOINT, PASSES, DEPENDENCIES])
def test_evidence_that_is_not_there_is_unknown_for_its_reason(control: str, missing: Missing) -> None:
    finding = judged(control, missing)
    assert state(finding) == (State.UNKNOWN, missing.reason.value)
    assert finding.next_decided_at == missing.next_at


@pytest.mark.parametrize("control", [ENDPOINT, PASSES])
def test_an_answer_of_more_than_a_quarter_of_an_hour_ago_is_stale(control: str) -> None:
    found = evidence(pod("search-0", health=seen(answer(), NOW - 901)))
    finding = judge_control(CATALOGUE.by_id[control], found, facts(), load_judges())
    assert state(finding) == (State.UNKNOWN, "Stale")


@pytest.mark.parametrize("found", [each for each, _ in DOUBTS])
@pytest.mark.parametrize(("control", "bad"), [(control, bad) for control, bad, _ in BAD if control is not AFTER])
def test_whoever_keeps_the_watcher_out_stays_failed(control: str, bad: HealthAnswer, found: HealthAnswer) -> None:
    _, failed = twice(control, bad)
    kept_out = replace(
        found, kubelet=asked("liveness", Outcome.UNREACHABLE).kubelet + asked("readiness", Outcome.UNREACHABLE).kubelet
    )
    finding = judged(control, kept_out, at=NOW + 120, previous=failed)
    assert finding.state is State.FAIL
    assert finding.evidence_lost_since == NOW + 120


@pytest.mark.parametrize(("control", "bad"), [(ENDPOINT, answer(path(503))), (PASSES, answer(path(503)))])
def test_a_good_answer_ends_the_fail(control: str, bad: HealthAnswer) -> None:
    _, failed = twice(control, bad)
    assert judged(control, answer(), at=NOW + 120, previous=failed).state is State.PASS


def test_an_answer_of_an_agent_whose_certificate_has_expired_counts() -> None:
    assert judged(ENDPOINT, answer(way=Way.EXPIRED)).state is State.PASS


# The probes of the kubelet


@pytest.mark.parametrize(
    "found",
    [
        asked("liveness", Outcome.ANSWERED, 200),
        asked("liveness", Outcome.ANSWERED, 503),  # perhaps it is not ready: its conditions tell
        asked("liveness", Outcome.ANSWERED),
        asked("readiness", Outcome.NEEDS_CERTIFICATE),
        answer(),
    ],
)
def test_a_liveness_probe_that_can_succeed_is_not_refuted_and_a_readiness_probe_is_not_its_business(
    found: HealthAnswer,
) -> None:
    first, second = twice(LIVENESS, found)
    assert (first.message, second.message) == (LATER.message, LATER.message)


@pytest.mark.parametrize("outcome", [*Outcome])
def test_what_the_watcher_is_answered_refutes_no_readiness_probe_of_a_pod_that_is_ready(outcome: Outcome) -> None:
    for finding in twice(READINESS, asked("readiness", outcome, 404 if outcome is Outcome.ANSWERED else None)):
        assert finding.message == LATER.message


PROBED = "{containers: [{name: agent, livenessProbe: {httpGet: {port: 8443}, initialDelaySeconds: 30}}]}"


@pytest.mark.parametrize(
    ("ready_for", "running_for", "seen_ago", "failed"),
    [
        (121.0, 3600.0, 0.0, False),  # 30 s, three probes 10 s apart, and a minute in which it would have been killed
        (120.0, 3600.0, 0.0, True),
        (3600.0, 120.0, 0.0, True),
        (3600.0, 3600.0, 3500.0, True),  # as it was then
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.NEEDS_CERTIFICATE, Outcome.NEEDS_TLS, Outcome.UNREACHABLE])
def test_a_container_that_outlives_its_liveness_probe_shows_that_the_kubelet_is_answered(
    ready_for: float, running_for: float, seen_ago: float, failed: bool, outcome: Outcome
) -> None:
    live = pods.pod(PROBED, pods.container(running_since=NOW - running_for), ready_for=ready_for)
    found = live.sources[SourceName.KUBERNETES_POD]
    assert isinstance(found, Seen)
    then = replace(found, observed_at=NOW - seen_ago)
    sources = {SourceName.KUBERNETES_POD: then, SourceName.HEALTH: seen(asked("liveness", outcome))}
    (registered,) = (each for each in load_judges().controls[LIVENESS] if SourceName.HEALTH in each.sources)
    said = registered.judge(CATALOGUE.by_id[LIVENESS], evidence(replace(live, sources=sources)), facts())
    assert len(list(said)) == failed


def test_a_liveness_probe_that_cannot_be_asked_from_here_keeps_the_control_from_passing() -> None:
    finding = judged(LIVENESS, asked("liveness", Outcome.UNREACHABLE))
    assert "cannot be asked from here" in finding.message
    assert state(finding) == (State.UNKNOWN, "Unreachable")


# Dependencies


def outage(*said_healthy: bool, condition: str = "SVIDExpired", since: float = NOW - 600, callee: str = "") -> Outage:
    return Outage(condition, callee, "search-0", since, since + 60.0 * len(said_healthy), said_healthy)


def test_components_and_an_outage_that_was_told_pass_until_the_outage_is_too_long_ago() -> None:
    finding = judged(DEPENDENCIES, answer(outages=(outage(False),)))
    assert finding.state is State.PASS
    assert "/health of search-0 told of it while SVIDExpired was true." in finding.message
    assert "/health names identity, opa." in finding.message
    old = judged(DEPENDENCIES, answer(outages=(outage(False, since=NOW - 31 * DAY),)))
    assert state(old) == (State.UNKNOWN, "Observing")


def test_components_without_any_outage_are_unknown_until_there_is_one() -> None:
    finding = judged(DEPENDENCIES, answer())
    assert state(finding) == (State.UNKNOWN, "Observing")
    assert finding.message == "Nothing that it depends on was down for long enough while it was watched."
    assert finding.next_decided_at == NOW + 800


def test_an_agent_that_stays_healthy_while_what_it_depends_on_is_down_is_a_liar_for_thirty_days() -> None:
    lied = answer(outages=(outage(True, True),))
    finding = judged(DEPENDENCIES, lied)
    assert state(finding) == (State.FAIL, "Violated")
    assert finding.message == (
        "search-0: /health of search-0 stayed healthy for 60 s and longer while SVIDExpired was true."
    )
    later = judged(DEPENDENCIES, lied, at=NOW + 20 * DAY, previous=finding)
    assert later.state is State.FAIL


def test_one_healthy_answer_in_an_outage_does_not_make_a_liar() -> None:
    assert state(judged(DEPENDENCIES, answer(outages=(outage(True),)))) == (State.UNKNOWN, "Observing")
    assert state(judged(DEPENDENCIES, answer(outages=(outage(True, False),)))) == (State.UNKNOWN, "Observing")


def test_only_the_truth_in_a_later_outage_clears_a_liar() -> None:
    lie = outage(True, True)
    failed = judged(DEPENDENCIES, answer(outages=(lie,)))
    same_time = outage(False, since=lie.since)._replace(pod="search-1")
    other = outage(False, condition="OPAUnreachable", since=NOW)
    truth = outage(False, since=NOW)
    for found, expected in (((lie, same_time), State.FAIL), ((lie, other), State.FAIL), ((truth, lie), State.PASS)):
        finding = judged(DEPENDENCIES, answer(outages=found), at=NOW + 90, previous=failed)
        assert finding.state is expected


def test_a_callee_that_is_called_healthy_while_its_breaker_is_open_makes_a_liar_and_the_truth_of_it_no_pass() -> None:
    lie = outage(True, True, condition="CircuitBreakerOpen", callee="ranker")
    finding = judged(DEPENDENCIES, answer(outages=(lie,)))
    assert state(finding) == (State.FAIL, "Violated")
    assert finding.message == (
        "search-0: /health of search-0 called ranker healthy for 60 s and longer while its circuit breaker was open."
    )
    truth = outage(False, condition="CircuitBreakerOpen", callee="ranker", since=NOW)
    assert state(judged(DEPENDENCIES, answer(outages=(truth, lie)))) == (State.UNKNOWN, "Observing")


def with_opa(opa: ContainerRun, outages: Sequence[Outage], seen_at: float = NOW) -> Finding:
    """The finding of an agent with an OPA in its pod, of which a kubelet says this."""
    conditions: Seen[object] = Seen("conditions as they were gathered", NOW, "pod/prod/search-0")
    live = pods.pod("{containers: [{name: agent}, {name: opa}]}", pods.container(), opa, opa="opa")
    found = live.sources[SourceName.KUBERNETES_POD]
    assert isinstance(found, Seen)
    sources = {SourceName.CONDITIONS: conditions, SourceName.HEALTH: seen(answer(outages=tuple(outages)))}
    sources[SourceName.KUBERNETES_POD] = replace(found, observed_at=seen_at)
    every = evidence(replace(live, sources=sources))
    return judge_control(CATALOGUE.by_id[DEPENDENCIES], every, facts(), load_judges())


CUT_OFF = outage(True, True, condition="OPAUnreachable")  # from 10 min ago until 8 min ago
DOWN = Ended(1, 0, "Error", NOW - 3600, CUT_OFF.since)


@pytest.mark.parametrize(
    "opa", [{"running_since": CUT_OFF.looked_at, "ended": DOWN}, {"running_since": None, "ended": DOWN}]
)
def test_an_agent_is_a_liar_about_an_opa_that_did_not_run_by_its_kubelet(opa: dict[str, object]) -> None:
    finding = with_opa(pods.container("opa", **opa), [CUT_OFF])
    assert state(finding) == (State.FAIL, "Violated")
    assert finding.message.endswith("stayed healthy for 60 s and longer while OPAUnreachable was true.")


@pytest.mark.parametrize(
    ("opa", "seen_at"),
    [
        ({}, NOW),
        ({"running_since": CUT_OFF.looked_at - 1, "ended": DOWN}, NOW),
        ({"running_since": None, "ended": DOWN._replace(finished_at=CUT_OFF.since + 1)}, NOW),
        ({"running_since": None, "ended": DOWN._replace(finished_at=0.0)}, NOW),
        ({"running_since": None, "ended": DOWN}, CUT_OFF.looked_at - 1),
    ],
)
def test_an_opa_that_only_the_watcher_is_known_not_to_reach_makes_no_liar(
    opa: dict[str, object], seen_at: float
) -> None:
    finding = with_opa(pods.container("opa", **opa), [CUT_OFF], seen_at)
    assert state(finding) == (State.UNKNOWN, "Observing")
    assert finding.message == (
        "/health of search-0 stayed healthy while the watcher could not reach its OPA; that the agent could not either "
        "is not known."
    )
    truth = outage(False, condition="OPAUnreachable")._replace(pod="search-1")
    assert with_opa(pods.container("opa", **opa), [CUT_OFF, truth], seen_at).state is State.PASS
    assert judged(DEPENDENCIES, answer(outages=(CUT_OFF,))).reason == "Observing"


def test_components_that_are_neither_for_identity_nor_for_authorization_decide_nothing() -> None:
    some = HealthDocument(HealthState.HEALTHY, (Component("database", HealthState.HEALTHY),))
    finding = judged(DEPENDENCIES, answer(path(200, some), outages=(outage(False),)))
    assert state(finding) == (State.UNKNOWN, "NoData")
    assert finding.message == "No component that /health names is for identity or authorization."


def test_without_the_watchers_own_conditions_dependency_checks_never_pass() -> None:
    finding = judged(DEPENDENCIES, answer(outages=(outage(False),)), conditions=False)
    assert state(finding) == (State.UNKNOWN, "SourceMissing")


def test_conditions_that_were_gathered_of_the_agent_as_a_whole_serve_as_well() -> None:
    conditions: Seen[object] = Seen("conditions", NOW, "agent/prod/search")
    found = evidence(pod("search-0", health=seen(answer(outages=(outage(False),)))), conditions=conditions)
    assert judge_control(CATALOGUE.by_id[DEPENDENCIES], found, facts(), load_judges()).state is State.PASS


# The agent's card


def test_capabilities_without_a_description_refute_that_the_interface_is_documented() -> None:
    bare = answer(card=AgentCard(4, 3, ("search", "rank", "index")))
    for records in ((), (record(CARD),)):
        first, second = twice(CARD, bare, records=records)
        assert first.state is State.UNKNOWN
        assert state(second) == (State.FAIL, "Refuted")
        assert second.message == ("search-0: Capabilities without a description in the card: search, rank and 1 more.")


@pytest.mark.parametrize("card", [None, AgentCard(2), AgentCard(problem="HTML")])
def test_a_card_that_is_whole_or_absent_says_nothing_against_a_record(card: AgentCard | None) -> None:
    assert judged(CARD, answer(card=card), records=[record(CARD)]).state is State.ATTESTED
    assert state(judged(CARD, answer(card=card))) == (State.UNKNOWN, "AttestationMissing")


def test_every_control_of_the_source_has_a_judge_of_it() -> None:
    named = {each.id for each in CATALOGUE.controls if any(spec.source is SourceName.HEALTH for spec in each.evidence)}
    assert named == set(OURS)
    judges = load_judges().controls
    for control in named:
        assert any(SourceName.HEALTH in each.sources for each in judges[control])
