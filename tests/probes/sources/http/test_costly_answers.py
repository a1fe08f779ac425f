"""An HTTP answer made of very many small parts is given up, and none of it costs a long turn of the loop."""

import asyncio
import time

import httpx
import pytest

from probes.sources.http.response import ResponseReader, TooLargeError

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = 1 << 18  # what an event loop hands over at once
MOST = 0.05


def _fed(head: bytes, unit: bytes, size: int) -> tuple[BaseException | None, float]:
    """What the reader says to so many bytes of this, and the CPU of the worst piece."""

    async def main() -> tuple[BaseException | None, float]:
        reader, worst = ResponseReader(8 << 20), 0.0
        reader.feed(head)
        piece = unit * (PIECE // len(unit))
        for _ in range(size // len(piece)):
            before = time.thread_time()
            reader.feed(piece)
            worst = max(worst, time.thread_time() - before)
            if reader.done.done():
                return reader.done.exception(), worst
        return None, worst

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("head", "unit", "kind", "said"),
    [
        (CHUNKED, b"1\r\na\r\n", TooLargeError, "The answer comes in more than 100000 pieces."),
        (CHUNKED + b"1\r\na\r\n0\r\n", b"a:\r\n", httpx.RemoteProtocolError, "The answer has more than 1000 headers."),
        (b"HTTP/1.1 200 OK\r\n", b"a:\r\n", httpx.RemoteProtocolError, "The answer has more than 1000 headers."),
        (
            *(b"", b"HTTP/1.1 100 Continue\r\n\r\n", httpx.RemoteProtocolError),
            "The headers are longer than 65536 bytes.",
        ),
    ],
    ids=["chunks of a byte", "trailers", "headers", "informational answers"],
)
def test_very_many_small_parts_are_given_up(head: bytes, unit: bytes, kind: type[Exception], said: str) -> None:
    error, worst = _fed(head, unit, 8 << 20)
    assert isinstance(error, kind)
    assert str(error) == said
    assert worst < MOST


def test_a_page_of_eight_megabytes_in_small_chunks_is_read() -> None:
    error, _ = _fed(CHUNKED, b"64\r\n" + b"a" * 100 + b"\r\n", 7 << 20)
    assert error is None


def test_a_header_that_is_quoted_is_cut() -> None:
    error, _ = _fed(b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b"x" * 5000 + b"\r\n\r\n", b"a", PIECE)
    assert error is not None
    assert len(str(error)) < 300
