import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes import load_probes, load_sources
from probes.contract import Limits, TargetKey
from tests.config.contract_config import CONTRACT
from watcher.config.file import MAX_FILE_BYTES, ConfigError, read_document
from watcher.config.settings import Settings, load_settings

TARGETS = "discovery:\n  static:\n"
TARGET = "    - {namespace: prod, agent: search"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "watcher.yaml"


def load(file: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    file.write_text(text)
    return load_settings(file, environ or {})


def refused(file: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    """The mistakes, each without the name of the file."""
    with pytest.raises(ConfigError) as caught:
        load(file, text, environ)
    return [mistake.removeprefix(f"{file}:") for mistake in caught.value.mistakes]


def mistakes(file: Path) -> list[str] | None:
    try:
        load_settings(file, {})
    except ConfigError as error:
        return list(error.mistakes)
    return None


def test_the_example_of_the_contract_loads_as_it_is(file: Path) -> None:
    config = load(file, CONTRACT)
    (target,) = config.targets
    assert (config.server.host, config.server.port) == ("127.0.0.1", 9847)
    assert config.state_dir == Path("/var/lib/agentweave-watcher")
    assert config.identity is not None
    assert config.identity.trust_domain == "example.org"
    assert target.key == TargetKey("prod", "search", "search-0")
    assert target.spiffe_ids == ("spiffe://example.org/agent/search",)
    assert (target.memory_limit, target.cpu_limit, target.pool_capacity) == (512 * 2**20, 2.0, 100)
    assert config.sources["handshake"].interval == 60.0


def test_every_source_and_every_probe_has_its_section(file: Path) -> None:
    config = load(file, "")
    assert config.sources.keys() == {kind.name for kind in load_sources()}
    assert config.probes.keys() == {probe.name for probe in load_probes()}


def test_an_empty_file_watches_nothing(file: Path) -> None:
    assert load(file, "# nothing yet\n").targets == ()


def test_pod_is_the_agent_where_it_is_left_out(file: Path) -> None:
    (target,) = load(file, f"{TARGETS}{TARGET}}}\n").targets
    assert target.key.pod == "search"
    assert (target.address, target.metrics, target.opa, target.spiffe_ids) == (None, None, None, ())


def test_a_pool_capacity_may_be_given_by_pool(file: Path) -> None:
    (target,) = load(file, f"{TARGETS}{TARGET}, pool_capacity: {{pool-a: 50, pool-b: 20}}}}\n").targets
    assert target.pool_capacity == {"pool-a": 50, "pool-b": 20}


def test_a_targets_own_limits_replace_single_keys_of_the_fleets(file: Path) -> None:
    text = f"probes: {{opa: {{failures: 3, slow_after: 1s}}}}\n{TARGETS}{TARGET}, probes: {{opa: {{failures: 1}}}}}}\n"
    (target,) = load(file, text).targets
    assert target.limits["opa"].model_dump(include={"failures", "slow_after"}) == {"failures": 1, "slow_after": 1.0}


def test_equal_limits_are_one_object_however_they_are_written(file: Path) -> None:
    own = ["", "probes: {opa: {slow_after: 2s}}", "probes: {opa: {slow_after: 2000ms}}", "probes: {opa: {failures: 2}}"]
    listed = "".join(f"{TARGET}, pod: p{i}, {each}}}\n" for i, each in enumerate(own))
    config = load(file, TARGETS + listed)
    plain, slow, as_slow, as_plain = (target.limits for target in config.targets)
    assert plain is config.probes
    assert slow is as_slow
    assert slow["opa"] is not plain["opa"]
    assert as_plain is plain
    assert slow["svid"] is plain["svid"]


def test_every_target_has_limits_for_every_probe(file: Path) -> None:
    (target,) = load(file, CONTRACT).targets
    assert set(target.limits) == {probe.name for probe in load_probes()}
    assert all(isinstance(limits, Limits) for limits in target.limits.values())


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("server: {port: 80\n", "2: column 1: not YAML: did not find expected ',' or '}'"),
        ("a: b: c", "1: column 5: not YAML: mapping values are not allowed in this context"),
        ("server:\n\tport: 1", "2: column 1: not YAML: found character that cannot start any token"),
        ("- server", "1: expected a mapping with sections such as discovery, got a list"),
        ("9847", "1: expected a mapping with sections such as discovery, got a number"),
        ("server: 80", "1: server: expected a mapping, got 80"),
        ("server:", "1: server: expected a mapping, got nothing"),
        ("sever: {}", "1: sever: unknown key, did you mean server?"),
        ("server:\n  hots: x", "2: server.hots: unknown key, did you mean host?"),
        ("server:\n  q: x", "2: server.q: unknown key, expected one of host, port"),
        ("server:\n  port: abc", "2: server.port: expected a whole number, got 'abc'"),
        ("server:\n  port: true", "2: server.port: expected a whole number, got true"),
        ("server:\n  port: '80'", "2: server.port: expected a whole number, got '80'"),
        ("server:\n  port: 70000", "2: server.port: expected less than or equal to 65535, got 70000"),
        ("server: {host: 'a b'}", "1: server.host: expected an IP address or a host name, got 'a b'"),
        ("server:\n  port: 1\n  port: 2", "3: server.port: the same key as on line 2, expected it once"),
        ("state_dir: ''", "1: state_dir: expected a directory, got ''"),
        ("changes:\n  keep: 10m", "2: changes.keep: expected a duration from 1h to 400d, got 10m"),
        ("changes: {max_bytes: 4Ki}", "1: changes.max_bytes: expected a size from 1Mi to 16Gi, got 4.0 KiB"),
        ("discovery:\n  static: {}", "2: discovery.static: expected a list, got a mapping"),
        (f"{TARGETS}    - 5\n", "3: discovery.static[0]: expected a mapping, got 5"),
        ("sources:\n  opa: {interval: 30}", "2: sources.opa.interval: expected a duration such as 500ms, 30s, 5m or"),
        ("sources:\n  opa:\n    interval: 1s\n    timeout: 2s", "4: sources.opa.timeout: timeout (2s) must be shorter"),
        ("sources:\n  opa: {interval: 1s}", "2: sources.opa: timeout (2s) must be shorter than interval (1s)"),
        ("sources:\n  ropa: {}", "2: sources.ropa: unknown key, did you mean opa?"),
        ("probes:\n  opa: {failures: 4}", "2: probes.opa.failures: expected less than or equal to 3, got 4"),
        ("probes: {opa: {when_absent: x}}", "1: probes.opa.when_absent: expected 'unknown' or 'ignore', got 'x'"),
        ("probes:\n  opa: {enabled: 1}", "2: probes.opa.enabled: expected true or false, got 1"),
        ("probes:\n  opa: {slow_after: 5 s}", "2: probes.opa.slow_after: expected a duration such as 500ms, 30s, 5m"),
    ],
)
def test_a_mistake_is_told_with_line_key_and_what_was_expected(file: Path, text: str, mistake: str) -> None:
    (told,) = refused(file, text)
    assert told.startswith(mistake)


