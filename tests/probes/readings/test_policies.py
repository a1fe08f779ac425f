"""Which policy an OPA has, by the digest of its modules; of half of an answer there is none."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.readings.opa.policies import LoadedPolicies, bundles_digest, policy_digest, read_policies


def answer(**modules: str) -> bytes:
    """As OPA says it, with the tree of each module."""
    return json.dumps(
        {"result": [{"id": name, "raw": text, "ast": {"rules": [1]}} for name, text in modules.items()]}
    ).encode()


def digest(text: bytes) -> str:
    return f"sha256:{sha256(text).hexdigest()}"


def test_the_digest_is_that_of_the_modules_one_after_another_in_the_order_of_their_names() -> None:
    read = read_policies(200, answer(b="package b\n", a="package a\n"), 7.0)
    assert read == LoadedPolicies(7.0, digest(b"package a\npackage b\n"), 200, read=True)
    assert read_policies(200, answer(a="package a\n", b="package b\n"), 7.0) == read


@pytest.mark.parametrize(
    ("status", "body", "read"),
    [
        (200, b'{"result": []}', True),
        (200, b'{"result": [{"id": "a"}]}', False),
        (200, b'{"result": [{"id": "a", "raw": "x"}, {"id": 7, "raw": "y"}]}', False),
        (200, b'{"result": {}}', False),
        (200, b"<html>", False),
        (200, b"[" * 3000, False),
        (403, b"{}", False),
        (500, answer(a="x"), False),
    ],
)
def test_an_answer_without_all_of_its_modules_gives_no_digest(status: int, body: bytes, read: bool) -> None:
    assert read_policies(status, body, 7.0) == LoadedPolicies(7.0, "", status, read=read)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), min_size=1), st.text(min_size=1, max_size=5))
def test_another_text_is_another_digest(modules: dict[str, str], more: str) -> None:
    name = next(iter(modules))
    assert policy_digest(modules) != policy_digest(modules | {name: modules[name] + more})


def test_bundles_are_told_by_their_revisions_and_one_without_a_revision_by_nothing() -> None:
    assert bundles_digest({"b": "2", "a": "1"}) == bundles_digest({"a": "1", "b": "2"})
    assert bundles_digest({"a": "1", "b": "2"}) == digest(b"a 1\nb 2\n")
    assert bundles_digest({"a": "1", "b": ""}) == bundles_digest({}) == ""
