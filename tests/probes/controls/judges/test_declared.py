"""What a config declares of behaviour: it refutes, never proves, and says nothing by a default that has no effect."""

import pytest

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, EvidenceSet, LogSample, Missing, Seen
from probes.controls.finding import State
from probes.controls.judging import Facts, Judges, RegisteredJudge, Says, Statement, load_judges
from probes.controls.verdict.control import judge_control
from tests.probes.controls.judges.configs import GONE, READING, SDK, changed, file_of, finding, said
from tests.probes.controls.made import AGENT, CATALOGUE, NOW

SPIRE, DOMAIN = "security.identity.spire-configured", "security.identity.trust-domain-validated"
DENY, AUDIT = "security.authz.default-deny", "security.authz.audit-logging-enabled"
TLS, PEERS = "security.transport.tls13-enforced", "security.transport.peer-verification-strict"
CLEAR, LEVEL = "security.transport.no-plaintext", "observability.logging.level-appropriate"
METRICS, TRACING = "observability.metrics.enabled", "observability.tracing.enabled"
BREAKER, THRESHOLD = "reliability.circuit-breaker.enabled", "reliability.circuit-breaker.threshold-tuned"
RETRY, SAMPLING = "reliability.retry.tuned", "observability.tracing.sampling-configured"
_RATE = "observability.tracing.sampling_rate"
_OPA, _TEMPO = "authorization.opa_endpoint", "observability.tracing.endpoint"
_ATTEMPTS, _MOST = "transport.retry.max_attempts", "transport.retry.backoff_max_seconds"


@pytest.mark.parametrize(
    ("control", "changes", "told"),
    [
        (SPIRE, {"identity.provider": "mtls-static"}, "identity.provider is mtls-static."),
        (DOMAIN, {"agent.trust_domain": "example.org"}, "agent.trust_domain is example.org, the domain of an example."),
        (
            DOMAIN,
            {"agent.trust_domain": "prod.Example.org"},
            "agent.trust_domain is below example.org, the domain of an example.",
        ),
        (METRICS, {"observability.metrics.enabled": 0}, "observability.metrics.enabled is false."),
        (DENY, {"authorization.provider": "allow-all"}, "authorization.provider is allow-all."),
        (DENY, {"authorization.default_action": "log-only"}, "authorization.default_action is log-only."),
        (DENY, {"authorization.default_action": "allow"}, "authorization.default_action is allow."),
        (TLS, {"transport.tls_min_version": "1.2"}, "transport.tls_min_version is 1.2."),
        (TLS, {"transport.tls_min_version": 1.2}, "transport.tls_min_version is the number 1.2, below 1.3."),
        (PEERS, {"transport.peer_verification": "log-only"}, "transport.peer_verification is log-only."),
        (PEERS, {"transport.peer_verification": "none"}, "transport.peer_verification is none."),
        (CLEAR, {_OPA: "http://opa.prod:8181"}, f"{_OPA} is http:// to a host that is not loopback."),
        (CLEAR, {_OPA: "HTTP://10.0.0.7"}, f"{_OPA} is http:// to a host that is not loopback."),
        (CLEAR, {_TEMPO: "http://tempo:4317"}, f"{_TEMPO} is http:// to a host that is not loopback."),
        (METRICS, {"observability.metrics.enabled": False}, "observability.metrics.enabled is false."),
        (METRICS, {"observability.metrics.enabled": "off"}, "observability.metrics.enabled is false."),
        (TRACING, {"observability.tracing.enabled": False}, "observability.tracing.enabled is false."),
        (LEVEL, {"observability.logging.level": "debug"}, "observability.logging.level is DEBUG."),
        (LEVEL, {"observability.logging.level": "TRACE"}, "observability.logging.level is TRACE."),
        (BREAKER, {"transport.circuit_breaker": False}, "transport.circuit_breaker is false."),
        (BREAKER, {"transport.circuit_breaker.enabled": "no"}, "transport.circuit_breaker.enabled is false."),
        (
            THRESHOLD,
            {"transport.circuit_breaker.failure_threshold": 1},
            "transport.circuit_breaker.failure_threshold of 1 is not from 2 to 50.",
        ),
        (
            THRESHOLD,
            {"transport.circuit_breaker.failure_threshold": 51},
            "transport.circuit_breaker.failure_threshold of 51 is not from 2 to 50.",
        ),
        (RETRY, {_ATTEMPTS: 6}, f"{_ATTEMPTS} of 6 is above 5."),
        (SAMPLING, {_RATE: 0}, f"{_RATE} is the number 0, not a number above 0 and at most 1."),
        (SAMPLING, {_RATE: 10}, f"{_RATE} is the number 10, not a number above 0 and at most 1."),
        (SAMPLING, {_RATE: True}, f"{_RATE} is true, not a number above 0 and at most 1."),
        (SAMPLING, {_RATE: "10%"}, f"{_RATE} is another text, not a number above 0 and at most 1."),
        (SAMPLING, {_RATE: 10**400}, f"{_RATE} is a number, not a number above 0 and at most 1."),
        (
            RETRY,
            {_ATTEMPTS: 5, "transport.retry.backoff_base_seconds": 2.5},
            "The delays add up to 37.5 s, more than the 30 s of a call.",
        ),
    ],
)
@pytest.mark.parametrize("sdk", [SDK, READING])
def test_a_config_that_says_no_refutes_whether_or_not_the_sdk_reads_it(
    control: str, changes: dict[str, object], told: str, sdk: object
) -> None:
    found = finding(control, changes, sdk=sdk)  # type: ignore[arg-type]
    recorded = CATALOGUE.by_id[control].record and CATALOGUE.by_id[control].automation != "auto"
    assert (found.state, found.reason) == (State.FAIL, "Refuted" if recorded else "Violated")
    assert found.message == told


