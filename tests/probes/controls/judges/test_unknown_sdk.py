"""A config of an SDK that nobody knows: the words of the file count, and what rests on the SDK is unclear."""

import pytest

from probes.controls.finding import State
from probes.controls.judging import Says
from probes.controls.sdk.facts import SdkFacts
from tests.probes.controls.judges.configs import GONE, SDK, changed, file_of, finding, said

NEW = SdkFacts((SDK.of("3.0.0"),))
FIVE = {
    "predeploy.config.tls-version": ("transport.tls_min_version", "1.3"),
    "predeploy.config.peer-verification": ("transport.peer_verification", "strict"),
    "predeploy.config.default-action": ("authorization.default_action", "deny"),
}


def _of_a_new_one(control: str, **changes: object) -> tuple[str, str, str]:
    found = finding(control, {key.replace("__", "."): value for key, value in changes.items()}, sdk=NEW)
    return found.state, found.reason, found.message


@pytest.mark.parametrize("control", FIVE)
def test_what_the_file_says_can_refute_and_proves_nothing(control: str) -> None:
    path, wanted = FIVE[control]
    found = finding(control, {}, sdk=NEW)
    assert (found.state, found.reason) == (State.UNKNOWN, "KeyNotEffective")
    assert found.message == f"{path} is {wanted}. SDK 3.0.0 is not known, so whether it reads {path} is not known."
    assert finding(control, {path: "none"}, sdk=NEW).state is State.FAIL
    found = finding(control, {path: GONE}, sdk=NEW)
    told = f"{path} is not set, and the default of SDK 3.0.0 is not known."
    assert (found.state, found.reason, found.message) == (State.UNKNOWN, "KeyNotEffective", told)


def test_whether_it_takes_a_config_is_not_known_either_way() -> None:
    valid = "predeploy.config.valid"
    told = "SDK 1.0.0 takes this config. SDK 3.0.0 is not known."
    assert _of_a_new_one(valid) == ("unknown", "KeyNotEffective", told)
    told = "identity.provider: expected spiffe, got another text. That is by SDK 1.0.0. SDK 3.0.0 is not known."
    assert _of_a_new_one(valid, identity__provider="vault") == ("unknown", "KeyNotEffective", told)


def test_whether_it_goes_by_the_five_settings_is_not_known() -> None:
    settings = "predeploy.config.security-settings"
    five = "default_action, provider, audit.enabled, peer_verification, tls_min_version: all five are right"
    told = f"{five}; whether SDK 3.0.0 reads them is not known."
    assert _of_a_new_one(settings) == ("unknown", "KeyNotEffective", told)
    gone = _of_a_new_one(settings, transport__tls_min_version=GONE)
    told = "transport.tls_min_version is not set, and the default of SDK 3.0.0 is not known."
    assert gone == ("unknown", "KeyNotEffective", told)
    both = _of_a_new_one(settings, transport__tls_min_version=GONE, authorization__default_action="allow")
    assert both == ("fail", "Violated", "authorization.default_action is allow, not deny (line 3).")


def test_what_every_known_one_does_is_not_taken_of_it() -> None:
    jitter = "reliability.retry.jitter"
    assert finding(jitter, {}).state is State.PASS
    told = "SDK 3.0.0 is not known, so whether it reads transport.retry.jitter is not known."
    assert _of_a_new_one(jitter) == ("unknown", "KeyNotEffective", told)


@pytest.mark.parametrize(
    ("control", "path"),
    [
        ("security.identity.spire-configured", "identity.provider"),
        ("security.authz.default-deny", "authorization.provider"),
    ],
)
def test_without_a_key_nothing_is_said_of_its_default(control: str, path: str) -> None:
    assert any(path in message for _, message in said(control, {path: GONE}))
    assert not any(path in message for _, message in said(control, {path: GONE}, sdk=NEW))


def test_a_level_that_is_not_there_is_unclear() -> None:
    level = "observability.logging.level"
    told = f"{level} is not set, and the default of SDK 3.0.0 is not known."
    assert said("observability.logging.level-appropriate", {level: GONE}, sdk=NEW) == [(Says.UNCLEAR, told)]


def test_a_recovery_timeout_is_unclear_although_it_is_right() -> None:
    path = "transport.circuit_breaker.recovery_timeout_seconds"
    told = f"SDK 3.0.0 is not known, so whether it reads {path} is not known."
    assert _of_a_new_one("reliability.circuit-breaker.recovery-timeout") == ("unknown", "KeyNotEffective", told)


def test_a_text_that_is_no_config_is_bad_for_every_version() -> None:
    file = file_of(changed({}), NEW)
    broken = type(file)({}, {}, "3.0.0", in_place=True, broken=((2, "not YAML"),))
    assert finding("predeploy.config.valid", broken, sdk=NEW).state is State.FAIL