@pytest.mark.parametrize(
    ("key", "mistake"),
    [
        ("agent: 5", "agent: expected text (a number or true needs quotes), got 5"),
        ("agent: ''", "agent: expected text of at least 1 character, got ''"),
        (f"agent: {'a' * 254}", f"agent: expected text of at most 253 characters, got '{'a' * 77}...'"),
        ('agent: "a\\x1b[31m"', "agent: expected no control characters, got 'a\\x1b[31m'"),
        ("agent: a/b", "agent: expected no slash, got 'a/b'"),
        ("address: 10.0.0.1", "address: expected an address such as 10.0.0.7:8443 or [::1]:8443, with a port from 1"),
        ("metrics: 10.0.0.1/metrics", "metrics: expected an http or https URL with a host, such as"),
        ("opa: 'http://me:secret@h:8181'", "opa: expected an http or https URL with a host, such as"),
        ("spiffe_id: search", "spiffe_id: expected a SPIFFE ID such as spiffe://example.org/agent/search, got 'search"),
        ("decision_path: /v1/../x", "decision_path: expected a path such as agentweave/authz/allow, got '/v1/../x'"),
        (
            "decision_path: data.agentweave.authz.allow",
            (
                "decision_path: expected a path below /v1/data with slashes, here agentweave/authz/allow, "
                "got 'data.agentweave.authz.allow'"
            ),
        ),
        ("memory_limit: 12Qi", "memory_limit: expected a size such as 512Mi or 2Gi, got '12Qi'"),
        ("memory_limit: 0", "memory_limit: expected greater than 0, got 0"),
        ("cpu_limit: 500m", "cpu_limit: expected a number, got '500m'"),
        ("cpu_limit: -1", "cpu_limit: expected greater than 0, got -1"),
        ("cpu_limit: .inf", "cpu_limit: expected a number, got '.inf'"),
        (
            "pool_capacity: many",
            "pool_capacity: expected a whole number over 0, or a mapping of pools to such numbers,",
        ),
        ("pool_capacity: {}", "pool_capacity: expected a whole number over 0, or a mapping of pools to such numbers,"),
        ("pool_capacity: {a: 0}", "pool_capacity: expected a whole number over 0, or a mapping of pools to such"),
        ("pool_capacity: true", "pool_capacity: expected a whole number over 0, or a mapping of pools to such numbers"),
        ("adress: x", "adress: unknown key, did you mean address?"),
        ("probes: {opaa: {}}", "probes.opaa: unknown key, did you mean opa?"),
        ("probes: {opa: 1}", "probes.opa: expected a mapping, got 1"),
        ("probes: {opa: {failures: 9}}", "probes.opa.failures: expected less than or equal to 3, got 9"),
        ("probes: {opa: {failures: true}}", "probes.opa.failures: expected a whole number, got true"),
        ("probes: {opa: {failure: 1}}", "probes.opa.failure: unknown key, did you mean failures?"),
    ],
)
def test_a_mistake_in_a_target_is_told_with_its_line(file: Path, key: str, mistake: str) -> None:
    other = "" if key.startswith("agent") else "      agent: search\n"
    (told,) = refused(file, f"{TARGETS}    - namespace: prod\n{other}      pod: p\n      {key}\n")
    assert told.startswith(f"{5 if not other else 6}: discovery.static[0].{mistake}")


