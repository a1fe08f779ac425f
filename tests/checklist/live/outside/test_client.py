"""A server from outside is asked over TLS that verifies, and only then shown the token."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from probes.controls.catalogue.control import UnknownReason
from tests.servers.answering import run_answering
from tests.servers.pki import Leaf, PlainAuthority
from watcher.checklist.live.outside.client import OutsideClient, OutsideError, Place


def asked(place: Place) -> bytes:
    return asyncio.run(OutsideClient(place, patience=5).get("/path", {"a": "b c"}))


def test_a_token_is_sent_to_a_server_that_verifies_and_to_no_other(tmp_path: Path) -> None:
    now = time.time()
    authority, other = PlainAuthority(now), PlainAuthority(now, name="another")
    served = Leaf(not_before=now - 60, not_after=now + 600, addresses=["127.0.0.1"]).signed_by(authority)
    token, ca, wrong = tmp_path / "token", tmp_path / "ca.pem", tmp_path / "wrong.pem"
    token.write_text("t0ken\n")
    for file, each in ((ca, authority), (wrong, other)):
        file.write_bytes(each.certificate.public_bytes(Encoding.PEM))
    with run_answering(lambda _: (200, b"yes"), served.write(tmp_path)) as server:
        assert asked(Place("Loki", server.url, token, ca)) == b"yes"
        assert server.asked[0].headers["authorization"] == "Bearer t0ken"
        with pytest.raises(OutsideError, match="cannot be asked: unable to get local issuer certificate") as refused:
            asked(Place("Loki", server.url, token, wrong))
        assert refused.value.missing.reason is UnknownReason.UNREACHABLE
        token.write_text("two words")
        with pytest.raises(OutsideError, match="does not hold a bearer token"):
            asked(Place("Loki", server.url, token, ca))
        assert len(server.asked) == 1


def test_no_token_is_sent_in_clear_and_a_redirect_is_not_followed(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken")
    answer = run_answering(lambda each: (302, b"") if each.query else (200, b""))
    with answer as server, pytest.raises(OutsideError, match="answers 302"):
        asked(Place("Loki", server.url, token))
    [only] = server.asked
    assert "authorization" not in only.headers
    assert only.query == {"a": "b c"}


def test_a_server_that_drips_is_left_within_the_patience() -> None:
    over = threading.Event()
    with run_answering(lambda _: (200, b"late" * over.wait(5))) as server:
        began = time.monotonic()
        with pytest.raises(OutsideError, match="it does not answer in time"):
            asyncio.run(OutsideClient(Place("Loki", server.url), patience=0.3).get("/", {}))
        assert time.monotonic() - began < 2
        over.set()
