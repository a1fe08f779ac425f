"""Looking names up, by a real server that denies, fails and hangs."""

import asyncio
import errno
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
import uvloop

from probes.sources import names as module
from probes.sources.names import NameNotResolvedError, Names, ResolverError, connect
from tests.servers.dns_server import FAILS, HANGS, HERE, NO_SUCH_NAME, Answer, DNSServer, Zone, run_dns


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ask(zone: Zone, then: Callable[[DNSServer, Names], Awaitable[None]], **more: object) -> None:
    async def main() -> None:
        async with run_dns(zone) as server:
            names = server.names(**more)
            await then(server, names)
            await names.close()

    uvloop.run(main())


def test_an_ip_address_is_handed_back_and_nobody_is_asked() -> None:
    async def then(server: DNSServer, names: Names) -> None:
        for address in ("10.0.0.7", "::1", "fd00::7"):
            assert list(await names.addresses(address)) == [address]
        assert not server.asked

    ask({}, then)


def test_a_name_has_the_addresses_that_the_server_says_and_the_hosts_file_is_read() -> None:
    async def then(_: DNSServer, names: Names) -> None:
        assert sorted(await names.addresses("two.example")) == ["127.0.0.1", "127.0.0.2"]
        assert "127.0.0.1" in await names.addresses("localhost")

    ask({"two.example": Answer(("127.0.0.1", "127.0.0.2"))}, then)


def test_search_domains_are_tried() -> None:
    async def then(_: DNSServer, names: Names) -> None:
        assert list(await names.addresses("opa.prod")) == ["127.0.0.1"]

    ask({"opa.prod.svc.cluster.local": HERE}, then, domains=["svc.cluster.local"])


@pytest.mark.parametrize("answer", [NO_SUCH_NAME, Answer()], ids=["no such name", "no address"])
def test_a_name_that_is_denied_is_not_resolved(answer: Answer) -> None:
    async def then(_: DNSServer, names: Names) -> None:
        with pytest.raises(NameNotResolvedError, match="does not exist or has no address"):
            await names.addresses("gone.example")

    ask({"gone.example": answer}, then)


@pytest.mark.parametrize(
    ("answer", "said"),
    [(FAILS, "fails (DNS server returned general failure)"), (Answer(code=5), "fails (DNS server refused query)")],
)
def test_a_resolver_that_fails_says_nothing_of_the_name(answer: Answer, said: str) -> None:
    async def then(_: DNSServer, names: Names) -> None:
        with pytest.raises(ResolverError) as error:
            await names.addresses("search.example")
        assert str(error.value) == f"the watcher's resolver {said} when it is asked for search.example"

    ask({"search.example": answer}, then)


def test_a_silent_resolver_is_waited_for_three_seconds_and_of_the_same_name_half_a_second_the_next_time() -> None:
    async def then(_: DNSServer, names: Names) -> None:
        for most in (module.PATIENCE + 0.5, module.PATIENCE_WHEN_SILENT + 0.5):
            started = time.monotonic()
            with pytest.raises(ResolverError, match="does not answer"):
                await names.addresses("search.example")
            assert time.monotonic() - started < most

    ask({"search.example": HANGS}, then, timeout=9.0)


def test_an_answer_is_kept_for_its_time_to_live() -> None:
    async def then(server: DNSServer, names: Names) -> None:
        for asked, wait in ((1, 0.0), (1, 1.2), (2, 0.0)):  # c-ares keeps answers too, by seconds that pass
            await names.addresses("short.example")
            assert server.asked["short.example"] == asked
            await asyncio.sleep(wait)

    ask({"short.example": Answer(("127.0.0.1",), ttl=1)}, then)


def test_a_denial_is_kept_for_a_second() -> None:
    clock = Clock()

    async def then(server: DNSServer, names: Names) -> None:
        async def asked_after(seconds: float, name: str) -> int:
            clock.now += seconds
            await asyncio.gather(names.addresses(name), return_exceptions=True)
            return server.asked[name]

        assert [await asked_after(step, "gone.example") for step in (0, 0.9, 0.2)] == [1, 1, 2]
        server.zone["gone.example"] = HERE
        clock.now += 2
        assert list(await names.addresses("gone.example")) == ["127.0.0.1"]

    ask({}, then, clock=clock)


