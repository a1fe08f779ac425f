"""Say some bytes at a port, and hear the first that come back."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from probes.contract import Fault
from probes.sources.names import connect


class Heard(NamedTuple):
    """What came back, and how it ended."""

    data: bytes
    fault: Fault | None  # STALLED or RESET; None where enough came, or the other side closed in an orderly way


async def say_and_hear(
    words: bytes,
    addresses: Sequence[str],
    port: int,
    until: float,
    is_enough: Callable[[bytes], bool],
    most: int,
) -> Heard:
    """What these words are answered with, by this time of the loop and of at most so many bytes.

    `is_enough` is asked of all that came, whenever more of it came. OSError (TimeoutError for silence) where there is
    no connection.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout_at(until):
        transport, answer = await connect(lambda: _Answer(words, is_enough, most), addresses, port, until)
    timer = loop.call_at(until, answer.end, Fault.STALLED)
    try:
        fault = await answer.done
        return Heard(answer.data, fault)
    finally:
        timer.cancel()
        transport.abort()


class _Answer(asyncio.Protocol):
    def __init__(self, words: bytes, is_enough: Callable[[bytes], bool], most: int) -> None:
        self.done: asyncio.Future[Fault | None] = asyncio.get_running_loop().create_future()
        self.data = b""
        self._words, self._is_enough, self._most = words, is_enough, most

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._words)

    def data_received(self, data: bytes) -> None:
        if self.done.done():
            return
        self.data += data[: self._most - len(self.data)]
        if len(self.data) >= self._most or self._is_enough(self.data):
            self.end(None)

    def connection_lost(self, error: Exception | None) -> None:
        self.end(Fault.RESET if error else None)

    def end(self, fault: Fault | None) -> None:
        """What has come is all."""
        if not self.done.done():
            self.done.set_result(fault)
