"""A connection that is lost while what came on it waits, and what goes wrong here, end one session and nothing else."""

import asyncio
import time
from collections.abc import Callable

import pytest
from OpenSSL import SSL

from probes.sources.tls.session import TLSSession
from probes.sources.tls.work_queue import TURN, WorkQueue
from watcher.demo.authority import Authority

NOW = float(int(time.time()))
SVID = Authority("example.org", NOW).issue("spiffe://example.org/a", not_before=NOW - 9, not_after=NOW + 9e4)


class Closed(asyncio.Transport):
    """A transport that raises once it is closed, as uvloop's does."""

    def __init__(self) -> None:
        super().__init__()
        self.closed, self.words = False, b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.closed:
            raise RuntimeError("unable to perform operation: the handler is closed")
        self.words += data

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


class Broken(Closed):
    """A transport of which nobody foresaw what it does, once the client hello is said."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.words:
            raise MemoryError("no room")
        super().write(data)


def busy() -> tuple[WorkQueue, Callable[[], None]]:
    """A queue of which this turn's time is spent, and what gives it a new one."""
    clock = [0.0]
    queue = WorkQueue(lambda: clock[0])

    def spend() -> None:
        clock[0] += 2 * TURN

    return queue, spend


def answer(words: bytes) -> bytes:
    """What a TLS server says first to this client hello; a client that takes it has something to answer."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate(SVID.chain[0])
    context.use_privatekey(SVID.key)
    server = SSL.Connection(context, None)
    server.set_accept_state()
    server.bio_write(words)
    with pytest.raises(SSL.WantReadError):
        server.do_handshake()
    return server.bio_read(1 << 16)


@pytest.mark.parametrize("is_told", [True, False], ids=["lost", "only closed yet"])
def test_what_came_before_a_connection_was_lost_is_heard_and_answered_by_nothing(is_told: bool) -> None:
    async def main() -> TLSSession:
        queue, spend = busy()
        session, transport = TLSSession(SSL.Context(SSL.TLS_METHOD), None, b"", 0, queue), Closed()
        session.connection_made(transport)
        queue.do(spend, lambda _: None)
        session.data_received(answer(transport.words))
        transport.closed = True
        if is_told:
            session.connection_lost(ConnectionResetError())
        await session.until(asyncio.get_running_loop().time() + (30 if is_told else 0))
        return session

    session = asyncio.run(main())
    assert (session.completed, session.certificate_seen, session.reset) == (True, True, is_told)


def test_work_that_raises_ends_its_own_session_and_is_told_to_who_waits_for_it() -> None:
    async def main() -> tuple[TLSSession, list[str]]:
        queue, spend = busy()
        session, done = TLSSession(SSL.Context(SSL.TLS_METHOD), None, b"", 0, queue), list[str]()
        transport = Broken()
        session.connection_made(transport)
        queue.do(spend, lambda _: None)
        session.data_received(answer(transport.words))
        queue.do(lambda: done.append("the next"), lambda _: None)
        with pytest.raises(MemoryError, match="no room"):
            await session.until(asyncio.get_running_loop().time() + 30)
        return session, done

    session, done = asyncio.run(main())
    assert (session.finished, done) == (True, ["the next"])
