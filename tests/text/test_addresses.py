from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.text.addresses import decision_path, host, host_port, http_url, spiffe_id

GOOD: dict[Callable[[str], str], tuple[str, ...]] = {
    host: (
        "127.0.0.1",
        "::1",
        "fe80::1%eth0",
        "localhost",
        "search.prod.svc.cluster.local.",
        "a_b",
        "x1",
        "watcher.2024",
    ),
    host_port: ("127.0.0.1:8443", "[::1]:8443", "search.prod:1", "search.2024:1", "localhost:65535"),
    http_url: (
        "http://127.0.0.1:9090/metrics",
        "https://[::1]:8181",
        "http://search/metrics?format=text",
        "http://opa.2024:8181",
    ),
    spiffe_id: ("spiffe://example.org/agent/search", "spiffe://a/b", "spiffe://my-td_1.x/A.b-c_d/..."),
    decision_path: ("agentweave/authz/allow", "a", "a_b/c-d", "data", "v1", "v1/allow", "authz/data/allow"),
}
BAD: dict[Callable[[str], str], tuple[str, ...]] = {
    host: ("", "a b", "-a", "a-", "a..b", "999.1.1.1", "1.2.3", "2024", "a" * 64, "ä.example", "[::1]", "a:1", "*"),
    host_port: (
        "127.0.0.1",
        ":8443",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:x",
        "::1:8443",
        "[127.0.0.1]:80",
        "[::1]",
        "[]:1",
        "https://h:1",
        "h:1/",
        " h:1",
        "h:+1",
        "h:٣",  # a digit to Python, but not to anybody else
    ),
    http_url: (
        "",
        "127.0.0.1:9090",
        "ftp://h/",
        "HTTP://h/",
        "http://",
        "http:///metrics",
        "http://h:0/",
        "http://h:99999/",
        "http://h:x/",
        "http://me@h/",
        "http://me:secret@h/",
        "http://h/#top",
        "http://h/#",
        "http://h/a b",
        "http://h/\n",
        "http://[::1/",
        "http://[1.2.3.4]/",
        "http://h/ä",
        "file:///etc/passwd",
        "unix:///run/opa.sock",
        "http://h/" + "a" * 2048,
    ),
    spiffe_id: (
        "",
        "example.org/agent",
        "spiffe://",
        "spiffe://example.org",
        "spiffe://example.org/",
        "spiffe://Example.org/a",
        "spiffe://example.org:80/a",
        "spiffe://me@example.org/a",
        "spiffe://example.org/a/",
        "spiffe://example.org//a",
        "spiffe://example.org/a/../b",
        "spiffe://example.org/.",
        "spiffe://example.org/a?b",
        "spiffe://example.org/a#b",
        "spiffe://example.org/a%20b",
        "SPIFFE://example.org/a",
        "https://example.org/a",
        "spiffe://example.org/" + "a" * 2048,
    ),
    decision_path: (
        "",
        "/a",
        "a/",
        "a//b",
        "a/../b",
        "a?b",
        "a b",
        "ä",
        "a" * 513,
        "a.b",
        ".a",
        "a..b",
        "data/a",
        "...",
    ),
}


@pytest.mark.parametrize(("read", "text"), [(read, text) for read, texts in GOOD.items() for text in texts])
def test_a_good_one_comes_back_as_it_is(read: Callable[[str], str], text: str) -> None:
    assert read(text) == text


@pytest.mark.parametrize(("read", "text"), [(read, text) for read, texts in BAD.items() for text in texts])
def test_a_bad_one_is_refused_with_an_example(read: Callable[[str], str], text: str) -> None:
    with pytest.raises(ValueError, match="expected a"):
        read(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("data.agentweave.authz.allow", "agentweave/authz/allow"),
        ("agentweave.authz.allow", "agentweave/authz/allow"),
        ("data/agentweave/authz/allow", "agentweave/authz/allow"),
        ("v1/data/agentweave/authz/allow", "agentweave/authz/allow"),
        ("agentweave.authz/allow", "agentweave/authz/allow"),
        ("data.allow", "allow"),
        ("/agentweave/authz/allow/", "agentweave/authz/allow"),
        ("/v1/data/agentweave/authz/allow", "agentweave/authz/allow"),
    ],
)
def test_a_rules_name_in_rego_is_refused_as_a_path_with_the_path_that_is_meant(text: str, meant: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        decision_path(text)
    assert str(caught.value) == f"expected a path below /v1/data with slashes, here {meant}, got '{text}'"


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        http_url("http://me:secret@h/")
    assert "secret" not in str(caught.value)


@given(st.sampled_from(list(GOOD)), st.text(max_size=30) | st.text("[]:/.%@#?a1-", max_size=30))
def test_any_text_is_taken_or_refused(read: Callable[[str], str], text: str) -> None:
    try:
        assert read(text) == text
    except ValueError as error:
        assert str(error).startswith("expected a")  # noqa: PT017  both outcomes are right
