"""A child process of the demo: spoken to on standard input, heard on standard output, a line at a time."""

import asyncio
from asyncio.subprocess import PIPE, Process
from typing import Self


class Child:
    """A process that ends when its standard input does."""

    def __init__(self, process: Process, stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader) -> None:
        self.process, self._stdin, self._stdout = process, stdin, stdout

    @classmethod
    async def start(cls, *command: str) -> Self:
        """Start it."""
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        if process.stdin is None or process.stdout is None:
            raise RuntimeError(f"{command[0]} was started without pipes")
        return cls(process, process.stdin, process.stdout)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    async def tell(self, line: str) -> None:
        """One line on its standard input."""
        self._stdin.write(line.encode() + b"\n")
        await self._stdin.drain()

    async def line(self) -> bytes:
        """The next line of its standard output; empty after its end."""
        return await self._stdout.readline()

    async def kill(self) -> None:
        """End it as a crash would."""
        if self.runs:
            self.process.kill()
            await self.process.wait()
