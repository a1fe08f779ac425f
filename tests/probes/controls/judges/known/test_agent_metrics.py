"""What a metrics page has decides: pass, fail and unknown of each control, with its sentence."""

from dataclasses import replace

import pytest

from probes.contract import Unknown
from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import MetricsLook, PrometheusLook, Seen, Traffic
from probes.controls.evidence.alerts.prometheus import RuleBook, Untold
from probes.controls.finding import State
from probes.controls.sdk.facts import SdkFacts
from tests.probes.controls.judges.configs import changed, file_of
from tests.probes.controls.judges.known.pods import (
    families,
    finding,
    in_turn,
    no_page,
    only,
    page,
    recording,
    said,
    true,
    unknown,
    verdicts,
)
from tests.probes.controls.made import NOW

REQUESTS, DURATION = "metrics.requests-total", "metrics.request-duration-seconds"
DECISIONS, CHECKS = "metrics.authz-decisions-total", "metrics.authz-check-duration-seconds"
POOL, BREAKER = "metrics.connection-pool-active", "metrics.circuit-breaker-state"
ENABLED, SECURED = "observability.metrics.enabled", "observability.metrics.endpoint-secured"
CORE, RESOURCE = "observability.metrics.core-exported", "observability.metrics.resource-exported"
AVAILABLE = "postdeploy.immediate.metrics-available"
BREAKERS, EXPOSED = "reliability.circuit-breaker.enabled", "reliability.circuit-breaker.metrics-exposed"
CALLS, BUDGET, FINAL = (
    "predeploy.smoke.calls-other-agents",
    "reliability.retry.budget",
    "reliability.retry.non-retryable-identified",
)
OF_FAMILIES = (REQUESTS, DURATION, DECISIONS, CHECKS, POOL, BREAKER, CORE, RESOURCE)
OF_PAGES = (*OF_FAMILIES, BREAKERS, EXPOSED, CALLS, BUDGET, FINAL)

_SIGNALS = {
    REQUESTS: "requests",
    DURATION: "request_duration",
    DECISIONS: "authz_decisions",
    CHECKS: "authz_duration",
    POOL: "pool_in_use",
    BREAKER: "breaker_state",
    CORE: "requests",
    RESOURCE: "pool_in_use",
}
NONE = "The metrics endpoint has no"
_STATE = "agentweave_circuit_breaker_state"


def lacking(signal: str, **more: object) -> MetricsLook:
    """A page that lacks this signal and has all others."""
    return page(families=families(without=[signal]), **more)


CALLED = Traffic(made=30.0, made_by_callee={"index": 25.0, "rare": 19.0})


@pytest.mark.parametrize(
    ("control", "seen", "told"),
    [
        (REQUESTS, page(), "The metrics endpoint has agentweave_requests_total with a sample."),
        (DURATION, page(), "The metrics endpoint has agentweave_request_duration_seconds with a sample."),
        (
            DURATION,
            page(families=families(request_duration=("agentweave_request_duration_seconds",))),
            "The metrics endpoint has agentweave_request_duration_seconds with a sample.",
        ),
        (
            DECISIONS,
            page(families=families(authz_decisions=("agentweave_auth_decisions_total",))),
            (
                "The metrics endpoint has agentweave_auth_decisions_total with a sample, an alias of "
                "agentweave_authz_decisions_total."
            ),
        ),
        (CHECKS, page(), "The metrics endpoint has agentweave_authz_check_duration_seconds with a sample."),
        (POOL, page(), "The metrics endpoint has agentweave_connection_pool_active with a sample."),
        (BREAKER, page(), f"The metrics endpoint has {_STATE} with a sample."),
        (ENABLED, page(), "The metrics endpoint has families of AgentWeave's."),
        (
            ENABLED,
            page(families=families(without=_SIGNALS.values())),
            "The metrics endpoint has families of AgentWeave's.",
        ),
        (SECURED, page(), "The metrics endpoint is on another port than the agent's."),
        (
            SECURED,
            page(unknown("MetricsUnavailable", Unknown.UNAUTHORIZED), own_port=True, status=401, error="401."),
            "Without credentials the page is refused with HTTP 401.",
        ),
        (CORE, page(), "The metrics endpoint counts requests, errors and durations."),
        (CORE, lacking("request_errors"), "The metrics endpoint counts requests, errors and durations."),
        (RESOURCE, page(), "The metrics endpoint has CPU, memory and the use of the pool."),
        (AVAILABLE, page(), "The metrics endpoint can be read."),
        (
            EXPOSED,
            page(true("CircuitBreakerOpen", "Open", "index")),
            f"The metrics endpoint has {_STATE}, and CircuitBreakerOpen is judged from it.",
        ),
        (
            BREAKERS,
            page(true("CircuitBreakerOpen", "Open", "index"), traffic=CALLED),
            "Each of 1 callees has a breaker.",
        ),
    ],
)
def test_a_page_that_has_what_it_should_is_good(control: str, seen: MetricsLook, told: str) -> None:
    assert only(control, seen) == ("good", "", told)


