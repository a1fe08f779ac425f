"""The watcher's identity from three files, which somebody else rewrites at any time."""

import asyncio
import os
import tempfile
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import OwnIdentity
from tests.identity.identities import NOW, Clock, newest, started, stays, told, until
from watcher.config.identity import IdentitySettings
from watcher.demo.authority import Authority, Svid
from watcher.identity.files import Files
from watcher.identity.source import IdentityError

CA = Authority("example.org", NOW)
OTHER_CA = Authority("example.org", NOW, lifetime=7200)
ME = "spiffe://example.org/watcher"


def svid(spiffe_id: str = ME, lasts: float = 3600) -> Svid:
    return CA.issue(spiffe_id, not_before=NOW - 10, not_after=NOW + lasts)


SVID = svid()


def write(directory: Path, certificate: bytes, key: bytes, bundle: bytes = CA.bundle_pem) -> IdentitySettings:
    directory.mkdir(exist_ok=True)
    names = ("svid.pem", "svid.key", "bundle.pem")
    paths = [directory / name for name in names]
    for path, text in zip(paths, (certificate, key, bundle), strict=True):
        path.write_bytes(text)
    return IdentitySettings(cert_file=paths[0], key_file=paths[1], bundle_file=paths[2])


def written(directory: Path, of: Svid = SVID) -> IdentitySettings:
    return write(directory, of.chain_pem, of.key_pem)


def source(settings: IdentitySettings, trust_domain: str | None = None) -> Files:
    assert settings.cert_file
    assert settings.key_file
    assert settings.bundle_file
    return Files(settings.cert_file, settings.key_file, settings.bundle_file, trust_domain)


def nobody() -> None:
    raise AssertionError("nothing is new")


def test_an_identity_is_read_from_files_and_is_confirmed_for_good(tmp_path: Path) -> None:
    async def main() -> None:
        clock = Clock()
        async with started(written(tmp_path), clock) as identity:
            assert identity.trouble == ""
            assert identity.current is not None
            assert identity.current.trust_domain == "example.org"
            assert identity.current.chain == SVID.chain
            assert identity.current.bundles == {"example.org": (CA.certificate,)}
            assert identity.newest_authorities() == newest(CA)
            (tmp_path / "svid.pem").unlink()
            clock.now += 1000
            await until(lambda: identity.trouble)
            assert identity.confirmed

    asyncio.run(main())


def test_files_that_cannot_be_read_to_their_end_are_told_after_five_minutes(tmp_path: Path) -> None:
    async def main() -> None:
        clock, pipe = Clock(), tmp_path / "pipe"
        os.mkfifo(pipe)
        async with started(written(tmp_path), clock) as identity:
            (tmp_path / "svid.pem").unlink()
            (tmp_path / "svid.pem").hardlink_to(pipe)  # who opens it waits for somebody who writes
            assert await stays(lambda: identity.trouble == "", 0.5)
            clock.now += 301
            assert await stays(lambda: identity.trouble == "Hung: no answer for 5m0s", 0.3)
            (tmp_path / "svid.pem").unlink()
            written(tmp_path)
            os.close(os.open(pipe, os.O_WRONLY))
            await until(lambda: identity.trouble == "")

    asyncio.run(main())


def test_where_no_thread_is_to_be_had_it_is_told_and_tried_again(tmp_path: Path) -> None:
    async def main() -> None:
        threading.stack_size(1 << 47)  # more than there are addresses
        try:
            async with started(written(tmp_path), Clock()) as identity:
                assert identity.trouble == "InternalError: can't start new thread"
                threading.stack_size(0)
                await until(lambda: identity.trouble == "")
        finally:
            threading.stack_size(0)

    asyncio.run(main())


def test_rewritten_files_are_a_new_identity_and_untouched_ones_the_same(tmp_path: Path) -> None:
    async def main() -> None:
        async with started(written(tmp_path), Clock()) as identity:
            before = identity.current
            assert await stays(lambda: identity.current is before, 0.5)
            fresh = svid()
            written(tmp_path, fresh)
            await until(lambda: identity.current is not before)
            assert identity.current is not None
            assert identity.current.chain == fresh.chain

    asyncio.run(main())


def test_a_kubernetes_volume_that_swaps_its_symlink_is_followed(tmp_path: Path) -> None:
    async def main() -> None:
        fresh = svid()
        written(tmp_path / "..1")
        written(tmp_path / "..2", fresh)
        (tmp_path / "..data").symlink_to("..1")
        paths = [tmp_path / "..data" / name for name in ("svid.pem", "svid.key", "bundle.pem")]
        settings = IdentitySettings(cert_file=paths[0], key_file=paths[1], bundle_file=paths[2])
        async with started(settings, Clock()) as identity:
            (tmp_path / "..tmp").symlink_to("..2")
            (tmp_path / "..tmp").replace(tmp_path / "..data")
            await until(lambda: identity.current is not None and identity.current.chain == fresh.chain)

    asyncio.run(main())


def test_a_half_written_pair_keeps_the_old_identity_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        clock, fresh = Clock(), svid()
        async with started(written(tmp_path), clock) as identity:
            before = identity.current
            write(tmp_path, fresh.chain_pem, SVID.key_pem)
            await until(lambda: "KeyMismatch" in told(caplog))
            assert identity.current is before
            assert identity.trouble == ""
            clock.now += 301
            assert identity.trouble.startswith("KeyMismatch: ")
            written(tmp_path, fresh)
            await until(lambda: identity.current is not None and identity.current.chain == fresh.chain)
            assert identity.trouble == ""

    asyncio.run(main())


