"""What the `identity` section takes, and what it says of the rest."""

import pytest
from pydantic import ValidationError

from watcher.config.identity import IdentitySettings

FILES = {"cert_file": "/c", "key_file": "/k", "bundle_file": "/b"}
SOCKET = {"workload_api": "unix:///run/spire/agent.sock"}


@pytest.mark.parametrize("section", [SOCKET, FILES, SOCKET | {"trust_domain": "example.org"}])
def test_one_way_to_an_identity_is_taken(section: dict[str, str]) -> None:
    assert IdentitySettings.model_validate(section).model_dump(exclude_none=True, mode="json") == section


@pytest.mark.parametrize("endpoint", ["unix:///run/a.sock", "unix:/run/a.sock"])
def test_both_forms_of_an_endpoint_name_the_same_socket(endpoint: str) -> None:
    assert IdentitySettings(workload_api=endpoint).socket_path == "/run/a.sock"


@pytest.mark.parametrize(
    ("section", "where", "expected"),
    [
        ({}, (), "expected workload_api, or cert_file, key_file and bundle_file"),
        ({"trust_domain": "example.org"}, (), "expected workload_api, or cert_file, key_file and bundle_file"),
        (SOCKET | {"key_file": "/k"}, (), "expected either workload_api or the three files, not both"),
        ({"cert_file": "/c"}, (), "go together: expected key_file and bundle_file too"),
        ({"workload_api": "/run/a.sock"}, ("workload_api",), "expected a socket such as unix:///run/"),
        ({"workload_api": "tcp://127.0.0.1:1"}, ("workload_api",), "expected a socket such as unix:///run/"),
        ({"workload_api": "unix://host/a.sock"}, ("workload_api",), "expected a socket such as unix:///run/"),
        ({"workload_api": "unix:relative"}, ("workload_api",), "expected a socket such as unix:///run/"),
        ({"workload_api": "unix:///a?b"}, ("workload_api",), "expected a socket such as unix:///run/"),
        ({"workload_api": ""}, ("workload_api",), "expected a socket such as unix:///run/"),
        ({"workload_api": "unix:///" + "a" * 107}, ("workload_api",), "at most 107 bytes"),
        (SOCKET | {"trust_domain": "spiffe://example.org"}, ("trust_domain",), "in lower case, without scheme"),
        (SOCKET | {"trust_domain": "Example.org"}, ("trust_domain",), "such as example.org, in lower case"),
        (SOCKET | {"trust_domain": ""}, ("trust_domain",), "such as example.org"),
        (SOCKET | {"socket": "x"}, ("socket",), "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_was_expected(
    section: dict[str, str], where: tuple[str, ...], expected: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        IdentitySettings.model_validate(section)
    mistakes = caught.value.errors()
    assert [mistake["loc"] for mistake in mistakes] == [where]
    assert expected in mistakes[0]["msg"]
