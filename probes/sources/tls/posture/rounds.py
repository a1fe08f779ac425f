"""One round of attempts at one pod, in their order, and what came of them."""

from collections.abc import Sequence
from typing import NamedTuple

from probes.readings.handshake import Spoke
from probes.readings.tls_posture import (
    InClear,
    Outcome,
    PortTried,
    PortUse,
    Refusal,
    TLSPosture,
    Tried,
    shared,
    shared_ports,
)
from probes.sources.tls.posture.agent_port import AgentPort
from probes.sources.tls.posture.clear_ports import ask_in_clear
from probes.sources.tls.posture.clients import ANY_VERSION, TLS13, Client, Clients
from probes.sources.tls.posture.limits import EnoughError, RoundLimits
from probes.sources.tls.posture.wire import Wire

_SPEAKS = {InClear.HTTP: Spoke.PLAINTEXT_HTTP, InClear.OTHER: Spoke.OTHER, InClear.TLS: Spoke.TLS}
_MAY_BE_CLEAR = (PortUse.METRICS, PortUse.PROBED)
_IN_CLEAR = (Spoke.PLAINTEXT_HTTP, Spoke.OTHER)


class OtherPort(NamedTuple):
    """A port beside the agent's own."""

    number: int
    use: PortUse = PortUse.UNKNOWN
    container: str = ""


class Round:
    """What has been tried so far of one round."""

    def __init__(
        self, wire: Wire, clients: Clients, limits: RoundLimits, others: Sequence[OtherPort], *, hostile: bool
    ) -> None:
        """At the agent's own port and at others; `hostile`: also as clients that must be refused."""
        self._wire, self._clients, self._limits = wire, clients, limits
        self._others, self._hostile = others, hostile
        self._port = AgentPort(wire, clients)
        self._tried: dict[str, Tried] = {}
        self._weak: tuple[str, ...] = ()
        self._asked: dict[int, PortTried] = {}
        self._left_out = ""

    async def make(self) -> TLSPosture:
        """All attempts, as far as the limits allow."""
        try:
            await self._at_agent_port()
            for port in self._others:
                if port.use not in _MAY_BE_CLEAR:
                    await self._ask_in_clear(port)
        except EnoughError as enough:
            self._left_out = str(enough)
        return self._posture()

    async def _at_agent_port(self) -> None:
        if self._clients.has_svid:
            self._tried["own"] = await self._port.meet(Client.OWN, TLS13)
        else:
            self._tried["without"] = await self._port.meet(Client.NOBODY, ANY_VERSION)
        if self._port.spoke is not Spoke.TLS:
            await self._ask_agent_in_clear()
        if self._wire.connected and self._port.spoke not in _IN_CLEAR:
            await self._try_tls()

    async def _try_tls(self) -> None:
        known = Client.OWN if self._clients.has_svid else Client.NOBODY
        older = self._tried["tls12"] = await self._port.meet_older(known)
        # After a close that says nothing it must be seen that the server has not closed itself to everybody.
        if "without" not in self._tried or older.refusal is Refusal.CLOSED:
            self._tried["without"] = await self._port.meet(Client.NOBODY, ANY_VERSION)
        if self._wire.place.port not in self._asked:
            await self._ask_agent_in_clear()
        if older.protocol:
            self._weak, self._tried["weak_end"] = await self._port.weak_suites()
        if self._hostile and self._clients.has_svid:
            self._tried["foreign"] = await self._port.meet(Client.FOREIGN, ANY_VERSION)
            self._tried["forged"] = await self._port.meet(Client.FORGED, ANY_VERSION)

    async def _ask_agent_in_clear(self) -> None:
        spoke = self._port.spoke
        known = None if spoke is Spoke.NOTHING else spoke is Spoke.TLS
        said = await self._ask_in_clear(OtherPort(self._wire.place.port, PortUse.AGENT), speaks_tls=known)
        if spoke is Spoke.NOTHING:
            self._port.spoke = Spoke.TLS if said.completes_tls else _SPEAKS.get(said.answer, spoke)

    async def _ask_in_clear(self, port: OtherPort, *, speaks_tls: bool | None = None) -> PortTried:
        said = self._asked[port.number] = await ask_in_clear(self._wire, self._clients, *port, speaks_tls=speaks_tls)
        return said

    def _posture(self) -> TLSPosture:
        nobody = None if self._wire.connected else self._wire.unconnected
        return TLSPosture(
            fault=nobody.fault if nobody else None,
            error=f"{self._wire.place.authority} {nobody.words}." if nobody else self._incomplete(),
            cpu=self._limits.cpu,
            port=self._wire.place.port,
            spoke=self._port.spoke,
            has_svid=self._clients.has_svid,
            hostile=self._hostile,
            own=self._of("own"),
            tls12=self._of("tls12"),
            without=self._of("without"),
            foreign=self._of("foreign"),
            forged=self._of("forged"),
            weak=self._weak,
            weak_end=self._of("weak_end"),
            ports=shared_ports(tuple(self._ports())),
            left_out=self._left_out,
        )

    def _incomplete(self) -> str:
        """Why another round may tell more, a sentence; empty where all that was tried was answered or refused."""
        if self._left_out:
            return f"{self._wire.place.authority} was not tried in full. {self._left_out}"
        untold = (each for each in self._tried.values() if each.outcome in (Outcome.UNANSWERED, Outcome.OURS))
        how = next((each.how for each in untold), "") if self._port.spoke is Spoke.TLS else ""
        return f"{self._wire.place.authority} gave an attempt no answer that tells: {how}." if how else ""

    def _of(self, name: str) -> Tried | None:
        tried = self._tried.get(name)
        return shared(tried) if tried else None

    def _ports(self) -> Sequence[PortTried]:
        wanted = (OtherPort(self._wire.place.port, PortUse.AGENT), *self._others)
        return [self._asked.get(each.number) or PortTried(each.number, InClear.LEFT_OUT, *each[1:]) for each in wanted]