@pytest.mark.parametrize("control", [SPIRE, DENY, AUDIT, TLS, METRICS, TRACING])
def test_a_config_that_says_yes_is_declared_only(control: str) -> None:
    found = finding(control, {})
    assert (found.state, found.reason) == (State.UNKNOWN, "DeclaredOnly")
    assert found.message.startswith("The config says so, and nothing observed it: ")


@pytest.mark.parametrize("rate", [1, 0.1, "0.25"])
def test_a_rate_is_one_above_0_and_at_most_1_and_none_is_needed_where_nothing_is_traced(rate: object) -> None:
    assert said(SAMPLING, {_RATE: rate}) == []
    assert said(SAMPLING, {_RATE: 0, "observability.tracing.enabled": False}) == []


@pytest.mark.parametrize("control", [PEERS, THRESHOLD, RETRY, SAMPLING])
def test_what_only_a_record_can_meet_stays_open_on_a_good_config(control: str) -> None:
    found = finding(control, {})
    assert (found.state, found.reason) == (State.UNKNOWN, "AttestationMissing")


def test_a_config_that_says_tls_1_3_and_a_port_that_talks_plaintext_is_declared_and_not_observed() -> None:
    def plaintext(*_: object) -> list[Statement]:
        return [Statement(SourceName.HANDSHAKE, Says.BAD, "The port talks plaintext.", at_once=True)]

    found = judge_control(
        CATALOGUE.by_id[TLS], _with(SourceName.HANDSHAKE), _FACTS, _and(TLS, plaintext, SourceName.HANDSHAKE)
    )
    assert (found.state, found.reason) == (State.FAIL, "DeclaredNotObserved")


@pytest.mark.parametrize(
    ("control", "path"),
    [
        (TLS, "transport.tls_min_version"),
        (PEERS, "transport.peer_verification"),
        (METRICS, "observability.metrics.enabled"),
        (TRACING, "observability.tracing.enabled"),
        (AUDIT, "authorization.audit.enabled"),
    ],
)
def test_a_default_that_has_no_effect_declares_nothing(control: str, path: str) -> None:
    assert said(control, {path: GONE}) == []
    if control != PEERS:
        assert finding(control, {path: GONE}).reason == "SourceMissing"


def test_a_default_that_the_sdk_uses_counts_as_declared() -> None:
    assert said(SPIRE, {"identity": GONE}) == [(Says.GOOD, "identity.provider is spiffe by default of SDK 1.0.0.")]
    assert said(DENY, {"authorization": GONE}) == [
        (Says.GOOD, "authorization.provider is opa by default of SDK 1.0.0.")
    ]


@pytest.mark.parametrize(
    ("control", "path"),
    [
        (SPIRE, "identity.provider"),
        (DENY, "authorization.provider"),
        (TLS, "transport.tls_min_version"),
        (METRICS, "observability.metrics.enabled"),
        (LEVEL, "observability.logging.level"),
    ],
)
def test_a_word_that_nobody_knows_is_neither_yes_nor_no(control: str, path: str) -> None:
    found = finding(control, {path: "hunter2"}, sdk=READING)
    assert found.state is State.UNKNOWN
    assert found.reason in {"Unparseable", "SourceMissing"}
    assert [each for each, _ in said(control, {path: "hunter2"}) if each is Says.UNCLEAR]


def test_audit_that_is_off_refutes_nothing_while_opa_may_record_decisions() -> None:
    found = finding(AUDIT, {"authorization.audit.enabled": False})
    assert found.state is State.UNKNOWN
    assert said(AUDIT, {"authorization.audit.enabled": False}) == [
        (
            Says.UNCLEAR,
            "authorization.audit.enabled is false; whether OPA records its decisions is not known from the config.",
        )
    ]


