"""What is a SPIFFE ID by the specification (sections 2.1 to 2.4), and what only looks like one."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract.spiffe_id import SpiffeId, check_trust_domain, parse_spiffe_id

_DOMAIN = string.ascii_lowercase + string.digits + "._-"
_SEGMENT = string.ascii_letters + string.digits + "._-"
_DOTS = (".", "..")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("spiffe://example.org/agent/search", ("example.org", "/agent/search")),
        ("spiffe://example.org", ("example.org", "")),
        ("spiffe://a/b", ("a", "/b")),
        ("spiffe://1.2.3.4/...", ("1.2.3.4", "/...")),
        ("spiffe://my_td-1/.a/a./A..b", ("my_td-1", "/.a/a./A..b")),
    ],
)
def test_a_spiffe_id_is_a_trust_domain_and_a_path(text: str, parts: tuple[str, str]) -> None:
    assert parse_spiffe_id(text) == SpiffeId(*parts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spiffe://",
        "spiffe:///agent",
        "spiffe://example.org/",
        "spiffe://example.org/a/",
        "spiffe://example.org//a",
        "spiffe://example.org/.",
        "spiffe://example.org/a/./b",
        "spiffe://example.org/a/..",
        "spiffe://example.org/../b",
        "spiffe://Example.org/a",
        "spiffe://example.org:443/a",
        "spiffe://me@example.org/a",
        "spiffe://example.org/a%20b",
        "spiffe://example.org/a?b",
        "spiffe://example.org/a#b",
        "spiffe://example.org/ä",
        "spiffe://example.org/a\n",
        " spiffe://example.org/a",
        "https://example.org/a",
        "SPIFFE://example.org/a",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_spiffe_id(text) is None


@pytest.mark.parametrize(("length", "good"), [(255, True), (256, False)])
def test_a_trust_domain_has_at_most_255_characters(length: int, *, good: bool) -> None:
    assert (parse_spiffe_id(f"spiffe://{'a' * length}/b") is not None) is good


@pytest.mark.parametrize(("length", "good"), [(2048, True), (2049, False)])
def test_a_spiffe_id_has_at_most_2048_characters(length: int, *, good: bool) -> None:
    text = "spiffe://example.org/".ljust(length, "a")
    assert len(text) == length
    assert (parse_spiffe_id(text) is not None) is good


@given(st.text(_DOMAIN, min_size=1, max_size=255), st.lists(st.text(_SEGMENT, min_size=1, max_size=20), max_size=8))
def test_what_is_put_together_comes_apart_again(domain: str, segments: list[str]) -> None:
    path = "".join(f"/{segment}" for segment in segments)
    expected = None if set(segments) & set(_DOTS) else SpiffeId(domain, path)
    assert parse_spiffe_id(f"spiffe://{domain}{path}") == expected


@pytest.mark.parametrize("name", ["example.org", "a", "my_td-1", "a" * 255])
def test_the_name_of_a_trust_domain_comes_back_as_given(name: str) -> None:
    assert check_trust_domain(name) == name


@pytest.mark.parametrize("name", ["", "Example.org", "spiffe://example.org", "example.org/a", "a b", "ä", "a\n"])
def test_another_name_is_refused_with_what_was_given(name: str) -> None:
    with pytest.raises(ValueError, match="expected a trust domain such as") as caught:
        check_trust_domain(name)
    assert str(caught.value).endswith(f"got {name!r}")


def test_of_a_long_name_eighty_characters_are_shown() -> None:
    for length in (78, 80):
        with pytest.raises(ValueError, match=f"got '{'A' * length}'$"):
            check_trust_domain("A" * length)
    for length in (81, 5000):
        with pytest.raises(ValueError, match=rf"got '{'A' * 77}\.\.\.'$"):
            check_trust_domain("A" * length)
