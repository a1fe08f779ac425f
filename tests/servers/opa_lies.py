"""What stands where an OPA should: answers that no OPA gives, too late, too long, cut off or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Question:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def input(self) -> object:
        """What a decision was to be made of."""
        return json.loads(self.body)["input"]


@dataclass
class Liar:
    """A server at `url`; what it was asked, and over how many connections."""

    url: str = ""
    connections: int = 0
    questions: list[Question] = field(default_factory=list)

    @property
    def decisions(self) -> list[Question]:
        """Those for a decision."""
        return [each for each in self.questions if each.method == "POST"]

    def asked_for(self, path: str) -> int:
        """How often something else was asked for, such as `/v1/status`."""
        return sum(each.path.endswith(path) for each in self.questions)


Lie = Callable[[Question, asyncio.StreamWriter], Awaitable[None]]


def says(status: int, body: bytes, headers: str = "") -> Lie:
    """This answer to every question, on a connection that is kept."""

    async def answer(_: Question, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} Said\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return answer


def says_then_closes(status: int, body: bytes) -> Lie:
    """This answer, each on a connection of its own."""
    told = says(status, body, "Connection: close\r\n")

    async def answer(question: Question, writer: asyncio.StreamWriter) -> None:
        await told(question, writer)
        writer.close()

    return answer


def writes(raw: bytes) -> Lie:
    """These bytes, and the end of the connection."""

    async def answer(_: Question, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    return answer


def drips(head: bytes, every: float) -> Lie:
    """The bytes one by one."""

    async def answer(_: Question, writer: asyncio.StreamWriter) -> None:
        for byte in head:
            writer.write(bytes([byte]))
            await asyncio.sleep(every)

    return answer


async def hangs(_: Question, __: asyncio.StreamWriter) -> None:
    """Nothing, for as long as the other side waits."""
    await asyncio.Event().wait()


async def cuts(_: Question, writer: asyncio.StreamWriter) -> None:
    """A reset instead of an answer."""
    writer.transport.abort()


@asynccontextmanager
async def run_liar(lie: Lie) -> AsyncIterator[Liar]:
    """A server on loopback that answers every question by `lie`."""
    liar = Liar()
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        liar.connections += 1
        try:
            while not writer.is_closing():
                question = await _read(reader)
                liar.questions.append(question)
                await lie(question, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side has hung up
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(talk(reader, writer))
        talks.add(task)
        task.add_done_callback(talks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    liar.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield liar
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Question:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Question(method, path, headers, body)
