"""Asks an OPA for decisions exactly as the agents do, and now and then what it thinks of its bundles."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

import httpx
from pydantic import Field

from probes.contract import Fault, Seconds, Source, SourceContext, SourceKind, Target
from probes.contract.reading import HEAVY
from probes.readings.canary import REACHABILITY, Question, facts_of
from probes.readings.decision import Actual, CanaryAnswer, DecisionLogs, OPAReading, Reply, read_reply
from probes.readings.opa.policies import LoadedPolicies
from probes.readings.opa_status import StatusReport
from probes.sources.bundle_status import BundleReports
from probes.sources.cpu_budget import TLS_BUDGET, CPUBudget
from probes.sources.decision_logs import DecisionLogReports
from probes.sources.http.client import HTTPSession, Origin, locate
from probes.sources.http.credentials import Outbound, OutboundSettings
from probes.sources.http.faults import OwnTroubleError, fault_of
from probes.sources.http.redirect import redirect_of
from probes.sources.http.response import TooLargeError
from probes.sources.http.tls import TLS
from probes.sources.policy_reports import PolicyReports
from probes.sources.shared_opas import Server, SharedOPAs

_MAX_BYTES = 1 << 20  # for a status
_MAX_DECISION_BYTES = 1 << 16
_HEADERS = b"User-Agent: agentweave-watcher\r\nContent-Type: application/json\r\n"


class OPASettings(OutboundSettings):
    """How OPAs are asked."""

    timeout: Seconds = Field(
        default=2.0, gt=0, description="deadline for all questions of one probe attempt, without the DNS lookup"
    )


class _Place(NamedTuple):
    """Where an OPA is."""

    url: str
    origin: Origin
    base: bytes  # what stands before the paths of its API


class _Request(NamedTuple):
    """How a target's OPA is asked."""

    place: _Place
    path: bytes
    headers: bytes
    with_token: bool
    withheld: str  # why the token is not sent, a sentence; empty where it is, or there is none

    tls: TLS | None

    @property
    def server(self) -> Server:
        """Whom is asked, as whom, and who it must be: what is answered to others is no answer for this one."""
        return self.place.url, self.with_token, tuple(self.tls.expected) if self.tls else ()


class _Asked(NamedTuple):
    """What a target is asked, with the request's body; and the canaries that it cannot be asked."""

    questions: tuple[tuple[Question, bytes], ...]
    unasked: tuple[str, ...]


