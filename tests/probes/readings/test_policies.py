"""The digest of a policy: of all its modules, in the order of their ids, or none at all."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.readings.opa.policies import MOST_VALUES, LoadedPolicies, bundles_digest, policy_digest, read_policies

ONE, TWO = "package a\n", "package b\ndefault allow := false\n"


def _sha256(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _answer(*modules: object) -> bytes:
    return json.dumps({"result": modules}).encode()


def _module(name: str, raw: str) -> dict[str, object]:
    return {"id": name, "raw": raw, "ast": {"rules": [{"head": {}}]}}


def test_the_digest_of_a_single_module_is_that_of_its_file() -> None:
    assert policy_digest({"policies/authz.rego": ONE}) == _sha256(ONE)


def test_modules_follow_each_other_in_the_order_of_their_ids() -> None:
    told = read_policies(200, _answer(_module("b.rego", TWO), _module("a.rego", ONE)), 7.0)
    assert told == LoadedPolicies(7.0, _sha256(ONE + TWO), 200, read=True)


@pytest.mark.parametrize(
    ("status", "body", "read"),
    [
        (200, _answer(), True),
        (200, b"{}", False),
        (200, b"<html>", False),
        (200, b"[" * 3000, False),
        (200, _answer("no module"), False),
        (200, _answer(_module("a", ONE), {"id": "b"}), False),
        (200, _answer(_module("a", ONE), _module("a", ONE)), False),
        (200, b'{"result": [' + b"{}," * MOST_VALUES + b"{}]}", False),
        (403, _answer(_module("a", ONE)), False),
        (500, b"", False),
    ],
)
def test_of_no_policy_and_of_half_of_one_there_is_no_digest(status: int, body: bytes, read: bool) -> None:
    assert read_policies(status, body, 7.0) == LoadedPolicies(7.0, "", status, read=read)


def test_active_bundles_are_told_by_their_revisions_if_each_has_one() -> None:
    assert bundles_digest({"b": "2", "a": "1"}) == _sha256("a 1\nb 2\n")
    assert bundles_digest({"b": "2", "a": ""}) == bundles_digest({}) == ""


@given(st.dictionaries(st.text(min_size=1), st.text()), st.randoms(use_true_random=False))
def test_the_order_of_an_answer_changes_nothing_and_another_text_does(modules: dict[str, str], random: object) -> None:
    listed = [_module(name, raw) for name, raw in modules.items()]
    random.shuffle(listed)  # type: ignore[attr-defined]
    told = read_policies(200, _answer(*listed), 0.0)
    assert told.digest == policy_digest(modules)
    if modules:
        name = min(modules)
        assert policy_digest({**modules, name: f"{modules[name]}#"}) != told.digest
