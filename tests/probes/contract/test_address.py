from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract.address import is_ip_address, join_host_port, shown_url, split_host_port


@pytest.mark.parametrize(
    ("text", "version"),
    [("10.0.0.7", 4), ("255.255.255.255", 4), ("::1", 6), ("fd00::7", 6), ("fe80::1%eth0", 6), ("::ffff:10.0.0.7", 6)],
)
def test_an_ip_address_is_one_of_its_own_version(text: str, version: int) -> None:
    assert is_ip_address(text)
    assert is_ip_address(text, version)
    assert not is_ip_address(text, 10 - version)


@pytest.mark.parametrize("text", ["", "search.prod", "10.0.0", "10.0.0.256", "010.0.0.7", "[::1]", "10.0.0.7:80", "1"])
def test_a_name_or_an_address_with_more_is_no_ip_address(text: str) -> None:
    assert is_ip_address(text) is False
    assert not is_ip_address(text, 4)
    assert not is_ip_address(text, 6)


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("10.0.0.7", 8443, "10.0.0.7:8443"),
        ("fd00::7", 8443, "[fd00::7]:8443"),
        ("search.prod.svc", 1, "search.prod.svc:1"),
    ],
)
def test_a_host_and_its_port_go_together_and_come_apart(host: str, port: int, text: str) -> None:
    assert join_host_port(host, port) == text
    assert split_host_port(text) == (host, port)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_ip_address_comes_apart_as_it_went_together(address: object, port: int) -> None:
    assert split_host_port(join_host_port(str(address), port)) == (str(address), port)


@pytest.mark.parametrize("text", ["", "10.0.0.7", "10.0.0.7:", "[fd00::7]", "search:http"])
def test_an_address_without_a_port_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        split_host_port(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://10.0.0.7:8181", "http://10.0.0.7:8181"),
        ("https://[fd00::7]:9090/metrics", "https://[fd00::7]:9090/metrics"),
        ("spiffe://example.org/agent/search", "spiffe://example.org/agent/search"),
        ("https://admin:hunter2@host:1/x?y=1", "https://...@host:1/..."),
        ("http:/admin:hunter2@host", "http:/...@host"),
        ("admin:hun/ter2@host", "admin:...@host"),
        ("http://ad/min:hun?t#er@2@host/m", "http://...@host/..."),
        ("http://admin:hunter2", "http://admin:..."),
        ("http://admin:hunter2/metrics", "http://admin:.../metrics"),
        ("http://h:9090/metrics?token=hunter2&b=hunter2&hunter2", "http://h:9090/metrics?token=...&b=...&..."),
        ("http://h/metrics?hunter2", "http://h/metrics?..."),
        ("http://h/metrics?mail=a@b.c&token=hunter2", "http://...@b.c/..."),
        ("http://h/metrics#hunter2", "http://h/metrics"),
    ],
)
def test_of_a_url_nothing_is_shown_that_may_be_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@given(
    password=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=20), at=st.integers(0, 3)
)
def test_a_password_in_a_url_is_never_shown(password: str, at: int) -> None:
    secret = f"Zq{password}qZ"
    forms = (
        f"https://u:{secret}@h/x",
        f"https:/u:{secret}@h",
        f"u:{secret}@h",
        f"https://h/x?token=Zq{quote(password)}qZ",
    )
    assert "Zq" not in shown_url(forms[at])
