"""The HTTP transport against servers that answer, lie, hang and never end."""

import asyncio
import contextlib
import gc
import socket
import ssl
import time
import tracemalloc
from collections.abc import Awaitable, Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Fault
from probes.sources.http.client import HTTPSession, locate
from probes.sources.http.faults import OwnTroubleError, TLSFailedError, fault_of
from probes.sources.http.response import Response, ResponseReader, TooLargeError
from probes.sources.http.tls import TLS
from probes.sources.names import Names
from tests.servers import metrics_pages as pages
from tests.servers.metrics_pages import Script

CAP = 1 << 20


def exchange(script: Script, *, patience: float = 5) -> Response:
    async def main() -> Response:
        async with pages.serving(script) as url:
            return await get(url, patience=patience)

    return asyncio.run(main())


async def get(url: str, *, patience: float = 5) -> Response:
    async with HTTPSession(locate(url)[0], patience, CAP, names=Names()) as conversation:
        return await conversation.ask(b"GET", b"/metrics")


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\nX: y\r\n\r\n",
            b"hello",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more than announced", b"hello"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nContent-Encoding: identity\r\n\r\n", b""),
    ],
)
def test_a_body_is_read_however_its_end_is_told(raw: bytes, body: bytes) -> None:
    answer = exchange(pages.answering(raw))
    assert (answer.status, answer.body) == (200, body)


@given(st.binary(max_size=2000), st.lists(st.integers(1, 400), min_size=1, max_size=10))
def test_a_chunked_body_arrives_whole_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    chunks: list[bytes] = []
    at = 0
    while at < len(body):
        size = cuts[len(chunks) % len(cuts)]
        chunks.append(b"%x\r\n%b\r\n" % (len(body[at : at + size]), body[at : at + size]))
        at += size
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(chunks) + b"0\r\n\r\n"
    assert exchange(pages.answering(raw)).body == body


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    raw = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    answer = exchange(pages.answering(raw))
    assert (answer.status, answer.header(b"location")) == (302, "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: yyyyyyyy\r\n" * 10_000 + b"\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5_000,
        pages.zipped(b"0" * (16 << 20)),
        bytes(range(256)),
    ],
    ids=range(10),
)
def test_what_is_not_http_or_not_as_asked_is_malformed(raw: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError) as error:
        exchange(pages.answering(raw))
    assert fault_of(error.value) is None


@pytest.mark.parametrize(
    "script",
    [
        pages.endless,
        pages.answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (CAP + 1)),
        pages.answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * CAP),
        pages.answering(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * (CAP + 1)),
    ],
    ids=["endless", "announced", "tiny chunks", "one byte more"],
)
def test_an_answer_that_is_too_large_is_refused_while_it_arrives(script: Script) -> None:
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        exchange(script)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * CAP  # of which the server's own answer is up to six


def test_a_body_of_just_the_cap_is_read() -> None:
    assert len(exchange(pages.answering(pages.ok(b"x" * CAP))).body) == CAP


async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    linger = b"\x01\0\0\0\0\0\0\0"
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


BAD_ENDS = pytest.mark.parametrize(
    ("script", "fault"),
    [
        (pages.mute, Fault.STALLED),
        (pages.dripping, Fault.STALLED),
        (pages.hanging_up, Fault.RESET),
        (drop, Fault.RESET),
        (pages.answering(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), Fault.RESET),
        (pages.answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), Fault.RESET),
        (pages.answering(b"HTTP/1.1 200 O"), Fault.RESET),
    ],
    ids=["mute", "drip", "close", "rst", "short", "short chunks", "half a head"],
)


@BAD_ENDS
def test_a_connection_that_ends_badly_is_told_apart(script: Script, fault: Fault) -> None:
    began = time.monotonic()
    with pytest.raises(httpx.TransportError) as error:
        exchange(script, patience=0.3)
    assert fault_of(error.value) is fault
    assert time.monotonic() - began < 1


@BAD_ENDS
def test_a_connection_that_ends_badly_leaves_nothing_that_only_the_collector_could_free(
    script: Script, fault: Fault
) -> None:
    async def main() -> int:
        async with pages.serving(script) as url:
            before = _answerings()
            with contextlib.suppress(httpx.TransportError):
                await get(url, patience=0.2)
            await asyncio.sleep(0)
            return _answerings() - before

    gc.disable()
    try:
        assert asyncio.run(main()) == 0, fault
    finally:
        gc.enable()


def _answerings() -> int:
    return sum(isinstance(each, ResponseReader) for each in gc.get_objects())


def failure(ask: Callable[[], Awaitable[Response]]) -> httpx.TransportError:
    async def main() -> httpx.TransportError:
        with pytest.raises(httpx.TransportError) as error:
            await ask()
        return error.value

    return asyncio.run(main())


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_refused_connection_is_refused(host: str) -> None:
    error = failure(lambda: get(f"http://{host}:{closed_port()}"))
    assert fault_of(error) is Fault.REFUSED


