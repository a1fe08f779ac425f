"""Who the watcher is to the servers that it asks, and whom it takes them for: token, CA, client certificate."""

import asyncio
import logging
import re
import ssl
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_pem_x509_certificates
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from probes.contract import OwnIdentity, SourceContext, SourceSettings, Target
from probes.contract.address import shown_url
from probes.contract.text import cut
from probes.sources.http.client import Origin
from probes.sources.http.faults import OwnTroubleError
from probes.sources.http.key_exchange import FIRST, OTHERS, with_curve
from probes.sources.http.own_certificate import present, svid_to_show
from probes.sources.http.tls import TLS
from probes.sources.http.watched_file import WatchedFile
from probes.sources.tls.namesakes import one_of_each_name

log = logging.getLogger(__name__)

_TOKEN = re.compile(rb"[\x21-\x7e]+")
_MOST_REMEMBERED = 10_000  # origins; those that are gone would stay for ever


_NAMESPACE, _HOST = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", r"^(\*\.)?[A-Za-z0-9_][A-Za-z0-9_.:-]{0,251}$"


def _namespace(text: str) -> str:
    if not re.search(_NAMESPACE, text):
        raise ValueError(f"expected the name of a namespace (leave it out for any), got {cut(text)!r}")
    return text


def _host(text: str) -> str:
    if not re.search(_HOST, text):
        raise ValueError(f"expected an IP address, a name, or *. and a name, got {cut(shown_url(text))!r}")
    return text


_Namespace = Annotated[str, AfterValidator(_namespace), Field(json_schema_extra={"pattern": _NAMESPACE})]
_Host = Annotated[str, AfterValidator(_host), Field(json_schema_extra={"pattern": _HOST})]


