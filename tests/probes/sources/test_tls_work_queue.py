"""What came for TLS sessions is worked off, whatever becomes of one of them."""

import asyncio
import socket
from functools import partial
from itertools import count

import uvloop

from probes.contract import Target, TargetKey
from probes.sources.tls.contexts import TrustCache
from probes.sources.tls.session import TLSSession
from probes.sources.tls.work_queue import WorkQueue
from tests.probes.sources.test_costly_tls import Provider

NO_TLS = b"\x16\x03\x03\x00\x04\xff\x00\x00\x00"
"""A record of a handshake that says nothing that there is: OpenSSL answers with an alert."""


def slow_queue() -> WorkQueue:
    """One by whose clock each piece of work fills a turn."""
    seconds = count()
    return WorkQueue(lambda: float(next(seconds)))


def nothing(_: float = 0.0) -> None: ...


def test_work_that_raises_stops_no_other() -> None:
    done: list[str] = []

    async def work() -> None:
        loop, queue, raised = asyncio.get_running_loop(), slow_queue(), list[object]()
        loop.set_exception_handler(lambda _, told: raised.append(told["exception"]))
        queue.do(nothing, nothing)
        queue.do(partial(done.remove, "none"), nothing)
        for name in ("second", "third"):
            queue.do(partial(done.append, name), nothing)
        for _ in range(10):
            await asyncio.sleep(0)
        assert [type(each) for each in raised] == [ValueError]

    asyncio.run(work())
    assert done == ["second", "third"]


def test_a_server_that_left_before_its_last_words_were_worked_off_is_answered_nothing() -> None:
    async def met() -> tuple[list[object], TLSSession]:
        loop, queue, raised = asyncio.get_running_loop(), slow_queue(), list[object]()
        loop.set_exception_handler(lambda _, told: raised.append(told["exception"]))
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            trust = TrustCache(Provider()).of(Target(key=TargetKey("a", "b", "c"), address=f"127.0.0.1:{port}"))
            session = TLSSession(trust.first, None, b"", 0, queue)
            transport, _ = await loop.create_connection(lambda: session, "127.0.0.1", port)
            for _ in range(5):  # one a turn
                queue.do(nothing, nothing)
            session.data_received(NO_TLS)
            transport.abort()
            await session.until(loop.time() + 5)
        return raised, session

    raised, session = uvloop.run(met())
    assert raised == []
    assert session.error