def test_the_operators_list_of_trust_domains_wins_over_the_placeholders() -> None:
    listed = ("example.org",)
    assert said(DOMAIN, {"agent.trust_domain": "example.org"}, trust_domains=listed)[0][0] is Says.GOOD
    assert said(DOMAIN, {}, trust_domains=listed) == [
        (Says.BAD, "agent.trust_domain is not in checklist.trust_domains.")
    ]
    assert said(DOMAIN, {"agent.trust_domain": GONE}) == []
    assert said(DOMAIN, {})[0][0] is Says.UNCLEAR


@pytest.mark.parametrize(
    "changes",
    [
        {_OPA: "http://localhost:8181"},
        {_OPA: "http://127.0.0.1:8181", _TEMPO: "http://[::1]:4317"},
        {_OPA: "https://opa.prod:8181"},
        {_OPA: "http://[broken"},
        {_OPA: "unix:///run/opa.sock"},
        {_TEMPO: "http://tempo:4317", "observability.tracing.enabled": False},
    ],
)
def test_loopback_tls_and_traces_that_are_off_are_no_plaintext(changes: dict[str, object]) -> None:
    assert said(CLEAR, changes) == []


def test_the_level_counts_where_the_sdk_reads_it_and_the_process_started_with_it() -> None:
    assert finding(LEVEL, {}, sdk=READING).state is State.PASS
    assert finding(LEVEL, {"observability.logging.level": "WARN"}, sdk=READING).state is State.PASS
    assert (finding(LEVEL, {}, sdk=READING, in_place=False).state, _reason(LEVEL)) == (State.UNKNOWN, "KeyNotEffective")
    assert finding(LEVEL, {}, sdk=READING, in_place=None).reason == "NotLoaded"
    assert finding(LEVEL, {"observability.logging": GONE}, sdk=READING).message == (
        "observability.logging.level is INFO by default of SDK 2.0.0."
    )


def test_logs_that_were_looked_at_decide_where_the_level_of_the_config_has_no_effect() -> None:
    quiet = LogSample(100, 100, levels={"INFO": 100})
    found = judge_control(CATALOGUE.by_id[LEVEL], _with(SourceName.LOGS, quiet), _FACTS, load_judges())
    assert (found.state, found.assurance) == (State.PASS, "observed")


def test_a_breaker_is_open_for_the_reason_that_the_key_has_no_effect() -> None:
    assert said(BREAKER, {})[0][0] is Says.UNCLEAR
    assert said(BREAKER, {}, sdk=READING) == [(Says.GOOD, "transport.circuit_breaker is configured.")]
    assert said(BREAKER, {"transport.circuit_breaker": GONE}) == []


@pytest.mark.parametrize("attempts", [1, 5, 0, -3, None, "many"])
def test_delays_that_fit_into_a_call_and_what_is_no_number_refute_nothing(attempts: object) -> None:
    assert said(RETRY, {_ATTEMPTS: attempts}) == []


def test_defaults_of_the_sdk_stand_for_absent_keys_of_retries() -> None:
    assert said(RETRY, {"transport.retry": GONE}) == []
    assert said(RETRY, {"transport.retry": {"max_attempts": 5, "backoff_base_seconds": 15}})[0][0] is Says.BAD
    assert said(RETRY, {_ATTEMPTS: 5, _MOST: 1.0, "transport.retry.backoff_base_seconds": 9}) == []


_FACTS = Facts(now=NOW, sdk=SDK)


def _reason(control: str) -> str:
    return finding(control, {}).reason


def _with(source: SourceName, value: object = "seen") -> EvidenceSet:
    file: AgentConfigFile = file_of(changed({}))
    return EvidenceSet(AGENT, {SourceName.AGENT_CONFIG: Seen(file, NOW, "config.yaml"), source: Seen(value, NOW, "x")})


def _and(control: str, judge: object, source: SourceName) -> Judges:
    """The judge of the config, and one more."""
    more = RegisteredJudge(judge, frozenset({source}))  # type: ignore[arg-type]
    return Judges({control: (*load_judges().controls[control], more)}, {})


def test_without_a_list_of_trust_domains_that_is_what_lacks_and_not_a_handshake() -> None:
    found = finding(DOMAIN, {})
    assert (found.state, found.reason) == (State.UNKNOWN, "NoPolicy")
    assert found.message == "No list of trust domains is given, so whether agent.trust_domain is right is not known."
    listed = finding(DOMAIN, {}, trust_domains=("agents.acme-corp.net",))
    assert (listed.state, listed.reason) == (State.UNKNOWN, "DeclaredOnly")
    hidden = Missing(UnknownReason.FORBIDDEN, "The watcher may not look.")
    assert finding(DOMAIN, {}, handshake=hidden).reason == "Forbidden"