class TokenFor(BaseModel):
    """Targets found by discovery that are sent the token. Of namespace and host, what is left out is any."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: _Namespace | None = Field(default=None, description="namespace of the target")
    host: _Host | None = Field(
        default=None,
        description="host in its URL: an IP address, a name, or `*.` and a name, where `*` is one label",
    )

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.namespace is None and self.host is None:
            raise ValueError("expected a namespace, a host or both: a token is for nobody by default")
        return self

    def names(self, namespace: str, host: str) -> bool:
        """Whether this is one of them; case says nothing in the name of a host."""
        return self.namespace in (None, namespace) and (self.host is None or self._is_host(host.lower()))

    def _is_host(self, host: str) -> bool:
        wanted = (self.host or "").lower()
        return host == wanted or (wanted.startswith("*.") and host.partition(".")[2] == wanted[2:])


class OutboundSettings(SourceSettings):
    """How a source is let in, and how it knows whom it talks to."""

    bearer_token_file: Path | None = Field(
        default=None, description="file with a bearer token, sent over verified TLS only; re-read when it changes"
    )
    bearer_token_for: tuple[TokenFor, ...] = Field(
        default=(), description="targets found by discovery to which the token is sent; static targets always get it"
    )
    ca_file: Path | None = Field(
        default=None,
        description="CA certificates (PEM) that verify https servers by name; re-read when they change; left out: "
        "SVIDs of the trust domain",
    )
    client_certificate: Literal["none", "svid"] = Field(
        default="none",
        description="client certificate for https servers: none, or the watcher's SVID",
    )


class Outbound:
    """What goes with each request, as of now."""

    def __init__(self, settings: OutboundSettings, source_context: SourceContext) -> None:
        self._settings, self._source_context = settings, source_context
        self._token = (
            WatchedFile(settings.bearer_token_file, source_context.now) if settings.bearer_token_file else None
        )
        self._ca = WatchedFile(settings.ca_file, source_context.now) if settings.ca_file else None
        self._told: set[str] = set()  # why the token was withheld, as far as the log says so
        self._made_of: tuple[bytes | None, OwnIdentity | None] | None = None
        self._contexts: dict[tuple[str, bytes], ssl.SSLContext] = {}  # by curve and by the authorities that are chosen
        self._choices: Sequence[bytes] = ()  # PEM of authorities without namesakes, where the whole has some
        self._of_system: ssl.SSLContext | None = None  # with the system's authorities, not used yet
        self._reading = asyncio.Lock()
        self._taken: dict[Origin, int] = {}  # of servers that do not take the first curve

    def authorization(self, target: Target, origin: Origin) -> bytes:
        """The header line with the token, empty where it is not sent there; OwnTroubleError where it is unreadable."""
        if self._token is None or self.withheld(target, origin):
            return b""
        token = self._token.read().strip()
        if not _TOKEN.fullmatch(token):
            raise OwnTroubleError(f"{self._settings.bearer_token_file} does not hold a bearer token.")
        return b"Authorization: Bearer %b\r\n" % token

    def withheld(self, target: Target, origin: Origin) -> str:
        """Why the token is not sent to a target at this origin, as a sentence; empty where it is, or there is none."""
        if self._token is None:
            return ""
        if not origin.secure:
            why = "its URL is not https"
        elif target.discovered and not self._is_named(target, origin):
            why = "it was found by discovery, and bearer_token_for does not name it"
        else:
            return ""
        if why not in self._told:
            self._told.add(why)
            extra = {"file": str(self._settings.bearer_token_file), "why": why, "first_target": "/".join(target.key)}
            log.warning("token not sent to some targets", extra=extra)
        return f"The token was not sent: {why}."

    def _is_named(self, target: Target, origin: Origin) -> bool:
        return any(each.names(target.key.namespace, origin.host) for each in self._settings.bearer_token_for)

    async def prepare(self) -> None:
        """Where the system's authorities are what verifies, read them: to parse them would stop the loop for 60 ms."""
        async with self._reading:
            made = self._made_of is not None and _same(self._made_of, (None, None)) and self._contexts
            if self._verifies_by_system and not made and self._of_system is None:
                self._of_system = await asyncio.to_thread(ssl.create_default_context)

    @property
    def _verifies_by_system(self) -> bool:
        with_svid = self._settings.client_certificate == "svid"
        return self._ca is None and self._source_context.identity.current is None and not with_svid

    def tls(self, target: Target | None = None, *, secret: bool = False) -> TLS:
        """How to meet a target's https server; OwnTroubleError where what is configured is not to be had.

        `secret`: whether it is sent what only the target may know, a token or the query of its URL. Where SVIDs are
        verified it must then have the target's SPIFFE ID, if one is expected: another agent's is no proof.

        A `ca_file` verifies chain and name. Without one, a server must have an SVID of the watcher's own trust domain;
        without an identity, the system's roots verify chain and name.
        """
        identity = self._source_context.identity.current
        ca, clock_doubt = self._ca.read() if self._ca else None, self._source_context.clock_doubt()
        tls = TLS(self._current(ca, identity, FIRST), clock_doubt=clock_doubt)
        if len(self._taken) > _MOST_REMEMBERED:
            self._taken.clear()
        current = partial(self._current, ca, identity)
        tls = tls._replace(
            others=[partial(current, curve) for curve in OTHERS],
            taken=self._taken,
            namesakes=[[partial(current, curve, choice) for curve in (FIRST, *OTHERS)] for choice in self._choices],
        )
        if ca is not None:
            return tls
        if identity is None:
            return tls._replace(doubtful=True)
        doubtful = not self._source_context.identity.confirmed
        expected = tuple(target.spiffe_ids) if secret and target else ()
        return tls._replace(trust_domain=identity.trust_domain, expected=expected, doubtful=doubtful)

    def _current(
        self, ca: bytes | None, identity: OwnIdentity | None, curve: str, choice: bytes = b""
    ) -> ssl.SSLContext:
        # A context costs as much as ten looks: a new one only when what it is made of is another object.
        if self._made_of is None or not _same(self._made_of, (ca, identity)):
            self._contexts, self._made_of = {}, (ca, identity)
            self._choices = [*map(_pem, one_of_each_name(_authorities(ca, identity)))]
        if (curve, choice) not in self._contexts:
            self._contexts[curve, choice] = with_curve(self._context_of(ca, identity, choice), curve)
        return self._contexts[curve, choice]

    def _context_of(self, ca: bytes | None, identity: OwnIdentity | None, choice: bytes) -> ssl.SSLContext:
        # First, as it may be told at each look that there is none; the rest takes long.
        svid = svid_to_show(identity) if self._settings.client_certificate == "svid" else b""
        if ca is not None:
            context = _verifying(choice or ca, str(self._settings.ca_file))
        elif identity is None:
            context = self._of_system or ssl.create_default_context()
            self._of_system = None
        else:
            context = _verifying(choice or _pem(_authorities(None, identity)), "The own trust bundle")
            context.check_hostname = False  # SVIDs have no names but their SPIFFE ID
        if svid:
            present(context, svid)
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


def _authorities(ca: bytes | None, identity: OwnIdentity | None) -> Sequence[Certificate]:
    if ca is None:
        return identity.bundles.get(identity.trust_domain, ()) if identity is not None else ()
    try:
        return load_pem_x509_certificates(ca)
    except ValueError:  # OpenSSL takes what it can, and says what it cannot
        return ()


def _pem(authorities: Sequence[Certificate]) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in authorities)
