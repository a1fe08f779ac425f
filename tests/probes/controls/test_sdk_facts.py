"""Facts of the SDK by version, and the agent's config as judges see it."""

import pytest

from probes.controls.catalogue.errors import CatalogueError
from probes.controls.evidence import AgentConfigFile
from probes.controls.evidence.agent_config import NOT_SET, KeyPath
from probes.controls.sdk.loading import load_sdk_facts, read_sdk_facts

SDK = load_sdk_facts().of("1.0.0")


def test_the_agent_that_runs_uses_six_keys_and_nothing_else() -> None:
    used = {each.path for each in SDK.config if each.used and each.type != "mapping"}
    assert used == {
        "agent.name",
        "agent.trust_domain",
        "identity.provider",
        "identity.spiffe_endpoint",
        "authorization.provider",
        "authorization.opa_endpoint",
    }
    assert not SDK.uses("transport.tls_min_version")
    assert not SDK.uses("no.such.key")


def test_a_mapping_is_used_where_a_key_in_it_is() -> None:
    for each in SDK.config:
        inside = [other.used for other in SDK.config if other.path.startswith(f"{each.path}.")]
        if each.type == "mapping":
            assert each.used == any(inside), each.path


def test_keys_that_the_checklist_names_and_the_sdk_drops_are_not_in_its_model() -> None:
    for dropped in ("transport.retry.jitter", "transport.circuit_breaker.success_threshold"):
        assert SDK.key(dropped) is None
    assert "transport.retry.jitter" in SDK.always
    assert SDK.opa_path == "agentweave/authz/allow"


def test_defaults_and_values_are_those_of_the_model() -> None:
    action = SDK.key("authorization.default_action")
    assert action is not None
    assert (action.default, action.values) == ("deny", ("deny", "log-only"))


def _version(number: str) -> bytes:
    return f"{{version: {number}, opa_path: p, health_paths: [/health], config: []}}".encode()


def test_a_version_that_is_not_known_has_the_keys_of_the_next_older_one() -> None:
    facts = read_sdk_facts({name: _version(name) for name in ("1.10.0", "1.2.0", "1.9.1")})
    assert facts.newest.version == "1.10.0"
    for version, taken_from in (("1.9.9", "1.9.1"), ("9", "1.10.0"), ("0.1", "1.2.0"), ("1.10.0.rc1", "1.10.0")):
        found = facts.of(version)
        assert (found.version, found.taken_from, found.known) == (version, taken_from, False)
        assert facts.of(version) is found


@pytest.mark.parametrize("version", ["1.0.0", "1.0", "1"])
def test_a_version_that_is_known_is_found_however_short_it_is_written(version: str) -> None:
    found = load_sdk_facts().of(version)
    assert (found.version, found.known) == ("1.0.0", True)


def test_of_a_version_that_is_not_known_no_default_and_no_habit_is_taken() -> None:
    found = load_sdk_facts().of("3.0.0")
    assert [each.path for each in found.config] == [each.path for each in SDK.config]
    assert {each.default for each in found.config} == {None}
    assert found.always == {}


def test_a_file_of_facts_that_is_no_yaml_is_refused_with_its_line() -> None:
    with pytest.raises(CatalogueError, match=r"x\.yaml:2: not YAML"):
        read_sdk_facts({"x.yaml": b"version: 1.0.0\n- broken\n"})


def test_a_key_of_a_config_is_found_with_its_line_and_none_is_a_value() -> None:
    document = {"transport": {"tls_min_version": None, "retry": {"max_attempts": 3}}, "agent": "text"}
    lines: dict[KeyPath, int] = {("transport",): 1, ("transport", "tls_min_version"): 2, ("transport", "retry"): 3}
    file = AgentConfigFile(document, lines, "1.0.0", in_place=True)
    assert file.get("transport.tls_min_version") is None
    assert file.get("transport.peer_verification") is NOT_SET
    assert file.get("agent.name") is NOT_SET
    assert [file.line(each) for each in ("transport.tls_min_version", "transport.retry.max_attempts", "server")] == [
        2,
        3,
        None,
    ]
