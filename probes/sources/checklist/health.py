"""The source `health`: what an agent says of itself over mTLS, and what the probes of its kubelet are answered."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import httpx
from pydantic import Field

from probes.contract import Fault, Reading, Seconds, Source, SourceContext, SourceKind, SourceSettings, Target
from probes.contract.address import split_host_port
from probes.contract.text import cut
from probes.readings.health.answer import OK, HealthAnswer, KubeletAnswer, PathAnswer, Way
from probes.readings.health.card import AgentCard, read_card
from probes.readings.verify_error import VerifyCode
from probes.sources.checklist.kubelet import KubeletQuestions
from probes.sources.checklist.questions import MOST_BYTES, ask, ask_health, unanswered
from probes.sources.checklist.unverified import UnverifiedTLS
from probes.sources.cpu_budget import CPUBudget
from probes.sources.http.client import HTTPSession, Origin, locate
from probes.sources.http.credentials import Outbound, OutboundSettings
from probes.sources.http.faults import OwnTroubleError, TLSFailedError, fault_of
from probes.sources.http.response import TooLargeError
from probes.sources.http.tls import TLS, is_alert_on_certificate

HEALTH, READY, CARD = "/health", "/ready", "/.well-known/agent.json"
"""What is asked over mTLS: as the checklist writes them, and where the SDK and A2A have the agent's card."""

BETWEEN = 1.0
"""Seconds from one connection to an agent to the next."""

_BUDGET = 0.1  # seconds of CPU of one look
_UNREAD = (TooLargeError, httpx.RemoteProtocolError)


class HealthSettings(SourceSettings):
    """How often and how patiently agents are asked for their health."""

    interval: Seconds = Field(default=900.0, ge=60, le=86400, description="time between two probe attempts at a target")
    timeout: Seconds = Field(default=15.0, gt=0, description="deadline for the whole probe attempt, pauses included")