def test_a_bundle_that_is_still_being_written_is_not_taken(tmp_path: Path) -> None:
    both = CA.bundle_pem + OTHER_CA.bundle_pem
    rings: list[str] = []
    files = source(write(tmp_path, SVID.chain_pem, SVID.key_pem, both))
    before = files.ask(nobody)
    write(tmp_path, SVID.chain_pem, SVID.key_pem, OTHER_CA.bundle_pem)
    assert files.ask(lambda: rings.append("again")) is before
    write(tmp_path, SVID.chain_pem, SVID.key_pem, both)
    assert files.ask(lambda: rings.append("again")) is before
    write(tmp_path, SVID.chain_pem, SVID.key_pem, OTHER_CA.bundle_pem)
    assert files.ask(lambda: rings.append("again")) is before
    assert files.ask(nobody).bundles == {"example.org": (OTHER_CA.certificate,)}
    assert rings == ["again", "again"]


def test_an_expired_svid_is_dropped_and_its_bundle_stays(tmp_path: Path) -> None:
    async def main() -> None:
        clock = Clock()
        async with started(written(tmp_path), clock) as identity:
            clock.now = NOW + 3601
            assert identity.trouble.startswith(f"SVIDExpired: {ME} until 2027-01-15T09:00:00Z")
            assert identity.current is not None
            assert (identity.current.chain, identity.current.key) == ((), None)
            assert identity.current.bundles == {"example.org": (CA.certificate,)}

    asyncio.run(main())


def _key_that_cannot_sign() -> bytes:
    return x25519.X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _encrypted() -> bytes:
    return SVID.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


@pytest.mark.parametrize(
    ("certificate", "key", "bundle", "trouble"),
    [
        (b"", SVID.key_pem, CA.bundle_pem, "Malformed: CERT holds no readable PEM certificate"),
        (b"\0" * 64, SVID.key_pem, CA.bundle_pem, "Malformed: CERT holds no readable PEM certificate"),
        (SVID.chain_pem + b"-----BEGIN CERTIFICATE-----\nMII", SVID.key_pem, CA.bundle_pem, "ends in the middle"),
        (SVID.chain_pem, b"", CA.bundle_pem, "Malformed: KEY holds no readable, unencrypted PEM key"),
        (SVID.chain_pem, _encrypted(), CA.bundle_pem, "Malformed: KEY holds no readable, unencrypted PEM key"),
        (SVID.chain_pem, _key_that_cannot_sign(), CA.bundle_pem, "Malformed: a key of type X25519PrivateKey"),
        (SVID.chain_pem, svid().key_pem, CA.bundle_pem, "KeyMismatch: the private key does not belong"),
        (SVID.chain_pem, SVID.key_pem, b"", "Malformed: BUNDLE holds no readable PEM certificate"),
        (SVID.chain_pem, SVID.key_pem, b"a" * (1 << 20) + b"b", "Malformed: BUNDLE is larger than 1048576 bytes"),
    ],
    ids=lambda each: each if isinstance(each, str) else "file",  # bytes of keys differ from one process to the next
)
def test_what_is_wrong_with_a_file_is_told(
    tmp_path: Path, certificate: bytes, key: bytes, bundle: bytes, trouble: str
) -> None:
    settings = write(tmp_path, certificate, key, bundle)
    for word, path in (("CERT", settings.cert_file), ("KEY", settings.key_file), ("BUNDLE", settings.bundle_file)):
        trouble = trouble.replace(word, str(path))
    with pytest.raises(IdentityError) as caught:
        source(settings).ask(nobody)
    assert trouble in str(caught.value)


@pytest.mark.parametrize(
    ("key_file", "why"), [("nothing.pem", "No such file"), (".", "Is a directory"), ("svid.pem/x", "Not a directory")]
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, key_file: str, why: str) -> None:
    settings = written(tmp_path).model_copy(update={"key_file": tmp_path / key_file})
    with pytest.raises(IdentityError, match=f"FilesUnreadable: {tmp_path / key_file}: {why}"):
        source(settings).ask(nobody)


@pytest.mark.parametrize(
    ("spiffe_id", "configured", "outcome"),
    [
        (ME, None, "example.org"),
        (ME, "example.org", "example.org"),
        (ME, "other.org", "WrongTrustDomain: .* is of example.org, not of other.org"),
        ("https://example.org/watcher", "example.org", "example.org"),
        ("https://example.org/watcher", None, "Malformed: .* has no SPIFFE ID: trust_domain must be given"),
    ],
)
def test_the_trust_domain_is_the_configured_one_or_that_of_the_certificate(
    tmp_path: Path, spiffe_id: str, configured: str | None, outcome: str
) -> None:
    files = source(written(tmp_path, svid(spiffe_id)), configured)
    if outcome == "example.org":
        assert files.ask(nobody).trust_domain == outcome
    else:
        with pytest.raises(IdentityError, match=outcome):
            files.ask(nobody)


@given(st.sampled_from((0, 1, 2)), st.integers(0, 2000), st.binary(max_size=20))
def test_damaged_files_give_a_whole_identity_or_an_identity_error(which: int, at: int, junk: bytes) -> None:
    contents = [SVID.chain_pem, SVID.key_pem, CA.bundle_pem + OTHER_CA.bundle_pem]
    contents[which] = contents[which][:at] + junk
    with tempfile.TemporaryDirectory() as directory:
        try:
            identity = source(write(Path(directory), *contents)).ask(nobody)
        except IdentityError:
            return
    assert _whole(identity)


def _whole(identity: OwnIdentity) -> bool:
    return identity.key is not None and identity.key.public_key() == identity.chain[0].public_key()
