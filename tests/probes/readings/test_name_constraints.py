"""Chains whose names and name constraints are too many to compare are told from those of real authorities."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from probes.readings.name_constraints import are_too_many
from tests.servers.pki import chain_of, constrained
from watcher.demo.authority import Authority

NOW = 1_790_000_000.0


def _chain(links: int, names: int) -> list[bytes]:
    return [each.public_bytes(Encoding.DER) for each in constrained(links, names, NOW).chain]


def test_a_chain_as_an_authority_with_constraints_makes_it_is_compared() -> None:
    assert not are_too_many(_chain(links=2, names=20))


def test_a_chain_without_constraints_is_compared_however_long() -> None:
    served = chain_of(60, Authority("example.org", NOW), NOW, "spiffe://example.org/agent/x")
    assert not are_too_many([each.public_bytes(Encoding.DER) for each in served.chain])


@pytest.mark.parametrize(("links", "names"), [(3, 1000), (3, 200), (1, 200), (8, 100)])
def test_hundreds_of_names_and_of_constraints_are_too_many(links: int, names: int) -> None:
    assert are_too_many(_chain(links, names))


def test_what_cannot_be_read_counts_as_a_whole() -> None:
    assert are_too_many([bytes(2000) + bytes.fromhex("551d1e") + bytes(2000)])
    assert not are_too_many([bytes(500) + bytes.fromhex("551d1e") + bytes(200)])


@given(st.lists(st.binary(max_size=20_000), max_size=5))
def test_bytes_of_a_stranger_are_weighed_without_an_error(chain: list[bytes]) -> None:
    assert are_too_many(chain) in (True, False)


def test_names_and_constraints_are_weighed_by_themselves_and_not_with_keys_and_signatures() -> None:
    padded = _chain(links=4, names=20)
    assert sum(map(len, padded)) * sum(map(len, padded[1:])) > 1 << 20, "else nothing is weighed here"
    assert not are_too_many(padded)
