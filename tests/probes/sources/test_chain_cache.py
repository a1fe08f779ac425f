"""What was found of a chain holds while the same is served, and no longer than until a certificate begins or ends."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from probes.contract import SourceContext, Target, TargetKey
from probes.readings.handshake import Handshake
from probes.sources.handshake import KIND, HandshakeSettings
from probes.sources.names import Names
from tests.probes.sources.test_handshake import NOW, Provider
from tests.probes.sources.test_trust_paths import AMBIGUOUS, NEW, OLD, bundle, leaf
from tests.servers.pki import PlainAuthority, Served
from tests.servers.tls_servers import serve, speak_tls, tls_context

ENDS = OLD.certificate.not_valid_after_utc.timestamp()

# The path that OpenSSL chooses is right for one of them, and only that is kept.
BOTH = pytest.mark.parametrize("signer", [OLD, NEW], ids=["of the old", "of the new"])

Before = Callable[[], float]
"""What is done before a look; it returns the date of it, in Unix seconds."""


def looks(served: Sequence[Served], provider: Provider, befores: Sequence[Before]) -> list[Handshake]:
    """By one source at one target; of `served`, one after the other, and the last one again and again."""
    dates = [NOW]

    async def all_of_them() -> list[Handshake]:
        source = KIND.open(HandshakeSettings(), SourceContext(provider, time.time, lambda: dates[-1], Names()))
        readings = list[Handshake]()
        for number, before in enumerate(befores):
            dates.append(before())
            with serve(speak_tls(tls_context(served[min(number, len(served) - 1)]))) as address:
                reading = await source.look(Target(key=TargetKey("prod", "search", "search-0"), address=address), ())
            assert isinstance(reading, Handshake)
            readings.append(reading)
        await source.close()
        return readings

    return asyncio.run(all_of_them())


@BOTH
def test_what_depends_on_the_date_is_found_anew_when_an_authority_ends_and_when_the_clock_is_set_back(
    signer: PlainAuthority,
) -> None:
    dates: list[Before] = [lambda: NOW, lambda: ENDS - 1, lambda: ENDS + 1, lambda: ENDS + 2, lambda: NOW]
    readings = looks([leaf(signer)], Provider(bundle(OLD, NEW)), dates)
    assert [each.remarks for each in readings] == [(AMBIGUOUS,), (AMBIGUOUS,), (), (), (AMBIGUOUS,)]


@BOTH
def test_the_same_chain_is_followed_anew_to_another_bundle(signer: PlainAuthority) -> None:
    provider = Provider(bundle(OLD, NEW))

    def forget_the_other() -> float:
        provider.current = bundle(signer)
        return NOW

    def forget_all() -> float:
        provider.current = replace(bundle(OLD), bundles={})
        return NOW

    readings = looks([leaf(signer)], provider, [lambda: NOW, forget_the_other, forget_all])
    assert [len(each.remarks) for each in readings] == [1, 0, 0]
    assert [len(each.issuers) for each in readings] == [1, 1, 0]
    assert [bool(each.verify_errors) for each in readings] == [False, False, True]


def test_another_chain_of_the_same_target_is_read_and_followed() -> None:
    readings = looks([leaf(NEW), leaf(OLD), leaf(NEW)], Provider(bundle(OLD, NEW)), [lambda: NOW] * 3)
    assert len({each.leaf.serial for each in readings if each.leaf}) == 3
    ends = [each.lifetime.end for reading in readings for each in reading.issuers]
    assert ends[0] == ends[2] > ends[1] == ENDS