def test_those_who_want_the_same_name_at_once_ask_once() -> None:
    async def then(server: DNSServer, names: Names) -> None:
        await asyncio.gather(*(names.addresses("search.example") for _ in range(50)))
        assert server.asked["search.example"] == 1

    ask({"search.example": HERE}, then)


def test_names_that_hang_take_no_place_from_those_that_are_well() -> None:
    dead = [f"dead-{number}.example" for number in range(400)]

    async def then(server: DNSServer, names: Names) -> None:
        for some in (dead[:150], dead[150:300], dead[300:301]):  # by then no look-up of the 300 is under way
            await asyncio.gather(*(names.addresses(name) for name in some), return_exceptions=True)
        looks = [asyncio.create_task(names.addresses(name)) for name in dead[:300]]
        await asyncio.sleep(0.05)
        started = time.monotonic()
        found = await asyncio.gather(*(names.addresses(f"good-{number}.example") for number in range(11)))
        assert time.monotonic() - started < 0.5
        assert {tuple(each) for each in found} == {("127.0.0.1",)}
        await asyncio.gather(*looks, return_exceptions=True)
        server.zone.update(dict.fromkeys(dead, HERE))

    ask(dict.fromkeys(dead, HANGS) | {f"good-{number}.example": HERE for number in range(11)}, then)


def test_what_is_kept_is_bounded_and_the_oldest_goes() -> None:
    async def then(server: DNSServer, names: Names) -> None:
        for number in (0, 1, 2, 3, 4, 4, 3, 2, 1):
            await asyncio.gather(names.addresses(f"n{number}.example"), return_exceptions=True)
        assert server.asked == {"n0.example": 1, "n1.example": 2, "n2.example": 1, "n3.example": 1, "n4.example": 1}

    ask({}, then, clock=Clock(), most_names=3)


def test_of_several_addresses_the_next_is_tried_and_a_silent_one_takes_its_share_only() -> None:
    async def main(addresses: Sequence[str], port: int) -> str:
        until = asyncio.get_running_loop().time() + 2
        transport, _ = await connect(asyncio.Protocol, addresses, port, until)
        transport.abort()
        return str(transport.get_extra_info("peername")[0])

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_server(("127.0.0.2", port), backlog=0) as silent:
            filler = socket.create_connection(silent.getsockname())
            assert uvloop.run(main(["127.0.0.3", "127.0.0.2", "127.0.0.1"], port)) == "127.0.0.1"
            filler.close()
    with socket.socket() as held:  # nobody else may listen there meanwhile
        held.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            asyncio.run(main(["127.0.0.1", "240.0.0.1"], held.getsockname()[1]))


class _NoDescriptorFor(asyncio.SelectorEventLoop):
    """A loop that has no descriptor for a connection to one address: that comes and goes within microseconds."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    async def create_connection(  # type: ignore[override]  # of its many places three are of interest
        self, protocol: Any, host: Any = None, port: Any = None, **given: Any
    ) -> Any:
        if host == self._address:
            raise OSError(errno.EMFILE, "Too many open files")
        return await super().create_connection(protocol, host, port, **given)


@pytest.mark.parametrize("missed", ["127.0.0.2", "127.0.0.3"])
def test_a_refusal_proves_nothing_where_the_watcher_could_not_try_every_address(missed: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # nobody else has its port
        port = server.getsockname()[1]
        scarce = asyncio.Runner(loop_factory=lambda: _NoDescriptorFor(missed))
        with scarce as runner, pytest.raises(OSError, match="Too many open files"):
            runner.run(_connect(["127.0.0.2", "127.0.0.3"], port))


async def _connect(addresses: Sequence[str], port: int) -> None:
    await connect(asyncio.Protocol, addresses, port, asyncio.get_running_loop().time() + 2)
