"""The transport to the API server: connections are kept, answers are read as HTTP/1.1 says, failures are httpx's."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from watcher.kube.transport import KeptConnections

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HANG, CUT = b"\0hang", b"\0cut"
Said = bytes | type[httpx.TransportError]


class Scripted:
    """Answers so, in turn, on whatever connection it is asked; ends with CUT: closes, HANG: says no more."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self.connections = 0
        self.asked: list[bytes] = []
        self._answers = list(answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.asked.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self._answers.pop(0)
                writer.write(answer.removesuffix(CUT).removesuffix(HANG))
                if answer.endswith(CUT):
                    break
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


async def ask(transport: KeptConnections, port: int, method: str, headers: dict[str, str]) -> Said:
    """What came of a request: the body, or the kind of error."""
    extensions = {"timeout": {"connect": 1.0, "read": 0.3}}
    request = httpx.Request(method, f"http://127.0.0.1:{port}/x?y=1", headers=headers, extensions=extensions)
    try:
        response = await transport.handle_async_request(request)
        try:
            return b"".join([piece async for piece in response.aiter_bytes()])
        finally:
            await response.aclose()
    except httpx.TransportError as error:
        return next(kind for kind in type(error).__mro__ if kind.__module__ == "httpx")


def talk(answers: Sequence[bytes], *methods: str, **headers: str) -> tuple[list[Said], Scripted]:
    """What came of one request after another to a server that answers so."""
    scripted = Scripted(answers)

    async def run() -> list[Said]:
        server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        transport = KeptConnections(None)
        try:
            said: list[Said] = []
            for method in methods:
                said.append(await ask(transport, port, method, headers))
                await asyncio.sleep(0.02)  # a server that closes is noticed by the next turn of the loop
            return said
        finally:
            await transport.aclose()
            server.close()

    return asyncio.run(run()), scripted


def test_a_connection_is_used_again() -> None:
    said, server = talk([FINE] * 3, "GET", "GET", "GET", Authorization="Bearer t")
    assert (said, server.connections) == ([b"ok"] * 3, 1)
    first = server.asked[0].split(b"\r\n")
    assert first[0] == b"GET /x?y=1 HTTP/1.1"
    assert b"authorization: Bearer t" in first
    assert any(line.startswith(b"host: 127.0.0.1:") for line in first)


def test_a_connection_that_the_server_closed_or_says_it_will_is_not_used_again() -> None:
    closing = FINE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    said, server = talk([FINE + CUT, closing, FINE], "GET", "GET", "GET")
    assert (said, server.connections) == ([b"ok"] * 3, 3)


@pytest.mark.parametrize(("method", "second"), [("GET", b"ok"), ("POST", httpx.RemoteProtocolError)])
def test_what_a_kept_connection_swallows_is_asked_again_only_if_nothing_can_be_done_twice(
    method: str, second: Said
) -> None:
    said, server = talk([FINE, CUT, FINE], method, method)
    assert said == [b"ok", second]
    assert server.connections == (2 if method == "GET" else 1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (CHUNKED + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", b"abc0123456789"),
        (CHUNKED + b"0\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + FINE, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil it ends" + CUT, b"until it ends"),
        (b"HTTP/1.1 200\r\ncontent-length:2\r\n\r\nok", b"ok"),
        (FINE[:-1] + CUT, httpx.RemoteProtocolError),
        (CHUNKED + b"5\r\nab" + CUT, httpx.RemoteProtocolError),
        (CHUNKED + b"5\r\nabcde" + CUT, httpx.RemoteProtocolError),
        (CHUNKED + b"2\r\nabcde\r\n", httpx.RemoteProtocolError),
        (CHUNKED + b"-5\r\nabcde\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 2**20 + b"\r\n\r\n", httpx.RemoteProtocolError),
        (HANG, httpx.ReadTimeout),
        (FINE[:-1] + HANG, httpx.ReadTimeout),
        (CHUNKED + b"5\r\nab" + HANG, httpx.ReadTimeout),
    ],
    ids=lambda context: repr(context)[:60],
)
def test_an_answer_is_read_to_its_end_or_told_to_be_none(answer: bytes, said: Said) -> None:
    found, server = talk([answer, FINE], "GET", "GET")
    assert found == [said, b"ok"]
    assert len(server.asked) == 2


def test_an_address_that_refuses_is_a_connect_error() -> None:
    async def run() -> Said:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        transport = KeptConnections(None)
        said = await ask(transport, port, "GET", {})
        await transport.aclose()
        return said

    assert asyncio.run(run()) is httpx.ConnectError


def test_a_line_break_in_a_header_never_reaches_the_wire() -> None:
    said, server = talk([FINE], "GET", Authorization="Bearer x\r\nImpersonate-User: admin")
    assert said == [httpx.RemoteProtocolError]
    assert not server.asked


def test_an_answer_that_is_not_read_to_its_end_takes_its_connection_with_it() -> None:
    scripted = Scripted([CHUNKED + b"1\r\na\r\n", FINE])

    async def run() -> Any:
        server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        transport = KeptConnections(None)
        response = await transport.handle_async_request(httpx.Request("GET", f"http://127.0.0.1:{port}/"))
        async for piece in response.aiter_bytes():
            assert piece == b"a"
            break
        await response.aclose()
        said = await ask(transport, port, "GET", {})
        await transport.aclose()
        server.close()
        return said

    assert (asyncio.run(run()), scripted.connections) == (b"ok", 2)
