"""Who the watcher is to the servers that it asks, and whom it takes them for: token, CA, client certificate."""

import os
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import Field

from probes.contract import OwnIdentity, SourceContext, SourceSettings
from probes.sources.http.client import TLS, OwnTroubleError

_TOKEN = re.compile(rb"[\x21-\x7e]+")
_LOOKED_AT_EVERY = 1.0  # seconds


class OutboundSettings(SourceSettings):
    """How a source is let in, and how it knows whom it talks to."""

    bearer_token_file: Path | None = Field(default=None, description="sent as a bearer token; re-read when it changes")
    ca_file: Path | None = Field(default=None, description="verifies https servers by name; re-read when it changes")
    client_certificate: Literal["none", "svid"] = Field(
        default="none",
        description="whether https servers are shown the watcher's SVID",
    )


class Outbound:
    """What goes with each request, as of now."""

    def __init__(self, settings: OutboundSettings, source_context: SourceContext) -> None:
        self._settings, self._source_context = settings, source_context
        self._token = _File(settings.bearer_token_file, source_context.now) if settings.bearer_token_file else None
        self._ca = _File(settings.ca_file, source_context.now) if settings.ca_file else None
        self._made_of: tuple[bytes | None, OwnIdentity | None] | None = None
        self._context: ssl.SSLContext | None = None

    def authorization(self) -> bytes:
        """The header line with the token, empty where none is configured; OwnTroubleError where it cannot be read."""
        if self._token is None:
            return b""
        token = self._token.read().strip()
        if not _TOKEN.fullmatch(token):
            raise OwnTroubleError(f"{self._settings.bearer_token_file} does not hold a bearer token.")
        return b"Authorization: Bearer %b\r\n" % token

    def tls(self) -> TLS:
        """How to meet an https server; OwnTroubleError where what is configured is not to be had.

        A `ca_file` verifies chain and name. Without one, a server must have an SVID of the watcher's own trust domain;
        without an identity, the system's roots verify chain and name.
        """
        identity = self._source_context.identity.current
        ca, clock_doubt = self._ca.read() if self._ca else None, self._source_context.clock_doubt()
        context = self._current(ca, identity)
        if ca is not None:
            return TLS(context, clock_doubt=clock_doubt)
        if identity is None:
            return TLS(context, doubtful=True, clock_doubt=clock_doubt)
        doubtful = not self._source_context.identity.confirmed
        return TLS(context, identity.trust_domain, doubtful, clock_doubt)

    def _current(self, ca: bytes | None, identity: OwnIdentity | None) -> ssl.SSLContext:
        # A context costs as much as ten looks: a new one only when what it is made of is another object.
        if self._context is None or self._made_of is None or not _same(self._made_of, (ca, identity)):
            self._context, self._made_of = self._context_of(ca, identity), (ca, identity)
        return self._context

    def _context_of(self, ca: bytes | None, identity: OwnIdentity | None) -> ssl.SSLContext:
        if ca is not None:
            context = _verifying(ca, str(self._settings.ca_file))
        elif identity is None:
            context = ssl.create_default_context()
        else:
            context = _verifying_svids(identity)
        if self._settings.client_certificate == "svid":
            _show_svid(context, identity)
        return context


def _same(one: tuple[object, object], other: tuple[object, object]) -> bool:
    return one[0] is other[0] and one[1] is other[1]


def _verifying(ca: bytes, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=ca.decode("ascii", errors="replace"))
    except (ssl.SSLError, ValueError) as error:  # ValueError: empty
        raise OwnTroubleError(f"{name} holds no CA certificates: {error}") from error
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an intermediate may be all that was given
    return context


def _verifying_svids(identity: OwnIdentity) -> ssl.SSLContext:
    bundle = identity.bundles.get(identity.trust_domain, ())
    context = _verifying(b"".join(each.public_bytes(Encoding.PEM) for each in bundle), "The own trust bundle")
    context.check_hostname = False  # SVIDs have no names but their SPIFFE ID
    return context


def _show_svid(context: ssl.SSLContext, identity: OwnIdentity | None) -> None:
    if identity is None or not identity.chain or identity.key is None:
        raise OwnTroubleError("The watcher has no valid SVID to show.")
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in identity.chain)
    # ssl reads certificates from files only, and keys do not belong on disks.
    in_memory = os.memfd_create("svid", os.MFD_CLOEXEC)
    try:
        os.write(in_memory, key + chain)
        context.load_cert_chain(f"/proc/self/fd/{in_memory}")
    finally:
        os.close(in_memory)


class _File:
    """A file that changes now and then; the same object until it does."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._path, self._now = path, now
        self._looked_at = float("-inf")
        self._stamp: tuple[int, int, int] | None = None
        self._content = b""

    def read(self) -> bytes:
        if abs(self._now() - self._looked_at) >= _LOOKED_AT_EVERY:
            try:
                self._read_again()
            except OSError as error:
                self._stamp = None
                raise OwnTroubleError(f"{self._path} cannot be read: {error.strerror}.") from error
            self._looked_at = self._now()
        return self._content

    def _read_again(self) -> None:
        found = self._path.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            self._content, self._stamp = self._path.read_bytes(), stamp
