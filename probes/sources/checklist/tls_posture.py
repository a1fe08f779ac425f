"""The source `tls_posture`: further attempts at an agent's ports, which show whom and what they also take.

In a round, and each a second after the last one at the same agent:
1. TLS 1.3 with the watcher's SVID, and a request: what all else is compared with.
2. TLS 1.2 and older with it. What is refused for its suites is offered all suites there are.
3. No certificate, and a request that is read: of TLS 1.3 a client's handshake is over before the server judges it.
4. Plain HTTP at this port.
5. Where TLS 1.2 is taken, the weak suites.
6. With `hostile_handshakes`, a certificate of a foreign authority and a forged SVID.
7. Plain HTTP at each other port that the pod declares, but for those of metrics and of kubelet probes.

What is a close or a reset is asked for again. The requests say who asks, and for what, in their User-Agent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from urllib.parse import urlsplit

from pydantic import Field

from probes.contract import Reading, Seconds, SourceContext, SourceKind, SourceSettings, Target
from probes.contract.address import is_loopback
from probes.readings.tls_posture import PortUse, TLSPosture
from probes.sources.tls.attempt import PortAddress
from probes.sources.tls.posture.clients import ClientCache
from probes.sources.tls.posture.limits import PATIENCE, RoundLimits
from probes.sources.tls.posture.rounds import OtherPort, Round
from probes.sources.tls.posture.turns import Turns
from probes.sources.tls.posture.wire import Wire
from probes.sources.tls.work_queue import WorkQueue
from probes.sources.unconnected import unconnected


class TLSPostureSettings(SourceSettings):
    """How often and how patiently agents are tried, and whether as clients that they must refuse."""

    interval: Seconds = Field(default=3600.0, ge=60, le=86400, description="time between two rounds at a target")
    timeout: Seconds = Field(
        default=45.0, gt=0, description="deadline for the whole round, without the wait for other pods of the agent"
    )
    hostile_handshakes: bool = Field(
        default=False, description="also test agents with a forged and a foreign certificate"
    )


class TLSPostureSource:
    """Tries ports; keeps no connection, but the TLS contexts and when each agent may be tried next."""

    def __init__(
        self,
        settings: TLSPostureSettings,
        source_context: SourceContext,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience: float = PATIENCE,
    ) -> None:
        """`sleep` lets so many seconds pass, between two attempts at an agent; `patience`: seconds for one attempt."""
        self._settings, self._names, self._patience = settings, source_context.names, patience
        self._clients = ClientCache(source_context.identity, source_context.date)
        self._turns, self._work_queue = Turns(source_context.now, sleep), WorkQueue()

    async def look(self, target: Target, _wants: Sequence[object]) -> Reading:
        """One round at one target."""
        place, clients = PortAddress.of(target.address or ""), self._clients.of(target)
        hostile = self._settings.hostile_handshakes
        try:
            addresses = await self._names.addresses(place.host)
        except OSError as error:
            fault, words = unconnected(error)
            return TLSPosture(
                fault=fault,
                error=f"{place.authority} {words}.",
                port=place.port,
                has_svid=clients.has_svid,
                hostile=hostile,
            )
        limits = RoundLimits(partial(self._turns.take, target.key), self._settings.timeout, self._patience)
        wire = Wire(place, addresses, limits, self._work_queue)
        return await Round(wire, clients, limits, tuple(_other_ports(target, place)), hostile=hostile).make()

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Forget the turns of agents that are gone."""
        self._turns.keep([target.key for target in targets])

    async def close(self) -> None:
        """Nothing is held between looks."""


def _other_ports(target: Target, place: PortAddress) -> Iterator[OtherPort]:
    """Those that the pod declares, and that of its OPA where others can reach it; each once."""
    metrics, opa = _port_at(target.metrics, place.host), _port_at(target.opa, place.host)
    found: dict[int, OtherPort] = {}
    for port in target.declared_ports:
        use = PortUse.METRICS if port.number == metrics else PortUse.PROBED if port.probed else PortUse.UNKNOWN
        found.setdefault(port.number, OtherPort(port.number, use, port.container))
    if opa is not None and opa != metrics and not is_loopback(place.host):
        container = found[opa].container if opa in found else ""
        found[opa] = OtherPort(opa, PortUse.OPA, container)
    found.pop(place.port, None)
    yield from found.values()


def _port_at(url: str | None, host: str) -> int | None:
    """The port of a URL in plaintext of this host; None of any other."""
    parts = urlsplit(url or "")
    if parts.scheme != "http" or parts.hostname != host.lower():
        return None
    return parts.port or 80


KIND = SourceKind(
    name="tls_posture",
    endpoint="address",
    settings=TLSPostureSettings,
    concurrency=512,  # a round waits for its turns most of the time
    open=TLSPostureSource,
)