@pytest.mark.parametrize(
    ("control", "seen", "told"),
    [
        (
            REQUESTS,
            lacking("requests"),
            "The metrics endpoint has no agentweave_requests_total after 100 inbound requests in the last",
        ),
        (
            DURATION,
            page(families=families(request_duration=("agentweave_request_duration_seconds_count",))),
            f"{NONE} agentweave_request_duration_seconds with buckets or quantiles after 100 inbound requests",
        ),
        (
            DECISIONS,
            lacking("authz_decisions"),
            "The metrics endpoint has no agentweave_authz_decisions_total after 100 inbound",
        ),
        (
            CHECKS,
            lacking("authz_duration"),
            "The metrics endpoint has no agentweave_authz_check_duration_seconds after 100 inbound",
        ),
        (
            POOL,
            lacking("pool_in_use"),
            "The metrics endpoint has no agentweave_connection_pool_active after 100 outbound requests",
        ),
        (
            POOL,
            page(families=families(pool_in_use=("agentweave_active_connections",))),
            f"{NONE} agentweave_connection_pool_active after 100 outbound requests in the last hour.",
        ),
        (
            BREAKER,
            lacking("breaker_state"),
            f"The metrics endpoint has no {_STATE} after 100 outbound requests in the last hour.",
        ),
        (
            ENABLED,
            page(families=families(without=_SIGNALS.values(), ours=False)),
            "The metrics endpoint has no family whose name begins with agentweave_.",
        ),
        (ENABLED, no_page("ConnectionRefused"), "MetricsUnavailable is true."),
        (ENABLED, no_page("Malformed", 200), "MetricsUnavailable is true."),
        (ENABLED, no_page("HTTPError", 404), "MetricsUnavailable is true."),
        (
            SECURED,
            page(own_port=True),
            "The metrics endpoint is served on the agent's own port to a client without credentials.",
        ),
        (
            CORE,
            lacking("request_duration"),
            "The metrics endpoint has no agentweave_request_duration_seconds after 100 inbound",
        ),
        (
            CORE,
            lacking("request_errors", verdicts=verdicts(unknown("ErrorRateHigh", Unknown.SIGNAL_ABSENT))),
            "The metrics endpoint has no label or counter that tells how requests ended after 100 inbound requests",
        ),
        (
            RESOURCE,
            lacking("pool_in_use"),
            "The metrics endpoint has no agentweave_connection_pool_active after 100 outbound",
        ),
        (AVAILABLE, no_page("ConnectionRefused"), "MetricsUnavailable is true."),
        (
            EXPOSED,
            lacking("breaker_state"),
            f"The metrics endpoint has no {_STATE} after 100 outbound requests in the last hour.",
        ),
        (
            EXPOSED,
            page(unknown("CircuitBreakerOpen", Unknown.MALFORMED, "index")),
            f"No value of {_STATE} means a state: CircuitBreakerOpen is unknown.",
        ),
        (CALLS, page(traffic=Traffic(made=20.0, failed=20.0)), "All of 20 outbound requests in the last hour failed."),
        (
            BUDGET,
            page(traffic=Traffic(made=100.0, made_before=100.0, retries=21.0, retries_before=21.0)),
            "21 retries of 100 requests, and too many the hour before.",
        ),
        (
            FINAL,
            page(traffic=Traffic(retried=frozenset({"AuthorizationError"}))),
            "Calls are made again after Authoriz",
        ),
        (FINAL, page(traffic=Traffic(retried=frozenset({"404"}))), "Calls are made again after 404."),
    ],
)
def test_a_page_that_has_something_else_is_bad(control: str, seen: MetricsLook, told: str) -> None:
    says, reason, message = only(control, seen)
    assert (says, reason) == ("bad", "")
    assert message.startswith(told)


