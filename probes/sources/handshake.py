"""The source `handshake`: what an mTLS port serves, seen as a peer that comes with the watcher's own SVID sees it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field

from probes.contract import Reading, Seconds, SourceContext, SourceKind, SourceSettings, Target, TargetKey
from probes.readings.handshake import BundleState, Handshake
from probes.sources.pace import Pace
from probes.sources.tls.attempt import Attempt, PortAddress
from probes.sources.tls.chain_cache import ChainCache
from probes.sources.tls.contexts import Trust, TrustCache
from probes.sources.tls.reading import reading
from probes.sources.tls.work_queue import WorkQueue
from probes.sources.unconnected import unconnected

_BUDGET = 0.02
"""Seconds of CPU for what a port sends at one look: others take 2 ms."""


class HandshakeSettings(SourceSettings):
    """How often and how patiently mTLS ports are looked at."""

    interval: Seconds = Field(
        default=60.0, ge=0.05, le=86400, description="time between two probe attempts at a target"
    )


class HandshakeSource:
    """Looks at mTLS ports; keeps no connection, but the TLS contexts and the facts of the certificates seen last."""

    def __init__(self, settings: HandshakeSettings, source_context: SourceContext, budget: float = _BUDGET) -> None:
        """`budget`: seconds of CPU for what a port sends at one look; beyond it, it is looked at less often."""
        self._budget = budget
        self._timeout, self._names = settings.timeout, source_context.names
        self._identity, self._date = source_context.identity, source_context.date
        self._trust_cache = TrustCache(source_context.identity)
        self._chains, self._work_queue = ChainCache(), WorkQueue()
        self._pace = Pace[Handshake](source_context.now)
        self._port_addresses: dict[str, PortAddress] = {}

    async def look(self, target: Target, _wants: Sequence[object]) -> Reading:
        """One look: on the usual path one connection, one handshake, one request."""
        instead = self._pace.instead(target.key)
        return self._paced(target.key, await self._look(target)) if instead is None else instead

    async def _look(self, target: Target) -> Handshake:
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
            last = self._chains.of(target.key)
            return reading(address, session, attempt.heard(session), trust, bundle, last, self._date())
        except OSError as error:
            return _unconnected(address, error, trust, bundle)
        finally:
            attempt.end()

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Forget the addresses and certificates of targets that are gone."""
        self._chains.keep([target.key for target in targets])
        self._pace.keep({target.key for target in targets})
        addresses = {target.address for target in targets}
        self._port_addresses = {
            address: port_address for address, port_address in self._port_addresses.items() if address in addresses
        }

    async def close(self) -> None:
        """Nothing is held between looks."""

    def _paced(self, key: TargetKey, reading: Handshake) -> Handshake:
        """The reading; where it took too much, the next looks ask nobody and say what this one saw."""
        if reading.cpu <= self._budget:
            self._pace.faster(key)
            return reading
        asked_in = self._pace.slower(key)
        too_much = f"Its answer took {reading.cpu * 1e3:.0f} ms of CPU. It is probed at one of {asked_in} attempts."
        paced = replace(reading, error=f"{reading.error} {too_much}".strip(), asked_in=asked_in)
        self._pace.say(key, paced)
        return paced

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
    fault, text = unconnected(error)
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
