"""The source `handshake`: what an mTLS port serves, seen as a peer that comes with the watcher's own SVID sees it."""

import asyncio
from collections.abc import Sequence
from functools import partial

from pydantic import Field

from probes.contract import Fault, Seconds, SourceContext, SourceKind, SourceSettings, Target
from probes.readings.handshake import BundleState, Handshake
from probes.sources.names import NameNotResolvedError, ResolverError
from probes.sources.own_trouble import OWN_TROUBLE, is_refusal
from probes.sources.tls.attempt import Attempt, PortAddress
from probes.sources.tls.contexts import Trust, TrustCache
from probes.sources.tls.leaf_cache import LeafCache
from probes.sources.tls.reading import reading
from probes.sources.tls.work_queue import WorkQueue


class HandshakeSettings(SourceSettings):
    """How often and how patiently mTLS ports are looked at."""

    interval: Seconds = Field(default=60.0, ge=0.05, le=86400, description="from one look at a target to the next")


class HandshakeSource:
    """Looks at mTLS ports; keeps no connection, but the TLS contexts and the facts of the certificates seen last."""

    def __init__(self, settings: HandshakeSettings, source_context: SourceContext) -> None:
        self._timeout, self._names = settings.timeout, source_context.names
        self._identity, self._date = source_context.identity, source_context.date
        self._trust_cache = TrustCache(source_context.identity)
        self._leaf_cache, self._work_queue = LeafCache(), WorkQueue()
        self._port_addresses: dict[str, PortAddress] = {}

    async def look(self, target: Target, _wants: Sequence[object]) -> Handshake:
        """One look: on the usual path one connection, one handshake, one request."""
        address, trust = target.address or "", self._trust_cache.of(target)
        bundle = self._bundle(trust)
        port_address = self._port(address)
        try:
            addresses = await self._names.addresses(port_address.host)
        except OSError as error:
            return _unconnected(address, error, trust, bundle)
        now = asyncio.get_running_loop().time()
        attempt = Attempt(port_address, addresses, trust, self._work_queue, now, now + self._timeout)
        try:
            session = await attempt.make()
            read_leaf = partial(self._leaf_cache.read, target.key)
            return reading(address, session, attempt.heard(session), trust, bundle, read_leaf, self._date())
        except OSError as error:
            return _unconnected(address, error, trust, bundle)
        finally:
            attempt.end()

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Forget the addresses and certificates of targets that are gone."""
        self._leaf_cache.keep([target.key for target in targets])
        addresses = {target.address for target in targets}
        self._port_addresses = {
            address: port_address for address, port_address in self._port_addresses.items() if address in addresses
        }

    async def close(self) -> None:
        """Nothing is held between looks."""

    def _port(self, address: str) -> PortAddress:
        if address not in self._port_addresses:
            self._port_addresses[address] = PortAddress.of(address)
        return self._port_addresses[address]

    def _bundle(self, trust: Trust) -> BundleState:
        if not trust.has_bundle:
            return BundleState.MISSING
        return BundleState.CONFIRMED if self._identity.confirmed else BundleState.UNCONFIRMED


def _unconnected(address: str, error: OSError, trust: Trust, bundle: BundleState) -> Handshake:
    """The reading where there was no connection; a trouble of our own is no fault of the network."""
    match error:
        case NameNotResolvedError():
            fault, text = Fault.UNRESOLVED, f"was not asked: {error}"
        case ResolverError():
            fault, text = Fault.OURS, f"was not asked: {error}"
        case _ if is_refusal(error):
            fault, text = Fault.REFUSED, "refused the connection"
        case ConnectionResetError():
            fault, text = Fault.RESET, "cut the connection"
        case TimeoutError():
            fault, text = Fault.SILENT, "did not answer the attempt to connect"
        case OSError() if error.errno in OWN_TROUBLE:
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
    endpoint="address",
    settings=HandshakeSettings,
    concurrency=512,  # a tenth of 10,000 agents may be silent at once without making the others late
    open=HandshakeSource,
)
