"""The source `handshake`: what an mTLS port serves, seen as a peer that comes with the watcher's own SVID sees it."""

import asyncio
import errno
from collections.abc import Sequence
from functools import partial

from pydantic import Field

from probes.contract import Fault, Kit, Seconds, SourceKind, SourceSettings, Target
from probes.readings.handshake import Bundle, Handshake
from probes.sources.tls.attempt import Place, Visit
from probes.sources.tls.contexts import Trust, Trusts
from probes.sources.tls.leaf_cache import Leaves
from probes.sources.tls.reading import reading

_OURS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EPERM, errno.EACCES)


class HandshakeSettings(SourceSettings):
    """How often and how patiently mTLS ports are looked at."""

    interval: Seconds = Field(default=60.0, ge=0.05, le=86400, description="from one look at a target to the next")


class HandshakeSource:
    """Looks at mTLS ports; keeps no connection, but the TLS contexts and the facts of the certificates seen last."""

    def __init__(self, settings: HandshakeSettings, kit: Kit) -> None:
        self._timeout = settings.timeout
        self._identity = kit.identity
        self._trusts = Trusts(kit.identity)
        self._leaves = Leaves()
        self._places: dict[str, Place] = {}

    async def look(self, target: Target, wants: Sequence[object]) -> Handshake:  # noqa: ARG002  a look sees all
        """One look: on the usual path one connection, one handshake, one request."""
        address, trust = target.address or "", self._trusts.of(target)
        bundle = self._bundle(trust)
        now = asyncio.get_running_loop().time()
        visit = Visit(self._place(address), trust, now, now + self._timeout)
        try:
            talk = await visit.make()
            read_leaf = partial(self._leaves.read, target.key)
            return reading(address, talk, visit.heard(talk), trust, bundle, read_leaf)
        except OSError as error:
            return _unconnected(address, error, trust, bundle)
        finally:
            visit.end()

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Forget the addresses and certificates of targets that are gone."""
        self._leaves.keep([target.key for target in targets])
        addresses = {target.address for target in targets}
        self._places = {address: place for address, place in self._places.items() if address in addresses}

    async def close(self) -> None:
        """Nothing is held between looks."""

    def _place(self, address: str) -> Place:
        if address not in self._places:
            self._places[address] = Place.of(address)
        return self._places[address]

    def _bundle(self, trust: Trust) -> Bundle:
        if not trust.has_bundle:
            return Bundle.MISSING
        return Bundle.CONFIRMED if self._identity.confirmed else Bundle.UNCONFIRMED


def _unconnected(address: str, error: OSError, trust: Trust, bundle: Bundle) -> Handshake:
    """The reading where there was no connection; a trouble of our own is no fault of the network."""
    match error:
        case _ if f"Errno {errno.ECONNREFUSED}" in str(error):  # of several addresses of a name the text alone tells
            fault, text = Fault.REFUSED, "refused the connection"
        case ConnectionResetError():
            fault, text = Fault.RESET, "cut the connection"
        case TimeoutError():
            fault, text = Fault.SILENT, "did not answer the attempt to connect"
        case OSError() if error.errno in _OURS:
            fault, text = Fault.OURS, f"was not asked: the watcher cannot connect ({error.strerror})"
        case _:
            fault, text = Fault.SILENT, f"cannot be reached: {error.strerror or error}"
    return Handshake(
        fault=fault,
        error=f"{address} {text}.",
        trust_domain=trust.trust_domain,
        bundle=bundle,
    )


KIND = SourceKind(
    name="handshake",
    part="address",
    settings=HandshakeSettings,
    concurrency=512,  # a tenth of 10,000 agents may be silent at once without making the others late
    open=HandshakeSource,
)
