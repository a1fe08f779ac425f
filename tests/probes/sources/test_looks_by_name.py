"""What each source and its judge make of a name: one that is there, one that is not, and a resolver that hangs."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import uvloop

from probes import load_probes, load_sources
from probes.contract import EvaluationContext, Fault, OwnIdentity, Reading, SourceContext, Target, TargetKey, Verdict
from probes.sources.names import PATIENCE, Names
from tests.servers import metrics_pages as pages
from tests.servers.dns_server import FAILS, HANGS, HERE, NO_SUCH_NAME, Answer, DNSServer, Zone, run_dns

NOW = 1_800_000_000.0
SOURCES = {"handshake": ("svid", "AgentUnreachable"), "opa": ("opa", "OPAUnreachable")} | {
    "agent_metrics": ("telemetry", "MetricsUnavailable")
}


@dataclass(frozen=True)
class NoIdentity:
    current: OwnIdentity | None = None
    confirmed: bool = False


def target(host: str, port: int, pod: str = "search-0", **facts: Any) -> Target:
    url = f"http://{host}:{port}"
    return Target(key=TargetKey("prod", "search", pod), address=f"{host}:{port}", metrics=url, opa=url, **facts)


class Looks:
    """Looks of one source by the names of one server."""

    def __init__(self, kind: str, names: Names) -> None:
        self._kind = next(each for each in load_sources() if each.name == kind)
        probe, self._condition = SOURCES[kind]
        self._probe = next(each for each in load_probes() if each.name == probe)
        settings = self._kind.settings.model_validate({"timeout": "400ms"})
        self._limits = self._probe.limits()
        self._source = self._kind.open(settings, SourceContext(NoIdentity(), lambda: NOW, lambda: NOW, names))

    async def look(self, at: Target) -> Reading:
        return await self._source.look(at, self._probe.wants(self._limits))

    def judged(self, reading: Reading, at: Target, *, reached: bool = False) -> Verdict:
        context = EvaluationContext(
            target=at,
            limits=self._limits,
            now=NOW,
            date=NOW,
            interval=30.0,
            endpoint=self._kind.endpoint,
            reached=reached,
        )
        found = self._probe.judge(reading, self._probe.history(), context).verdicts
        return next(each for each in found if each.kind.name == self._condition)


def with_names(zone: Zone, then: Callable[[DNSServer, Names], Awaitable[None]]) -> None:
    async def main() -> None:
        async with run_dns(zone) as server:
            names = server.names()
            await then(server, names)
            await names.close()

    uvloop.run(main())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("answer", [NO_SUCH_NAME, Answer()], ids=["no such name", "no address"])
def test_a_name_that_is_denied_is_a_fact_and_a_reason_of_its_own(kind: str, answer: Answer) -> None:
    async def then(_: DNSServer, names: Names) -> None:
        looks, at = Looks(kind, names), target("gone.example", 8443)
        reading = await looks.look(at)
        verdict = looks.judged(reading, at)
        assert (reading.fault, reading.result) == (Fault.UNRESOLVED, "error")
        assert f"{verdict.status} {verdict.reason}" == "true NameNotResolved"
        assert verdict.text == (
            "gone.example:8443 was not asked: "
            "the resolver says that the name gone.example does not exist or has no address."
        )

    with_names({"gone.example": answer}, then)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_name_that_was_only_inferred_and_never_answered_may_be_wrong(kind: str) -> None:
    async def then(_: DNSServer, names: Names) -> None:
        looks = Looks(kind, names)
        at = target("gone.example", 8443, inferred=frozenset({"address", "metrics", "opa"}))
        reading = await looks.look(at)
        assert looks.judged(reading, at).reason == "NeverReached"
        assert looks.judged(reading, at, reached=True).reason == "NameNotResolved"

    with_names({}, then)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize(
    ("answer", "said"), [(HANGS, "does not answer"), (FAILS, "fails (DNS server returned general failure)")]
)
def test_a_resolver_that_says_nothing_is_our_own_trouble(kind: str, answer: Answer | None, said: str) -> None:
    async def then(_: DNSServer, names: Names) -> None:
        looks, at = Looks(kind, names), target("search.example", 8443)
        reading = await looks.look(at)
        verdict = looks.judged(reading, at, reached=True)
        assert reading.fault is Fault.OURS
        assert f"{verdict.status} {verdict.reason}" == "unknown WatcherImpaired"
        assert verdict.text == (
            f"search.example:8443 was not asked: the watcher's resolver {said} when it is asked for search.example."
        )

    with_names({"search.example": answer}, then)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_name_that_is_there_is_looked_at_and_a_closed_port_of_it_refuses(kind: str) -> None:
    async def then(_: DNSServer, names: Names) -> None:
        looks, at = Looks(kind, names), target("search.example", free_port())
        reading = await looks.look(at)
        assert looks.judged(reading, at).reason == "ConnectionRefused"

    with_names({"search.example": HERE}, then)


def test_what_a_slow_resolver_takes_is_not_of_the_time_of_the_look() -> None:
    async def then(server: DNSServer, names: Names) -> None:
        async with pages.serving(pages.answering(pages.ok(b"process_start_time_seconds 1\n"))) as url:
            at = target("search.example", int(url.rpartition(":")[2]))
            # Slower than the timeout of the look: it answers when it is asked again, a second later.
            asyncio.get_running_loop().call_later(0.6, server.zone.update, {"search.example": HERE})
            started = time.monotonic()
            reading = await Looks("agent_metrics", names).look(at)
            assert (reading.fault, reading.error) == (None, "")
            assert 0.4 < time.monotonic() - started < PATIENCE + 0.4

    with_names({"search.example": HANGS}, then)


@pytest.mark.parametrize("kind", ["agent_metrics", "handshake"])
def test_six_names_that_hang_do_not_hold_up_eleven_that_are_well(kind: str) -> None:
    zone: dict[str, Answer | None] = {f"dead{number}.example": HANGS for number in range(6)}
    zone |= {f"good{number}.example": HERE for number in range(11)}

    async def then(_: DNSServer, names: Names) -> None:
        async with pages.serving(pages.answering(pages.ok(b"process_start_time_seconds 1\n"))) as url:
            port, looks = int(url.rpartition(":")[2]), Looks(kind, names)
            dead = [asyncio.create_task(looks.look(target(f"dead{n}.example", port, f"dead-{n}"))) for n in range(6)]
            await asyncio.sleep(0)
            started = time.monotonic()
            good = await asyncio.gather(*(looks.look(target(f"good{n}.example", port, f"good-{n}")) for n in range(11)))
            assert time.monotonic() - started < 1.0
            assert {each.fault for each in good} == {None}
            assert {each.fault for each in await asyncio.gather(*dead)} == {Fault.OURS}

    with_names(zone, then)