def test_a_host_that_never_answers_the_connection_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        filler = socket.create_connection(server.getsockname())
        error = failure(lambda: get(f"http://127.0.0.1:{server.getsockname()[1]}", patience=0.3))
        filler.close()
    assert fault_of(error) is Fault.SILENT


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "metrics", "http://", "http://[::1", "http://127.0.0.1:x/"])
def test_an_address_that_is_none_is_our_own_trouble(url: str) -> None:
    with pytest.raises(OwnTroubleError):
        locate(url)


def test_https_without_anything_to_verify_with_is_never_asked_in_plain_text() -> None:
    async def main() -> None:
        async with pages.serving(pages.answering(pages.ok(b""))) as url:
            await get(url.replace("http:", "https:"))

    with pytest.raises(OwnTroubleError):
        asyncio.run(main())


def test_a_tls_server_that_stalls_in_the_handshake_has_stalled() -> None:
    async def main() -> None:
        async with pages.serving(pages.mute) as url:
            origin, path = locate(url.replace("http:", "https:"))
            async with HTTPSession(origin, 0.2, CAP, TLS(ssl.create_default_context()), names=Names()) as conversation:
                await conversation.ask(b"GET", path)

    with pytest.raises(httpx.ReadTimeout):
        asyncio.run(main())


def test_a_plain_server_behind_https_is_a_tls_failure() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def main() -> None:
        async with pages.serving(plain) as url:
            origin, path = locate(url.replace("http:", "https:"))
            async with HTTPSession(origin, 2, CAP, TLS(ssl.create_default_context()), names=Names()) as conversation:
                await conversation.ask(b"GET", path)

    with pytest.raises(TLSFailedError):
        asyncio.run(main())


def test_requests_of_one_conversation_share_a_connection() -> None:
    connections = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await pages.answering(*[pages.ok(b"%d" % n) for n in range(3)])(reader, writer)

    async def main() -> list[bytes]:
        async with (
            pages.serving(script) as url,
            HTTPSession(locate(url)[0], 5, CAP, names=Names()) as conversation,
        ):
            return [(await conversation.ask(b"POST", b"/", b"", b"x")).body for _ in range(3)]

    assert asyncio.run(main()) == [b"0", b"1", b"2"]
    assert len(connections) == 1


@pytest.mark.parametrize("pause", [0, 0.05])
def test_a_connection_that_the_server_closes_between_answers_is_made_anew(pause: float) -> None:
    async def main() -> list[bytes]:
        bodies = []
        async with (
            pages.serving(pages.answering(pages.ok(b"again"))) as url,
            HTTPSession(locate(url)[0], 5, CAP, names=Names()) as conversation,
        ):
            for _ in range(3):
                bodies.append((await conversation.ask(b"GET", b"/")).body)
                await asyncio.sleep(pause)
        return bodies

    assert asyncio.run(main()) == [b"again"] * 3


def test_the_deadline_is_for_all_requests_of_a_conversation() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.15)
            writer.write(pages.ok(b""))

    async def main() -> None:
        async with pages.serving(slow) as url, HTTPSession(locate(url)[0], 0.4, CAP, names=Names()) as conversation:
            for _ in range(4):
                await conversation.ask(b"GET", b"/")

    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        asyncio.run(main())
    assert time.monotonic() - began < 1


def test_the_request_on_the_wire_is_what_was_asked() -> None:
    seen = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(2))
        writer.write(pages.ok(b""))

    async def main() -> str:
        async with pages.serving(script) as url:
            origin, path = locate(url + "/v1/data?a=b%20c")
            async with HTTPSession(origin, 5, CAP, names=Names()) as conversation:
                await conversation.ask(b"POST", path, b"Content-Type: application/json\r\n", b"{}")
            return origin.authority.decode()

    authority = asyncio.run(main())
    assert seen == [
        f"POST /v1/data?a=b%20c HTTP/1.1\r\nHost: {authority}\r\nAccept-Encoding: identity\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".encode(),
    ]


def test_a_connection_that_ends_before_the_next_request_leaves_no_error_that_nobody_hears() -> None:
    unheard: list[object] = []

    async def main() -> Response:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: unheard.append(told))
        again = pages.answering(pages.ok(b"again"))
        async with pages.serving(again) as url, HTTPSession(locate(url)[0], 5, CAP, names=Names()) as conversation:
            await conversation.ask(b"GET", b"/")
            assert conversation._connection is not None
            assert conversation._connection.transport is not None
            conversation._connection.transport.close()
            return await conversation.ask(b"GET", b"/")

    assert asyncio.run(main()).body == b"again"
    gc.collect()
    assert unheard == []
