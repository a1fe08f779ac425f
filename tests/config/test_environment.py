from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watcher.config.environment import PREFIX, unread_names
from watcher.config.file import ConfigError
from watcher.config.settings import Settings, load_settings

FILE = """\
server: {host: 127.0.0.1, port: 9847}
probes:
  opa: {failures: 3, slow_after: 1s}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "watcher.yaml"
    path.write_text(FILE)
    return path


def load(file: Path, **variables: str) -> Settings:
    return load_settings(file, {PREFIX + name: text for name, text in variables.items()})


def refused(file: Path, **variables: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(file, **variables)
    return [mistake.removeprefix(PREFIX) for mistake in caught.value.mistakes]


def test_a_variable_lies_over_the_file_key_by_key(file: Path) -> None:
    config = load(file, SERVER__PORT="80", PROBES__OPA__SLOW_AFTER="30s", PROBES__OPA__BUILTIN_CANARIES="false")
    assert (config.server.host, config.server.port) == ("127.0.0.1", 80)
    assert config.probes["opa"].model_dump(include={"failures", "slow_after", "builtin_canaries"}) == {
        "failures": 3,
        "slow_after": 30.0,
        "builtin_canaries": False,
    }


def test_lists_and_mappings_are_given_as_json(file: Path) -> None:
    config = load(
        file,
        DISCOVERY__STATIC='[{"namespace": "prod", "agent": "search"}]',
        PROBES__OPA='{"failures": 1}',
        IDENTITY__WORKLOAD_API="unix:///run/agent.sock",
    )
    assert [target.key.agent for target in config.targets] == ["search"]
    assert config.probes["opa"].model_dump(include={"failures", "slow_after"}) == {"failures": 1, "slow_after": 1.0}
    assert config.identity is not None


def test_the_longer_name_lies_over_the_shorter_one(file: Path) -> None:
    config = load(file, PROBES__OPA__FAILURES="2", PROBES__OPA='{"failures": 1, "slow_after": "2s"}')
    assert config.probes["opa"].model_dump(include={"failures", "slow_after"}) == {"failures": 2, "slow_after": 2.0}


@pytest.mark.parametrize("name", ["PORT", "PORT_9847_TCP_ADDR", "SERVICE_HOST", "SERVER", "STATE_DIR"])
def test_a_name_without_a_double_underscore_is_left_alone(file: Path, name: str) -> None:
    assert load(file, **{name: "tcp://10.0.0.1:9847"}) == load(file)


SERVICE = {
    "_SERVICE_HOST": "10.96.0.9",
    "_SERVICE_PORT": "9847",
    "_SERVICE_PORT_HTTP": "9847",
    "_PORT": "tcp://10.96.0.9:9847",
    "_PORT_9847_TCP": "tcp://10.96.0.9:9847",
    "_PORT_9847_TCP_PROTO": "tcp",
    "_PORT_9847_TCP_PORT": "9847",
    "_PORT_9847_TCP_ADDR": "10.96.0.9",
}
"""What Kubernetes injects for a Service, after its name."""


def test_a_name_that_looks_like_ours_and_sets_nothing_is_told() -> None:
    mistakes = ["STATE_DIR", "SERVER_PORT", "SERVER", "SERVICE_PORT_HTTP", "_SERVER_PORT", "PORT"]
    names = {PREFIX + name: "1" for name in mistakes} | {"agentweave_watcher_server__port": "1"}
    others = {"AGENTWEAVE_AGENT_NAME": "1", "PATH": "1", f"{PREFIX}SERVER__PORT": "80"}
    assert unread_names(names | others) == sorted(names)


@pytest.mark.parametrize("service", ["AGENTWEAVE_WATCHER", "AGENTWEAVE_WATCHER_SHARDS", "AGENTWEAVE_WATCHER_A_B"])
def test_what_kubernetes_injects_for_a_service_is_told_to_nobody(service: str) -> None:
    injected = {service + name: value for name, value in SERVICE.items()}
    assert unread_names(injected) == []
    assert unread_names(injected | {f"{PREFIX}SERVER_PORT": "1"}) == [f"{PREFIX}SERVER_PORT"]
    for lacking in ("_SERVICE_HOST", "_SERVICE_PORT"):
        assert f"{service}_PORT" in unread_names({name: "1" for name in injected if name != service + lacking})


@pytest.mark.parametrize(
    ("name", "text", "mistake"),
    [
        ("SEVER__PORT", "1", "sever: unknown key, did you mean server?"),
        ("__X", "1", "<not shown>: unknown key, expected one of server,"),
        ("SERVER__HOTS", "x", "server.hots: unknown key, did you mean host?"),
        ("SERVER__PORT__X", "1", "server.port: expected a whole number, got a mapping"),
        ("SERVER__PORT", "x", "server.port: expected a whole number, got 'x'"),
        ("SERVER__PORT", "9" * 5000, "server.port: expected a whole number, got '999"),
        ("SERVER__PORT", "[" * 5000, "server.port: expected a whole number, got '[[["),
        ("PROBES__OPA__SLOW_AFTER", "30", "probes.opa.slow_after: expected a duration such as 500ms, 30s, 5m or 24h"),
        ("PROBES__OPA__FAILURES", "4", "probes.opa.failures: expected less than or equal to 3, got 4"),
        (
            "PROBES__SVID__CLOCK_SKEW",
            "inf",
            "probes.svid.clock_skew: expected a duration such as 500ms, 30s, 5m or 24h",
        ),
        (
            "PROBES__SVID__EXPIRY_IMMINENT_RATIO",
            "nan",
            "probes.svid.expiry_imminent_ratio: expected a number, got 'nan'",
        ),
        ("PROBES__OPA__CANARIES", "[{", "probes.opa.canaries: expected a list, got '[{'"),
        ("PROBES__OPA__CANARIES", "5", "probes.opa.canaries: expected a list, got 5"),
        ("PROBES__OPPA__FAILURES", "1", "probes.oppa: unknown key, did you mean opa?"),
        ("SOURCES__OPA__TIMEOUT", "100s", "sources.opa.timeout: timeout (100s) must be shorter than interval"),
        ("DISCOVERY__STATIC", '[{"agent": "a"}]', "discovery.static[0].namespace: missing, but required"),
        ("SERVER__HOST", "\udcff", "expected UTF-8, got other bytes"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(file: Path, name: str, text: str, mistake: str) -> None:
    (told,) = refused(file, **{name: text})
    assert told.startswith(f"{name}: {mistake}")


def test_a_mistake_in_the_file_beside_a_variable_keeps_its_line(file: Path) -> None:
    file.write_text(FILE.replace("failures: 3", "failures: 9"))
    assert refused(file, PROBES__OPA__SLOW_AFTER="30s") == [
        f"{file}:3: probes.opa.failures: expected less than or equal to 3, got 9"
    ]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        ["SERVER__PORT", "SERVER__HOST", "IDENTITY__CERT_FILE", "PROBES__OPA", "PROBES__OPA__CANARIES"]
    )
    | st.from_regex(r"[A-Z_]{1,9}__[A-Z_]{0,9}", fullmatch=True),
    text=st.text(max_size=12) | st.sampled_from(["inf", "nan", "-1e999", "null", "{}", "[]", "true"]),
)
def test_whatever_a_variable_says_it_is_settings_or_a_config_error(file: Path, name: str, text: str) -> None:
    with suppress(ConfigError):
        assert load(file, **{name: text}).targets == ()
