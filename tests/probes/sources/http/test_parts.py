"""A long body is taken in parts: no more of it is received than somebody has taken."""

import asyncio
import gc
import ssl
import time
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from probes.sources.http.client import HTTPSession, locate
from probes.sources.http.response import Response
from probes.sources.http.tls import TLS
from probes.sources.names import Names
from tests.servers import metrics_pages as pages
from tests.servers.metrics_pages import Script
from watcher.demo.authority import Authority

BODY = b"".join(b"line %d of many\n" % number for number in range(200_000))
CAP = 8 << 20
AT_ONCE = 1 << 16
MOST_HELD = 1 << 20
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n" + BODY


async def _parts(session: HTTPSession, pause: float = 0.0) -> list[Response]:
    parts = [await session.ask(b"GET", b"/", at_once=AT_ONCE)]
    while not parts[-1].whole:
        await asyncio.sleep(pause)
        parts.append(await session.more())
    return parts


def _taken(script: Script, timeout: float = 10.0, pause: float = 0.0) -> list[Response]:
    async def main() -> list[Response]:
        async with (
            pages.serving(script) as url,
            HTTPSession(locate(url)[0], timeout, CAP, names=Names()) as session,
        ):
            return await _parts(session, pause)

    return asyncio.run(main())


@pytest.mark.parametrize("raw", [pages.ok(BODY), CHUNKED, UNTIL_CLOSE], ids=["length", "chunked", "until close"])
def test_all_parts_together_are_the_body(raw: bytes) -> None:
    parts = _taken(pages.answering(raw))
    assert b"".join(part.body for part in parts) == BODY
    assert {(part.status, part.headers) for part in parts} == {(200, parts[0].headers)}
    assert len(parts) > 5
    assert max(len(part.body) for part in parts) < MOST_HELD


def test_a_short_body_comes_as_a_whole() -> None:
    assert [(part.body, part.whole) for part in _taken(pages.answering(pages.ok(b"short")))] == [(b"short", True)]


def test_all_parts_come_through_tls_too(tmp_path: Path) -> None:
    authority, now = Authority("example.org", time.time()), time.time()
    svid = authority.issue("spiffe://example.org/agent/search", not_before=now - 10, not_after=now + 3600)
    svid.write(tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "svid.pem", tmp_path / "svid.key")
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted.check_hostname = False
    trusted.load_verify_locations(cadata=authority.certificate.public_bytes(Encoding.PEM).decode())

    async def main() -> bytes:
        async with (
            pages.serving(pages.answering(pages.ok(BODY)), served) as url,
            HTTPSession(locate(url)[0], 10.0, CAP, TLS(trusted), names=Names()) as session,
        ):
            return b"".join([part.body for part in await _parts(session)])

    assert asyncio.run(main()) == BODY


def test_what_is_not_taken_stays_with_the_server() -> None:
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.transport.set_write_buffer_limits(0)
        while True:
            writer.write(bytes(AT_ONCE))
            await writer.drain()
            sent += AT_ONCE

    async def main() -> tuple[int, int]:
        async with (
            pages.serving(script) as url,
            HTTPSession(locate(url)[0], 10.0, 1 << 40, names=Names()) as session,
        ):
            first = await session.ask(b"GET", b"/", at_once=AT_ONCE)
            await asyncio.sleep(0.3)
            second = await session.more()
            return len(first.body), len(second.body)

    assert max(asyncio.run(main())) < MOST_HELD
    assert sent < 64 << 20, "what the kernel buffers"


def test_the_time_between_parts_is_none_of_the_servers() -> None:
    assert len(_taken(pages.answering(pages.ok(BODY[: 5 * AT_ONCE])), timeout=0.5, pause=0.3)) > 2


def test_a_server_that_falls_silent_after_the_first_part_is_out_of_time() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + BODY[: 2 * AT_ONCE])
        await reader.read()

    with pytest.raises(httpx.ReadTimeout, match=r"accepted the connection, but gave no full answer in 0.3s"):
        _taken(script, timeout=0.3)


def test_a_server_that_goes_away_after_the_first_part_has_cut_the_connection() -> None:
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + BODY[: 2 * AT_ONCE]
    with pytest.raises(httpx.ReadError):
        _taken(pages.answering(short))


def test_an_answer_that_is_given_up_does_not_mix_with_the_next_one_and_leaves_nothing_behind() -> None:
    unheard: list[object] = []

    async def main() -> bytes:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: unheard.append(told))
        async with (
            pages.serving(pages.answering(pages.ok(BODY))) as url,
            HTTPSession(locate(url)[0], 10.0, CAP, names=Names()) as session,
        ):
            await session.ask(b"GET", b"/", at_once=AT_ONCE)
            return (await session.ask(b"GET", b"/")).body

    assert asyncio.run(main()) == BODY
    gc.collect()
    assert unheard == []


def test_a_connection_is_read_again_after_an_answer_whose_end_came_while_it_was_full() -> None:
    async def main() -> list[int]:
        async with (
            pages.serving(pages.answering(*[pages.ok(BODY[: AT_ONCE + 10])] * 3)) as url,
            HTTPSession(locate(url)[0], 2.0, CAP, names=Names()) as session,
        ):
            return [sum([len(part.body) for part in await _parts(session)]) for _ in range(3)]

    assert asyncio.run(main()) == [AT_ONCE + 10] * 3