def test_a_missing_key_is_told_at_its_target(file: Path) -> None:
    assert refused(file, f"{TARGETS}    - {{agent: a}}\n") == [
        "3: discovery.static[0].namespace: missing, but required"
    ]


def test_two_targets_with_one_identity_are_told_with_both_lines(file: Path) -> None:
    twins = f"{TARGETS}{TARGET}}}\n{TARGET}, pod: other}}\n{TARGET}, pod: search}}\n"
    assert refused(file, twins) == [
        f"5: discovery.static[2]: duplicate target prod/search/search, first defined at {file}:3"
    ]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(file: Path) -> None:
    text = f"server: {{port: 1, port: x}}\n{TARGETS}{TARGET}, q: 1}}\n{TARGET}}}\nprobes: {{opa: {{failures: 0}}}}\n"
    assert [told.split(": ")[0:2] for told in refused(file, text)] == [
        ["1", "server.port"],
        ["1", "server.port"],
        ["4", "discovery.static[0].q"],
        ["5", "discovery.static[1]"],
        ["6", "probes.opa.failures"],
    ]


def test_a_mistake_of_the_fleets_limits_is_not_told_again_for_each_target(file: Path) -> None:
    text = f"probes: {{opa: {{failures: 9}}}}\n{TARGETS}{TARGET}, probes: {{opa: {{slow_after: 1s}}}}}}\n"
    assert refused(file, text) == ["1: probes.opa.failures: expected less than or equal to 3, got 9"]


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (b"a: \xff", "1: not YAML: expected UTF-8, got byte 0xff"),
        (b"server: {}\na: \x00", "2: not YAML: control characters are not allowed, got character #x0000"),
        (b"#" * (MAX_FILE_BYTES + 1), " the config file is too large, expected at most 64 MiB"),
    ],
)
def test_a_file_that_is_no_text_of_a_fair_size_is_refused(file: Path, content: bytes, mistake: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    assert caught.value.mistakes == (f"{file}:{mistake}",)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as caught:
            load_settings(path, {})
        assert caught.value.mistakes == (f"{path}: the config file cannot be read: {why}",)


def test_what_a_file_says_cannot_make_a_line_of_its_own(file: Path) -> None:
    (told,) = refused(file, '"a\\n/etc/other.yaml:1: b": 1')
    assert told.startswith("1: <not shown>: unknown key")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def one_thing_replaced(config: object, at: int, junk: object) -> object:
    """`config` with its value number `at` replaced by junk."""
    count = iter(range(at + 1))

    def copy(value: object) -> object:
        if next(count, None) == at:
            return junk
        if isinstance(value, dict):
            return {key: copy(inner) for key, inner in value.items()}
        return [copy(inner) for inner in value] if isinstance(value, list) else value

    return copy(config)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 70), junk=JUNK)
def test_whatever_stands_in_the_file_is_settings_or_a_config_error(file: Path, at: int, junk: object) -> None:
    file.write_text(CONTRACT)
    file.write_text(json.dumps(one_thing_replaced(read_document(file).data, at, junk)))
    assert mistakes(file) != []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.text("{}[]:-,&*<!'\"#|>?%@ \nab1", max_size=60))
def test_whatever_text_the_file_is_it_is_settings_or_a_config_error(file: Path, text: str) -> None:
    file.write_bytes(text.encode())
    assert all("\n" not in mistake for mistake in mistakes(file) or ())