@pytest.mark.parametrize("control", OF_FAMILIES)
@pytest.mark.parametrize("requests", [None, 0.0, 19.4])
def test_a_family_that_is_not_there_says_nothing_of_an_agent_that_was_hardly_asked(
    control: str, requests: float | None
) -> None:
    quiet = lacking(_SIGNALS[control], traffic=Traffic(requests=requests, made=requests))
    assert only(control, quiet)[:2] == ("unclear", "NoData")


@pytest.mark.parametrize("control", OF_FAMILIES)
def test_a_family_without_a_sample_is_no_pass_and_no_fail(control: str) -> None:
    bare = page(families=families(described={_SIGNALS[control]: "agentweave_family"}))
    says, reason, message = only(control, bare)
    assert (says, reason) == ("unclear", "NoData")
    assert message == "The metrics endpoint has agentweave_family, but without a sample."


@pytest.mark.parametrize("control", OF_FAMILIES)
def test_a_family_that_nobody_asks_for_is_not_held_against_the_agent(control: str) -> None:
    found = families(without=[_SIGNALS[control]])._replace(asked=frozenset())
    assert only(control, page(families=found))[:2] == ("unclear", "SourceMissing")


@pytest.mark.parametrize(
    ("control", "seen", "reason"),
    [
        (RESOURCE, lacking("cpu"), "NoData"),
        (RESOURCE, lacking("memory"), "NoData"),
        (SECURED, no_page("Lost"), "Unreachable"),
        (SECURED, no_page("ConnectionRefused"), "Unreachable"),
        (SECURED, page(own_port=True, with_credentials=True), "NoData"),
        (SECURED, page(own_port=True, with_credentials=True, status=403, error="No."), "Unreachable"),
        (EXPOSED, page(unknown("CircuitBreakerOpen", Unknown.WARMING_UP, "index")), "Observing"),
        (EXPOSED, page(unknown("CircuitBreakerOpen", Unknown.MALFORMED), in_turn=True), "Unparseable"),
        (EXPOSED, page(), "NoData"),
        (BREAKERS, page(), "NoData"),
        (BREAKERS, page(traffic=Traffic(made=30.0, made_by_callee={"rare": 19.0})), "NoData"),
        (BREAKERS, page(traffic=CALLED), "KeyNotEffective"),
        (ENABLED, no_page("Lost"), "Unreachable"),
        (ENABLED, no_page("HTTPError", 500), "Unreachable"),
        (ENABLED, no_page("TooLarge", 200), "Unparseable"),
    ],
)
def test_a_page_that_leaves_it_open_says_why(control: str, seen: MetricsLook, reason: str) -> None:
    assert only(control, seen)[:2] == ("unclear", reason)


@pytest.mark.parametrize("control", [*OF_PAGES, ENABLED, AVAILABLE])
@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (Unknown.NEVER_REACHED, "Unreachable"),
        (Unknown.WATCHER_IMPAIRED, "Unreachable"),
        (Unknown.UNAUTHORIZED, "Forbidden"),
        (Unknown.PROBE_ERROR, "EvaluatorError"),
    ],
)
def test_a_page_that_only_we_do_not_read_decides_nothing_and_clears_nothing(
    control: str, why: Unknown, reason: str
) -> None:
    unread = page(error="It was not had.", verdicts=verdicts(unknown("MetricsUnavailable", why)))
    assert only(control, unread)[:2] == ("unclear", reason)


