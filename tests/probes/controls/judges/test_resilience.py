"""Retries and breakers in the config: good, bad, unclear, of an SDK that reads the keys and of one that does not."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.controls.catalogue.control import Assurance, SourceName
from probes.controls.evidence import AgentConfigFile, EvidenceSet, Seen
from probes.controls.finding import Finding, State
from probes.controls.judging import Facts, load_judges
from probes.controls.sdk.loading import load_sdk_facts, read_sdk_facts
from probes.controls.verdict.control import judge_control
from tests.probes.controls.made import AGENT, CATALOGUE, NOW

JITTER = "reliability.retry.jitter"
BACKOFF = "reliability.retry.exponential-backoff"
RECOVERY = "reliability.circuit-breaker.recovery-timeout"
SUCCESSES = "reliability.circuit-breaker.success-threshold"
_KEYS = (
    ("retry.jitter", "boolean", "default: false"),
    ("retry.backoff_base_seconds", "number", ""),
    ("retry.backoff_max_seconds", "number", ""),
    ("circuit_breaker.recovery_timeout_seconds", "integer", ""),
    ("circuit_breaker.success_threshold", "integer", ""),
)
_ROWS = ", ".join(f"{{path: transport.{path}, type: {kind}, used: true, {default}}}" for path, kind, default in _KEYS)
READING = read_sdk_facts(
    {"2.yaml": f"{{version: 2.0.0, opa_path: p, health_paths: [/health], config: [{_ROWS}]}}".encode()}
)


def _judged(
    control: str, transport: Mapping[str, object], *, reads: bool = True, in_place: bool | None = True
) -> Finding:
    sdk = READING if reads else load_sdk_facts()
    file = AgentConfigFile({"transport": transport}, {("transport",): 3}, sdk.newest.version, in_place)
    evidence = EvidenceSet(AGENT, {SourceName.AGENT_CONFIG: Seen(file, NOW, "config.yaml")})
    return judge_control(CATALOGUE.by_id[control], evidence, Facts(now=NOW, sdk=sdk), load_judges())


BREAKER = "transport.circuit_breaker"
GOOD = [
    (JITTER, {"retry": {"jitter": True}}, "transport.retry.jitter is true."),
    (BACKOFF, {"retry": {"backoff_base_seconds": 1.0, "backoff_max_seconds": 30}}, "Delays grow from 1 s to 30 s."),
    (JITTER, {"retry": {"jitter": "yes"}}, "transport.retry.jitter is true."),
    (RECOVERY, {"circuit_breaker": {"recovery_timeout_seconds": "30"}}, f"{BREAKER}.recovery_timeout_seconds is 30."),
    (RECOVERY, {"circuit_breaker": {"recovery_timeout_seconds": 30}}, f"{BREAKER}.recovery_timeout_seconds is 30."),
    (SUCCESSES, {"circuit_breaker": {"success_threshold": 2}}, f"{BREAKER}.success_threshold is 2."),
]


@pytest.mark.parametrize(("control", "transport", "message"), GOOD)
def test_a_good_value_that_the_sdk_reads_passes_as_declared(
    control: str, transport: dict[str, object], message: str
) -> None:
    finding = _judged(control, transport)
    assert (finding.state, finding.assurance, finding.message) == (State.PASS, Assurance.DECLARED, message)
    assert finding.evidence[0].ref == "config.yaml:3"


@pytest.mark.parametrize(("control", "transport", "_"), GOOD)
def test_a_process_that_may_have_started_before_the_config_leaves_it_open(
    control: str, transport: dict[str, object], _: str
) -> None:
    assert _judged(control, transport, in_place=False).reason == "NotLoaded"
    assert _judged(control, transport, in_place=None).reason == "NotLoaded"


@pytest.mark.parametrize(("control", "transport", "_"), [each for each in GOOD if each[0] != JITTER])
def test_a_good_value_that_the_sdk_drops_has_no_effect(control: str, transport: dict[str, object], _: str) -> None:
    finding = _judged(control, transport, reads=False)
    assert (finding.state, finding.reason) == (State.UNKNOWN, "KeyNotEffective")
    assert finding.message.startswith("SDK 1.0.0 does not read transport.")


@pytest.mark.parametrize("control", [BACKOFF, RECOVERY, SUCCESSES])
@pytest.mark.parametrize("transport", [{}, {"retry": {"backoff_base_seconds": 1}, "circuit_breaker": {}}])
def test_a_key_that_lacks_is_no_mistake_where_the_sdk_would_not_read_it(
    control: str, transport: dict[str, object]
) -> None:
    found = _judged(control, transport, reads=False)
    assert (found.state, found.reason) == (State.UNKNOWN, "KeyNotEffective")
    assert found.message.endswith(" is not set, and SDK 1.0.0 does not read it.")
    assert _judged(control, transport).state is State.FAIL


def test_an_sdk_that_always_spreads_retries_passes_whatever_the_key_says() -> None:
    for transport in ({}, {"retry": {"jitter": False}}):
        finding = _judged(JITTER, transport, reads=False)
        assert (finding.state, finding.assurance) == (State.PASS, Assurance.DECLARED)
        assert "SDK 1.0.0: Retries are spread by a random delay" in finding.message


@pytest.mark.parametrize(
    ("control", "transport", "message"),
    [
        (JITTER, {"retry": {"jitter": False}}, "transport.retry.jitter is not true."),
        (JITTER, {}, "transport.retry.jitter is not true."),
        (JITTER, {"retry": {"jitter": "maybe"}}, "transport.retry.jitter is not true."),
        (BACKOFF, {}, "transport.retry.backoff_base_seconds is missing, not a number of seconds."),
        (
            BACKOFF,
            {"retry": {"backoff_base_seconds": 1}},
            "transport.retry.backoff_max_seconds is missing, not a number of seconds.",
        ),
        (
            BACKOFF,
            {"retry": {"backoff_base_seconds": 30, "backoff_max_seconds": 30}},
            "The base of 30 s is not above 0 and below the maximum of 30 s.",
        ),
        (
            BACKOFF,
            {"retry": {"backoff_base_seconds": 0, "backoff_max_seconds": 30}},
            "The base of 0 s is not above 0 and below the maximum of 30 s.",
        ),
        *(
            (
                RECOVERY,
                {"circuit_breaker": {"recovery_timeout_seconds": wrong}},
                f"transport.circuit_breaker.recovery_timeout_seconds is {told}.",
            )
            for wrong, told in (
                (4, "the number 4, outside of 5 to 300"),
                (301, "the number 301, outside of 5 to 300"),
                (2_000_000, "a number, outside of 5 to 300"),
                ("30 s", "another text, not a number"),
                (".nan", ".nan, not a number"),
                (True, "true, not a number"),
                (None, "empty, not a number"),
                (float("nan"), "a number, outside of 5 to 300"),
                (10**400, "a number, outside of 5 to 300"),
            )
        ),
        *(
            (
                SUCCESSES,
                {"circuit_breaker": {"success_threshold": wrong}},
                f"transport.circuit_breaker.success_threshold is {told}.",
            )
            for wrong, told in (
                (0, "the number 0, outside of 1 to 10"),
                (11, "the number 11, outside of 1 to 10"),
                (1.5, "the number 1.5, not a whole number"),
            )
        ),
    ],
)
@pytest.mark.parametrize("reads", [True, False])
def test_a_bad_value_fails_whether_or_not_the_sdk_reads_it(
    control: str, transport: dict[str, object], message: str, *, reads: bool
) -> None:
    if not reads and (control == JITTER or " is missing" in message):
        return
    finding = _judged(control, transport, reads=reads)
    assert (finding.state, finding.reason, finding.message) == (State.FAIL, "Violated", message)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["retry", "circuit_breaker", "jitter"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["retry", "circuit_breaker"]), _json), st.booleans())
def test_whatever_stands_in_the_config_no_judge_raises(transport: dict[str, object], reads: bool) -> None:
    for control in (JITTER, BACKOFF, RECOVERY, SUCCESSES):
        assert _judged(control, transport, reads=reads).reason != "EvaluatorError"