class OPASource:
    """Looks at OPAs."""

    def __init__(self, settings: OPASettings, source_context: SourceContext) -> None:
        self._timeout, self._names = settings.timeout, source_context.names
        self._outbound = Outbound(settings, source_context)
        self._cpu_time, self._tls_cpu = source_context.cpu_time, dict[Server, float]()
        self._reports = BundleReports(settings.interval, source_context)
        self._logs = DecisionLogReports(source_context)
        self._policies = PolicyReports(source_context)
        self._shared, self._for_checklist = SharedOPAs(settings.interval), source_context.for_checklist
        self._places: dict[str, _Place] = {}

    async def look(self, target: Target, wants: Sequence[object]) -> OPAReading:
        """One look: every canary that is meant for this target, on one connection."""
        asked = _asked(target, wants)
        bodies = list(dict.fromkeys(body for _, body in asked.questions))
        try:
            request = await self._request(target)
            replies, fresh = await self._replies(target, request, bodies)
        except OwnTroubleError as error:
            return _own_trouble(asked, error)
        answers = tuple(
            CanaryAnswer(question.canary, question.expected, replies[body], body in fresh)
            for question, body in asked.questions
        )
        server = request.server
        told = self._reports.newest(server), self._logs.newest(server), self._policies.newest(server)
        waited = sum([replies[body].waited for body in fresh])
        reading = _reading(answers, *told, asked.unasked, waited)
        cpu = self._reports.cpu(request.server) + self._tls_cpu.pop(request.server, 0.0)
        return replace(reading, cpu=cpu) if cpu > HEAVY else reading

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Forget the OPAs that are gone; learn which have several targets."""
        urls = {target.opa for target in targets if target.opa}
        self._shared.expect(targets)
        self._reports.keep(urls)
        self._logs.keep(urls)
        self._policies.keep(urls)
        self._tls_cpu = {server: cpu for server, cpu in self._tls_cpu.items() if server[0] in urls}
        self._places = {url: place for url, place in self._places.items() if url in urls}

    async def close(self) -> None:
        """End the questions that are under way."""
        await self._shared.close()

    def _place(self, url: str) -> _Place:
        found = self._places.get(url)
        if found is None:
            origin, path = locate(url)
            found = self._places[url] = _Place(url, origin, path.partition(b"?")[0].rstrip(b"/"))
        return found

    async def _request(self, target: Target) -> _Request:
        place = self._place(target.opa or "")
        if place.origin.secure:
            await self._outbound.prepare()
        token = self._outbound.authorization(target, place.origin)
        path, withheld = place.base + _path(target.decision_path), self._outbound.withheld(target, place.origin)
        tls = self._outbound.tls(target, secret=bool(token)) if place.origin.secure else None
        return _Request(place, path, _HEADERS + token, bool(token), withheld, tls)

    async def _replies(
        self, target: Target, request: _Request, bodies: Sequence[bytes]
    ) -> tuple[Mapping[bytes, Reply], Sequence[bytes]]:
        """The replies, and which of the bodies were sent for this look."""
        if not self._shared.has(request.place.url):
            return await self._ask(request, bodies), bodies
        where = (request.server, request.path)
        return await self._shared.ask(target.key, where, bodies, lambda due: self._ask(request, due))

    async def _ask(self, request: _Request, bodies: Sequence[bytes]) -> Mapping[bytes, Reply]:
        place = request.place
        budget = CPUBudget(self._cpu_time, TLS_BUDGET)
        limits = self._timeout, _MAX_BYTES
        async with HTTPSession(place.origin, *limits, request.tls, names=self._names, meter=budget) as session:
            try:
                return await self._answers(session, request, bodies)
            finally:
                if budget.spent:
                    self._tls_cpu[request.server] = budget.spent

    async def _answers(self, session: HTTPSession, request: _Request, bodies: Sequence[bytes]) -> Mapping[bytes, Reply]:
        replies: dict[bytes, Reply] = {}
        for body in bodies:
            reply, broken = await _decide(session, request, body)
            replies[body] = reply
            if broken:
                rest = f"Not asked after this: {reply.error}"
                unreachable = Reply(actual=Actual.UNREACHABLE, fault=reply.fault, error=rest)
                return dict.fromkeys(bodies, unreachable) | replies
        server, base, headers = request.server, request.place.base, request.headers
        await self._reports.refresh(server, session, base + b"/v1/status", headers)
        if self._for_checklist:
            await self._logs.refresh(server, session, base + b"/v1/config", headers)
            await self._policies.refresh(server, session, base + b"/v1/policies", headers)
        return replies


@lru_cache(maxsize=1024)
def _path(decision_path: str) -> bytes:
    return b"/v1/data/" + quote(decision_path.strip("/")).encode()


def _asked(target: Target, wants: Sequence[object]) -> _Asked:
    facts = facts_of(target)
    meant = [want for want in wants if isinstance(want, Question) and want.asked_of(target)]
    rendered = [(question, question.body(facts)) for question in meant]
    questions = tuple((question, body) for question, body in rendered if body is not None)
    unasked = tuple(question.canary for question, body in rendered if body is None)
    return _Asked(questions or ((REACHABILITY, REACHABILITY.template.encode()),), unasked)


async def _decide(session: HTTPSession, request: _Request, body: bytes) -> tuple[Reply, bool]:
    """The reply to one question, and whether the session broke over it."""
    started = time.perf_counter()  # uvloop's own clock moves in whole milliseconds, and not while we work
    waited = -session.waited
    try:
        answer = await session.ask(b"POST", request.path, request.headers, body)
    except OwnTroubleError:
        raise
    except (TooLargeError, httpx.RemoteProtocolError) as error:
        return Reply(actual=Actual.MALFORMED, seconds=time.perf_counter() - started, error=str(error)), True
    except httpx.TransportError as error:
        seconds = time.perf_counter() - started
        return Reply(actual=Actual.UNREACHABLE, seconds=seconds, fault=fault_of(error), error=str(error)), True
    waited += session.waited
    seconds = max(0.0, time.perf_counter() - started - waited)
    if len(answer.body) > _MAX_DECISION_BYTES:
        long = f"The answer is larger than {_MAX_DECISION_BYTES} bytes."
        return Reply(actual=Actual.MALFORMED, status=answer.status, seconds=seconds, error=long), False
    reply = read_reply(answer.status, answer.body, seconds, waited)
    leads = redirect_of(answer, request.place.origin, request.path)
    if leads is not None and leads.url:  # not followed: agents ask this URL, and their clients follow none
        reply = replace(reply, error=f"{reply.error} It points to {leads.url}.")
    if reply.unauthorized and request.withheld:
        reply = replace(reply, error=f"{reply.error} {request.withheld}")
    return reply, False


def _reading(
    answers: tuple[CanaryAnswer, ...],
    report: StatusReport | None,
    logs: DecisionLogs | None,
    policies: LoadedPolicies | None,
    unasked: tuple[str, ...],
    waited: float,
) -> OPAReading:
    error = next((answer.reply.error for answer in answers if answer.reply.error), "")
    silent = all(answer.actual is Actual.UNREACHABLE for answer in answers)
    fault = answers[0].reply.fault if silent else None
    return OPAReading(
        answers=answers,
        report=report,
        logs=logs,
        policies=policies,
        unasked=unasked,
        fault=fault,
        error=error,
        waited=waited,
    )


def _own_trouble(asked: _Asked, error: OwnTroubleError) -> OPAReading:
    reply = Reply(actual=Actual.UNREACHABLE, impaired=True, error=str(error))
    answers = tuple(CanaryAnswer(question.canary, question.expected, reply) for question, _ in asked.questions)
    return OPAReading(answers=answers, unasked=asked.unasked, fault=Fault.OURS, error=str(error))


def _open(settings: OPASettings, source_context: SourceContext) -> Source:
    return OPASource(settings, source_context)


KIND = SourceKind(name="opa", endpoint="opa", settings=OPASettings, concurrency=128, open=_open)