@pytest.mark.parametrize(
    ("control", "traffic"),
    [
        (CALLS, Traffic()),
        (CALLS, Traffic(made=19.0, failed=19.0)),
        (CALLS, Traffic(made=20.0, failed=19.0)),
        (BUDGET, Traffic(made=100.0, made_before=100.0, retries=21.0, retries_before=20.0)),
        (BUDGET, Traffic(made=99.0, made_before=100.0, retries=90.0, retries_before=90.0)),
        (BUDGET, Traffic(made=100.0, retries=90.0)),
        (FINAL, Traffic(retried=frozenset({"ConnectError", "503", "429", "408"}))),
    ],
)
def test_calls_that_go_well_enough_refute_nothing(control: str, traffic: Traffic) -> None:
    assert said(control, page(traffic=traffic)) == []


def test_a_callee_without_a_breaker_fails_only_where_the_sdk_is_known_to_tell_of_them() -> None:
    recorded: SdkFacts = recording(_STATE)
    assert only(BREAKERS, page(traffic=CALLED), sdk=recorded) == (
        "bad",
        "",
        "No breaker for index, which is called often.",
    )
    unheard = replace(file_of(changed({})), sdk_version="9.0.0")
    config = Seen(unheard, NOW, "config.yaml")
    assert finding(BREAKERS, page(traffic=CALLED), sdk=recorded, agent_config=config).reason == "KeyNotEffective"


@pytest.mark.parametrize("control", [*OF_FAMILIES, ENABLED, SECURED])
def test_the_verdicts_of_a_good_page_a_bad_one_and_none(control: str) -> None:
    bad = {ENABLED: no_page("ConnectionRefused"), SECURED: page(own_port=True)}.get(control)
    assert finding(control, page()).state is State.PASS
    assert finding(control, bad or lacking(_SIGNALS[control])).state is State.FAIL
    lost = page(error="Lost.", own_port=True, verdicts=verdicts(true("MetricsUnavailable", "Lost")))
    assert (finding(control, lost).state, finding(control, lost).reason) == (State.UNKNOWN, "Unreachable")


@pytest.mark.parametrize("control", OF_FAMILIES)
def test_one_bad_look_of_two_is_observing_and_a_lost_page_leaves_a_fail_as_it_is(control: str) -> None:
    bad = lacking(_SIGNALS[control])
    assert in_turn(control, bad).reason == "Observing"
    assert in_turn(control, bad, bad, no_page("Lost")).state is State.FAIL
    assert in_turn(control, bad, bad, page()).state is State.PASS


def test_a_pod_is_judged_by_its_page_a_quarter_of_an_hour_after_its_start() -> None:
    [one] = said(AVAILABLE, no_page("ConnectionRefused"), since=NOW - 899)
    assert (one.reason, one.next_at) == ("Settling", NOW + 1)


@pytest.mark.parametrize("control", OF_FAMILIES)
def test_twenty_requests_in_an_hour_are_enough(control: str) -> None:
    asked = lacking(_SIGNALS[control], traffic=Traffic(requests=20.0, made=20.0))
    assert only(control, asked)[0] == "bad"


def test_retries_that_grew_twice_refute_at_the_first_look() -> None:
    assert in_turn(FINAL, page(traffic=Traffic(retried=frozenset({"AuthorizationError"})))).reason == "Refuted"


@pytest.mark.parametrize(
    ("measured", "says", "message"),
    [
        (True, "good", "The metrics endpoint has the use of the pool, and Prometheus has cpu."),
        (False, "bad", "Neither the metrics endpoint nor Prometheus has cpu."),
    ],
)
def test_what_the_page_does_not_tell_of_cpu_and_memory_prometheus_may(
    *, measured: bool, says: str, message: str
) -> None:
    [pod] = {each.pod for each in said(RESOURCE, lacking("cpu"))}
    look = PrometheusLook(RuleBook(), measured=frozenset({pod} if measured else ()))
    by_page = [each for each in said(RESOURCE, lacking("cpu"), prometheus=Seen(look, NOW, "prometheus")) if each.pod]
    assert [(each.says.value, each.message) for each in by_page] == [(says, message)]


def test_what_prometheus_could_not_be_asked_of_is_not_missed() -> None:
    look = PrometheusLook(RuleBook(), measures=Untold(UnknownReason.UNREACHABLE, "It was not asked."))
    found = [each for each in said(RESOURCE, lacking("cpu"), prometheus=Seen(look, NOW, "prometheus")) if each.pod]
    assert [(each.says.value, each.reason) for each in found] == [("unclear", "NoData")]
