"""The five lines of the checklist on a config: good, bad, by default, without effect, and of what is no config."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from probes.controls.catalogue.control import Assurance
from probes.controls.evidence import AgentConfigFile
from probes.controls.evidence.agent_config import KeyPath
from probes.controls.finding import State
from probes.controls.judges.agent_config.key_findings import Kind, edits, key_findings, mistake
from probes.controls.judging import load_judges
from probes.controls.sdk.facts import SdkFacts
from tests.probes.controls.judges.configs import GONE, READING, SDK, changed, file_of, finding, said
from tests.probes.controls.made import missing

VALID = "predeploy.config.valid"
SETTINGS = "predeploy.config.security-settings"
TLS, PEERS, ACTION = (f"predeploy.config.{name}" for name in ("tls-version", "peer-verification", "default-action"))
FIVE = (VALID, SETTINGS, TLS, PEERS, ACTION)
_TLS, _PEERS, _ACTION = "transport.tls_min_version", "transport.peer_verification", "authorization.default_action"
_AUDIT = "authorization.audit.enabled"
_ATTEMPTS, _BASE = "transport.retry.max_attempts", "transport.retry.backoff_base_seconds"
ONE = [(TLS, _TLS, "1.3"), (PEERS, _PEERS, "strict"), (ACTION, _ACTION, "deny")]


@pytest.mark.parametrize("control", FIVE)
def test_a_good_config_passes_each_of_the_five_as_declared_where_the_sdk_reads_it(control: str) -> None:
    found = finding(control, {}, sdk=READING)
    assert (found.state, found.assurance) == (State.PASS, Assurance.DECLARED)


@pytest.mark.parametrize(("control", "path", "wanted"), ONE)
def test_a_key_that_the_sdk_does_not_read_or_did_not_see_proves_nothing(control: str, path: str, wanted: str) -> None:
    dropped = f"{path} is {wanted}. SDK 1.0.0 does not read {path}, so it has no effect."
    for changes, told in (({}, dropped), ({path: GONE}, f"{path} is not set; the default of SDK 1.0.0 is {wanted}.")):
        found = finding(control, changes)
        assert (found.state, found.reason) == (State.UNKNOWN, "KeyNotEffective")
        assert found.message.startswith(told)
    assert finding(control, {}, sdk=READING).message == f"{path} is {wanted}."
    for number in (control, SETTINGS):
        late = finding(number, {}, in_place=False, sdk=READING)
        assert (late.state, late.reason) == (State.UNKNOWN, "NotLoaded")
        assert late.message.endswith("The process started before this config was there.")
        assert finding(number, {path: "none"}).state is State.FAIL


@pytest.mark.parametrize(("control", "path", "wanted"), ONE)
def test_for_an_absent_key_the_default_of_the_sdk_counts_and_is_told(control: str, path: str, wanted: str) -> None:
    found = finding(control, {path: GONE}, sdk=READING)
    assert (found.state, found.message) == (
        State.PASS,
        f"{path} is not set; the default of SDK 2.0.0 is {wanted}.",
    )


@pytest.mark.parametrize(
    ("control", "path", "value", "told"),
    [
        (TLS, _TLS, "1.2", "1.2, not 1.3"),
        (TLS, _TLS, 1.2, "the number 1.2, not 1.3"),
        (TLS, _TLS, 1.3, "the number 1.3, and must be a text: it needs quotes"),
        (TLS, _TLS, None, "empty, not 1.3"),
        (PEERS, _PEERS, "log-only", "log-only, not strict"),
        (PEERS, _PEERS, "none", "none, not strict"),
        (PEERS, _PEERS, "sk-hunter2", "another text, not strict"),
        (PEERS, _PEERS, ["strict"], "a list, not strict"),
        (ACTION, _ACTION, "log-only", "log-only, not deny"),
        (ACTION, _ACTION, "allow", "allow, not deny"),
        (ACTION, _ACTION, True, "true, not deny"),
    ],
)
def test_anything_else_fails_with_the_line_and_never_with_an_unknown_text(
    control: str, path: str, value: object, told: str
) -> None:
    line = 3 if path.startswith("authorization") else 4
    for number in (control, SETTINGS):
        found = finding(number, {path: value})
        assert (found.state, found.reason) == (State.FAIL, "Violated")
        assert found.message == f"{path} is {told} (line {line})."
        assert found.evidence[0].ref == f"config.yaml:{line}"


@pytest.mark.parametrize("section", ["transport", "authorization"])
@pytest.mark.parametrize("instead", [None, "text", []])
def test_a_section_that_is_no_mapping_does_not_leave_the_defaults_standing(section: str, instead: object) -> None:
    controls = [control for control, path, _ in ONE if path.startswith(section)]
    for control in (*controls, SETTINGS, VALID):
        assert finding(control, {section: instead}).state is State.FAIL


@pytest.mark.parametrize("sdk", [SDK, READING])
@pytest.mark.parametrize(("control", "path", "wanted"), ONE)
def test_what_stands_instead_of_a_section_is_no_value_of_its_keys(
    control: str, path: str, wanted: str, sdk: SdkFacts
) -> None:
    section = path.partition(".")[0]
    for number in (control, SETTINGS):
        found = finding(number, {section: wanted}, sdk=sdk)
        assert (found.state, found.reason) == (State.FAIL, "Violated")
        assert f"{path} is missing, not {wanted}." in [each for _, each in said(number, {section: wanted}, sdk=sdk)]


@pytest.mark.parametrize("path", [_TLS, _PEERS, _ACTION, "authorization.provider", "identity.provider"])
def test_the_word_of_a_section_refutes_and_proves_nothing_else(path: str) -> None:
    section = path.partition(".")[0]
    for word in ("1.3", "strict", "deny", "opa", "spiffe", "allow-all", "log-only", "none"):
        for control in load_judges().controls:
            if control not in FIVE:
                assert f"{path} is {word}" not in finding(control, {section: word}).message


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("authorization.provider", "allow-all", "authorization.provider is allow-all, not opa (line 3)."),
        ("authorization.audit.enabled", False, "authorization.audit.enabled is false, not true (line 3)."),
        ("authorization.audit.enabled", "no", "authorization.audit.enabled is no, not true (line 3)."),
    ],
)
def test_the_other_two_of_the_security_settings(path: str, value: object, told: str) -> None:
    found = finding(SETTINGS, {path: value})
    assert (found.state, found.message) == (State.FAIL, told)


def test_how_the_five_settings_hold_is_told() -> None:
    five = "default_action, provider, audit.enabled, peer_verification, tls_min_version: all five are right"
    dropped = finding(SETTINGS, {})
    assert (dropped.state, dropped.reason) == (State.UNKNOWN, "KeyNotEffective")
    assert dropped.message == f"{five}; SDK 1.0.0 does not read 4 of them."
    assert finding(SETTINGS, {}, sdk=READING).message == f"{five}."
    absent = finding(SETTINGS, {"authorization": GONE, _TLS: GONE, _PEERS: GONE}, sdk=READING)
    assert (absent.state, absent.message) == (State.PASS, f"{five}, all of them by default.")
    longest = finding(SETTINGS, {"authorization": GONE, _PEERS: GONE})
    assert longest.message == f"{five}, 4 of them by default; SDK 1.0.0 does not read 4 of them."


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"agent": GONE}, "agent: missing, but required."),
        ({"agent.name": GONE}, "agent.name: missing, but required."),
        ({"agent.name": "Search_1"}, "agent.name: expected a text that matches [a-z][a-z0-9-]*."),
        ({"agent.name": 7}, "agent.name: expected a text, got the number 7, which needs quotes."),
        ({"agent.name": "a" * 3000}, "agent.name: a text of over 2048 characters."),
        (
            {"agent.environment": "prod"},
            "agent.environment: expected development or staging or production, got prod; did you mean production?",
        ),
        ({"agent.capabilities": {}}, "agent.capabilities: expected a list, got a mapping."),
        ({"agent.capabilities": ["search"]}, "agent.capabilities[0]: expected a mapping, got another text."),
        ({"agent.capabilities": [{"name": "s"}]}, "agent.capabilities[0].description: missing, but required."),
        ({"authorization.audit.enabled": 2}, "authorization.audit.enabled: expected true or false, got the number 2."),
        ({"transport.retry.max_attempts": 11}, "transport.retry.max_attempts: expected at most 10, got the number 11."),
        ({"transport.retry.max_attempts": 0}, "transport.retry.max_attempts: expected at least 1, got the number 0."),
        ({_ATTEMPTS: 2.5}, f"{_ATTEMPTS}: expected a whole number, got the number 2.5."),
        ({_BASE: "1 s"}, f"{_BASE}: expected a number, got another text."),
        ({_ATTEMPTS: "11"}, f"{_ATTEMPTS}: expected at most 10, got the number 11."),
        ({"transport.retry": None}, "transport.retry: expected a mapping, got empty."),
        ({_PEERS: "none"}, f"{_PEERS}: expected strict, got none."),
        ({_ACTION: "allow"}, f"{_ACTION}: expected deny, got allow."),
        ({_TLS: "1.1"}, f"{_TLS}: expected 1.3, got 1.1."),
        ({_ATTEMPTS: ".nan"}, f"{_ATTEMPTS}: expected a whole number, got .nan."),
        *(
            (
                {f"{section}.{key}": "allow"},
                f"{section}: unknown section, so its security key has no effect; did you mean {meant}?",
            )
            for section, key, meant in (
                ("transprot", "peer_verification", _PEERS),
                ("Transport", "peerVerification", _PEERS),
                ("security", "default_action", _ACTION),
                ("security", "rules.tls-min-version", _TLS),
                ("identty", "provider", "identity.provider"),
            )
        ),
        (
            {"security": [{"default_action": "allow"}]},
            f"security: unknown section, so its security key has no effect; did you mean {_ACTION}?",
        ),
        (
            {_PEERS: GONE, "transport.peer_verfication": "log-only"},
            ("transport.peer_verfication: unknown key next to a security key that is missing; "
             "did you mean peer_verification?"),
        ),
        (
            {"identity": GONE, "identty": {"provider": "mtls-static"}},
            "identty: unknown key next to a security key that is missing; did you mean identity?",
        ),
    ],
)  # fmt: skip
def test_a_config_that_is_not_valid_fails_with_the_key_and_what_was_expected(
    changes: dict[str, object], told: str
) -> None:
    found = finding(VALID, changes)
    assert (found.state, found.reason, found.message) == (State.FAIL, "Violated", told)


def test_log_only_is_valid_and_not_ready_for_production() -> None:
    assert finding(VALID, {_ACTION: "log-only", _PEERS: "log-only"}).state is State.PASS
    assert finding(SETTINGS, {_ACTION: "log-only", _PEERS: "log-only"}).state is State.FAIL


def test_unknown_keys_of_the_checklists_own_example_are_notes_and_leave_the_config_valid() -> None:
    changes: dict[str, object] = {
        "transport.circuit_breaker.success_threshold": 2,
        "transport.retry.jitter": True,
        "observability.tracing.sampling_rate": 0.1,
        "agent.capabilities": [{"name": "search", "description": "Finds", "inputModes": ["text"]}],
    }
    found = finding(VALID, changes)
    assert (found.state, found.message) == (State.PASS, "SDK 1.0.0 takes this config. It drops 4 unknown keys.")
    notes = [each for each in key_findings(file_of(changed(changes)), SDK.newest) if each.kind is Kind.UNKNOWN]
    assert [each.message for each in notes] == [
        "agent.capabilities[0].inputModes: unknown key, which SDK 1.0.0 drops; did you mean input_modes?",
        "transport.circuit_breaker.success_threshold: unknown key, which SDK 1.0.0 drops.",
        (
            "transport.retry.jitter: unknown key, which SDK 1.0.0 drops. "
            "Retries are spread by a random delay, and no config key turns it off."
        ),
        "observability.tracing.sampling_rate: unknown key, which SDK 1.0.0 drops.",
    ]


@pytest.mark.parametrize(
    "changes", [{"cache.enabled": True}, {"cache.provider": "redis"}, {"labels.environment": "x"}, {"security": "none"}]
)
def test_an_unknown_section_with_names_that_everybody_uses_is_no_mistake(changes: dict[str, object]) -> None:
    assert finding(VALID, changes).state is State.PASS


def test_keys_without_effect_are_told_once_for_a_section() -> None:
    found = list(key_findings(file_of(changed({})), SDK.newest))
    assert {each.kind for each in found} == {Kind.NO_EFFECT}
    assert [each.message for each in found] == [
        "agent.environment: no effect: SDK 1.0.0 does not read it. Only `agentweave validate` looks at it.",
        (
            "authorization.default_action: no effect: SDK 1.0.0 does not read it. "
            "The agent always denies where OPA gives no decision."
        ),
        "authorization.audit: no effect: SDK 1.0.0 does not read it, nor anything in it.",
        (
            "transport: no effect: SDK 1.0.0 does not read it, nor anything in it. "
            "The agent that runs makes no transport of its own."
        ),
        "observability: no effect: SDK 1.0.0 does not read it, nor anything in it.",
    ]
    assert list(key_findings(file_of(changed({})), READING.newest)) == []


def test_a_wrong_key_behind_thousands_of_unknown_ones_is_found_and_soon() -> None:
    junk = {f"transport.peer_verifcatio{number}": "x" for number in range(4000)}
    begin = time.process_time()
    assert finding(VALID, {**junk, "observability.metrics.port": 0}).message == (
        "observability.metrics.port: expected at least 1, got the number 0."
    )
    assert time.process_time() - begin < 2


def test_a_misspelling_counts_only_next_to_a_missing_security_key_and_within_two_edits() -> None:
    assert finding(VALID, {"transport.peer_verfication": "log-only"}).state is State.PASS
    assert finding(VALID, {_PEERS: GONE, "transport.peerVerify": "log-only"}).state is State.PASS
    assert finding(VALID, {"transport.retry.max_attempts": GONE, "transport.retry.max_attempt": 3}).state is State.PASS
    assert [edits("strict", each) for each in ("strict", "stric", "stirct", "xstrictx", "srt", "")] == [
        0,
        1,
        2,
        2,
        3,
        3,
    ]


@pytest.mark.parametrize("control", sorted(load_judges().controls))
def test_what_is_no_config_is_not_valid_and_leaves_all_else_open(control: str) -> None:
    file = AgentConfigFile({}, {}, "1.0.0", in_place=True, broken=((7, "not YAML: found a tab"),))
    found = finding(control, file)
    if control == VALID:
        assert (found.state, found.message) == (State.FAIL, "not YAML: found a tab.")
        assert found.evidence[0].ref == "config.yaml:7"
    else:
        assert found.state is State.UNKNOWN
    if control in FIVE[1:]:
        assert found.reason == "Unparseable"


@pytest.mark.parametrize("control", FIVE)
def test_without_a_config_the_five_are_unknown(control: str) -> None:
    found = finding(control, {}, agent_config=missing())
    assert (found.state, found.reason) == (State.UNKNOWN, "SourceMissing")


_keys = st.sampled_from(
    ["agent", "name", "transport", "retry", "jitter", "logging", "level", "audit", "enabled", "x" * 99]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["agent", "identity", "authorization", "transport", "observability"]), _json))
def test_whatever_stands_in_the_config_no_judge_raises(document: dict[str, object]) -> None:
    file = AgentConfigFile(document, {}, "1.0.0", in_place=True)
    for control in load_judges().controls:
        assert finding(control, file).reason != "EvaluatorError", control


@given(st.text(min_size=6, max_size=30), st.sampled_from([_TLS, _PEERS, _ACTION, "agent.environment", "agent.name"]))
def test_a_text_that_is_no_known_word_stands_in_no_sentence(secret: str, path: str) -> None:
    secret = f"zq{secret}qz"
    for control in load_judges().controls:
        assert secret not in finding(control, {path: secret}).message


def test_the_place_of_a_key_in_a_list_is_found() -> None:
    lines: dict[KeyPath, int] = {("agent",): 1, ("agent", "capabilities"): 3, ("agent", "capabilities", 0): 4}
    file = AgentConfigFile(changed({"agent.capabilities": [{"name": "s"}]}), lines, "1.0.0", in_place=True)
    assert finding(VALID, file).evidence[0].ref == "config.yaml:4"


_VALUES: tuple[object, ...] = (
    "3",
    " 3 ",
    "+3",
    "3.0",
    "3.5",
    "1e2",
    "1_0",
    "",
    "x",
    "3 s",
    3,
    3.0,
    3.5,
    None,
    [],
    "true",
)
_FLAGS: tuple[object, ...] = (
    "1",
    "0",
    "t",
    "F",
    "y",
    "N",
    "Yes",
    "no",
    "ON",
    "off",
    "TRUE",
    "2",
    "",
    "x",
    0,
    1,
    2,
    1.0,
    0.0,
    0.5,
    None,
    [],
)


@pytest.mark.parametrize(
    ("path", "kind", "values"), [(_ATTEMPTS, int, _VALUES), (_BASE, float, _VALUES), (_AUDIT, bool, _FLAGS)]
)
def test_what_the_model_of_the_sdk_takes_for_a_number_or_a_flag_is_none_of_our_mistakes(
    path: str, kind: type[object], values: tuple[object, ...]
) -> None:
    adapter, key = TypeAdapter(kind), SDK.newest.key(path)
    assert key is not None
    for value in values:
        try:
            adapter.validate_python(value)
            taken = True
        except ValidationError:
            taken = False
        unlimited = replace(key, least=None, most=None)
        if value != "1_0":  # of an underline as in Python nobody thinks; to call it a mistake is safe
            assert (mistake(unlimited, value) == "") == taken, value