class HealthSource:
    """Looks at the health of agents; keeps no connection."""

    def __init__(
        self,
        settings: HealthSettings,
        source_context: SourceContext,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`sleep`: lets so many seconds pass, between two connections to an agent."""
        self._timeout, self._source_context, self._sleep = settings.timeout, source_context, sleep
        self._outbound = Outbound(OutboundSettings(client_certificate="svid"), source_context)
        self._unverified = UnverifiedTLS()

    async def look(self, target: Target, _wants: Sequence[object]) -> Reading:
        """One look: one connection over mTLS on the usual path, and one for each question of the kubelet."""
        try:
            identity, tls = self._source_context.identity.current, self._outbound.tls(target)
            look = _Look(target, self._timeout, self._source_context, self._pause)
        except OwnTroubleError as error:
            return HealthAnswer(fault=Fault.OURS, error=str(error))
        said = await look.over_mtls(tls)
        if said.way is Way.EXPIRED and said.health is None:
            said = await look.expired(self._unverified.with_svid(identity))
        if said.way is Way.NONE and said.fault not in (Fault.OURS, Fault.REFUSED, Fault.SILENT, Fault.UNRESOLVED):
            said = await look.plainly(said)
        kubelet = await look.as_kubelet(self._unverified.as_kubelet(), said) if said.fault is not Fault.OURS else ()
        return replace(said, kubelet=kubelet, cpu=look.budget.spent)

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Nothing is known of targets between looks."""

    async def close(self) -> None:
        """Nothing is held between looks."""

    async def _pause(self) -> None:
        await self._sleep(BETWEEN)


class _Look:
    """One look at one target, its parts one after another within one deadline."""

    def __init__(
        self, target: Target, timeout: float, source_context: SourceContext, pause: Callable[[], Awaitable[None]]
    ) -> None:
        self._target, self._names, self._pause, self._timeout = target, source_context.names, pause, timeout
        self._ends = asyncio.get_running_loop().time() + timeout
        self._origin, _ = locate(f"https://{target.address}")
        self.budget = CPUBudget(source_context.cpu_time, _BUDGET)

    async def over_mtls(self, tls: TLS) -> HealthAnswer:
        """Health, readiness and card with our SVID, as far as the agent's own certificate verifies."""
        return await self._paths(tls, Way.MTLS)

    async def expired(self, tls: TLS) -> HealthAnswer:
        """The same of an agent whose certificate has expired: it is a fault that it should tell of."""
        await self._pause()
        return await self._paths(tls, Way.EXPIRED)

    async def plainly(self, said: HealthAnswer) -> HealthAnswer:
        """Health in plaintext, where TLS was not spoken; what TLS told where that is no plaintext port either."""
        await self._pause()
        origin = self._origin._replace(secure=False)
        try:
            async with self._session(origin) as session:
                health = await ask_health(session, origin, HEALTH, self.budget)
        except httpx.TransportError:
            return said
        if health.status == 400:  # as ports of TLS answer
            return said
        error = f"{self._target.address} answers in plaintext, and speaks no TLS."
        return HealthAnswer(way=Way.PLAINTEXT, health=health, error=error)

    async def as_kubelet(self, tls: TLS, said: HealthAnswer) -> tuple[KubeletAnswer, ...]:
        """What the pod's own probes are answered, each question once."""
        host, port = split_host_port(self._target.address or "")
        questions = KubeletQuestions(host, tls, self._names, self.budget, self._pause)
        spoken = said.way in (Way.MTLS, Way.EXPIRED) and said.health is not None
        answers: dict[tuple[object, ...], KubeletAnswer] = {}
        for probe in self._target.kubelet_probes:
            if probe[1:] not in answers:
                await self._pause()
                same_port = spoken and probe.port == port
                answers[probe[1:]] = await questions.ask(probe, self._left(), same_port=same_port)
        return tuple(answers[probe[1:]]._replace(probe=probe) for probe in self._target.kubelet_probes)

    async def _paths(self, tls: TLS, way: Way) -> HealthAnswer:
        async with self._session(self._origin, tls) as session:
            try:
                health = await ask_health(session, self._origin, HEALTH, self.budget)
            except _UNREAD as error:
                unread = unanswered(HEALTH, error)
                return HealthAnswer(way=way, health=unread, error=unread.trouble)
            except httpx.TransportError as error:
                return _failed(error)
            if health.about_certificate:
                return HealthAnswer(way=Way.REFUSED, error=f"{self._target.address} refuses the watcher's certificate.")
            ready, card = await self._beside(session)
        return HealthAnswer(way=way, health=health, ready=ready, card=card, error=_trouble(health, self._target))

    async def _beside(self, session: HTTPSession) -> tuple[PathAnswer | None, AgentCard | None]:
        """Readiness and card: what cannot be had of them costs nothing else."""
        ready: PathAnswer | None = None
        try:
            ready = await ask_health(session, self._origin, READY, self.budget)
            answer, _ = await ask(session, self._origin, CARD)
            with self.budget:
                return ready, read_card(answer.body) if answer.status == 200 else None
        except httpx.TransportError as error:
            return ready or unanswered(READY, error), None

    def _session(self, origin: Origin, tls: TLS | None = None) -> HTTPSession:
        """For half of the time at most: a plaintext server may wait for the end of a line that TLS does not have."""
        seconds = min(self._left(), self._timeout / 2)
        return HTTPSession(
            origin, seconds, MOST_BYTES, tls, names=self._names, meter=self.budget, before_another=self._pause
        )

    def _left(self) -> float:
        return max(0.1, self._ends - asyncio.get_running_loop().time())


def _failed(error: httpx.TransportError) -> HealthAnswer:
    """What is known where nothing was answered over TLS."""
    match error:
        case TLSFailedError(__cause__=ssl.SSLCertVerificationError(verify_code=VerifyCode.EXPIRED)):
            way = Way.EXPIRED
        case TLSFailedError() if is_alert_on_certificate(error.__cause__):
            way = Way.REFUSED
        case TLSFailedError(__cause__=ssl.SSLCertVerificationError() | None):
            way = Way.UNVERIFIED
        case _:
            way = Way.NONE
    return HealthAnswer(way=way, fault=fault_of(error), error=cut(str(error)))


def _trouble(health: PathAnswer, target: Target) -> str:
    """What is wrong with an answer, a sentence: it is asked for again soon."""
    if health.status != OK:
        return f"{health.path} of {target.address} answers {health.status}."
    problem = health.document.problem if health.document else ""
    return f"The body of {health.path} of {target.address} is {problem}." if problem else ""


def _open(settings: HealthSettings, source_context: SourceContext) -> Source:
    return HealthSource(settings, source_context)


KIND = SourceKind(name="health", endpoint="address", settings=HealthSettings, concurrency=32, open=_open)
