"""Where the demo's agents ask for decisions: the real `opa` where one is installed, else a child that imitates it.

Run as a program, it is that child: it prints its port and takes policies on standard input, a line of JSON each.
"""

import asyncio
import json
import shutil
import socket
import sys
import threading
from collections import deque
from enum import StrEnum
from typing import ClassVar, Protocol

import httpx

from watcher.demo.child import Child
from watcher.demo.http import QuietHandler, QuietServer

TRUST_DOMAIN = "demo.agentweave"


class Policy(StrEnum):
    """How the policy at a decision path is."""

    SOUND = "sound"
    ALLOWS_ALL = "allows all"
    MISSING = "missing"


class Decisions(Protocol):
    """A decision point for the whole fleet, a decision path an agent."""

    url: str

    async def set(self, agent: str, policy: Policy) -> None:
        """Change the policy of one agent."""


def decision_path(agent: str) -> str:
    """What the agent's decisions are called."""
    return f"demo/{agent}/allow"


class RealOPA:
    """Policies in Rego, put into a real server over its own API."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def set(self, agent: str, policy: Policy) -> None:
        """Put or delete the agent's module."""
        where = f"{self.url}/v1/policies/{agent}"
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
            if policy is Policy.MISSING:
                answer = await client.delete(where)
            else:
                answer = await client.put(where, content=rego(agent, policy))
        answer.raise_for_status()


class ImitatedOPA:
    """A child that answers as OPA does, for machines without one."""

    def __init__(self, url: str, child: Child) -> None:
        self.url, self._child = url, child

    async def set(self, agent: str, policy: Policy) -> None:
        """Tell the child."""
        await self._child.tell(json.dumps([agent, policy]))


class OwnOPA:
    """The imitation for one agent alone, at a port that stays; it may be started later, and again."""

    def __init__(self, agent: str) -> None:
        """Nobody answers yet."""
        self._agent, self.port = agent, _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._child: Child | None = None

    async def start(self, policy: Policy = Policy.SOUND) -> None:
        """Answer by this policy from now on."""
        self._child = await Child.start(sys.executable, "-m", __name__, str(self.port))
        await self._child.line()
        await self.set(self._agent, policy)

    async def set(self, agent: str, policy: Policy) -> None:
        """Tell the child, if it runs."""
        if self._child is not None and self._child.runs:
            await self._child.tell(json.dumps([agent, policy]))

    async def kill(self) -> None:
        """End it as a crash would."""
        if self._child is not None:
            await self._child.kill()


def rego(agent: str, policy: Policy = Policy.SOUND) -> str:
    """The module of one agent."""
    default = "true" if policy is Policy.ALLOWS_ALL else "false"
    same_domain = f'startswith(input.caller_spiffe_id, "spiffe://{TRUST_DOMAIN}/")'
    return f"package demo.{agent}\nimport rego.v1\ndefault allow := {default}\nallow if {same_domain}\n"


async def start_decisions() -> tuple[Decisions, Child]:
    """A decision point that answers, and the process that must be ended with it."""
    program = shutil.which("opa")
    if program is None:
        child = await Child.start(sys.executable, "-m", __name__)
        return ImitatedOPA(f"http://127.0.0.1:{int(await child.line())}", child), child
    address = f"127.0.0.1:{_free_port()}"
    options = ("run", "--server", f"--addr={address}", "--log-level=error", "--disable-telemetry")
    child = await Child.start(program, *options)
    await _until_healthy(f"http://{address}/health", child)
    return RealOPA(f"http://{address}"), child


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


async def _until_healthy(url: str, child: Child) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=1.0) as client:
        while child.runs:
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    raise RuntimeError(f"opa ended at once with exit code {child.process.returncode}")


_MOST_DECISIONS = 1000


class _Answers(QuietHandler):
    policies: ClassVar[dict[str, Policy]] = {}  # by agent
    decisions: ClassVar[deque[object]] = deque(maxlen=_MOST_DECISIONS)  # the log, of the newest

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        given = json.loads(self.rfile.read(length)).get("input", {})
        caller = str(given.get("caller_spiffe_id", ""))
        agent = self.path.removeprefix("/v1/data/demo/").partition("/")[0]
        policy = self.policies.get(agent, Policy.MISSING)
        sound = caller.startswith(f"spiffe://{TRUST_DOMAIN}/")
        document = {} if policy is Policy.MISSING else {"result": sound or policy is Policy.ALLOWS_ALL}
        self.decisions.append({"path": self.path, "input": given, **document})
        self.answer(200, json.dumps(document).encode())

    def do_GET(self) -> None:
        match self.path:
            case "/v1/policies":
                there = [each for each in self.policies.items() if each[1] is not Policy.MISSING]
                listed = [{"id": f"{agent}.rego", "raw": rego(agent, policy)} for agent, policy in there]
                self.answer(200, json.dumps({"result": listed}).encode())
            case "/v1/config":
                self.answer(200, b'{"result": {"decision_logs": {"plugin": "memory"}}}')
            case "/logs":
                self.answer(200, json.dumps({"result": list(self.decisions)}).encode())
            case _:
                self.answer(500, b'{"code": "internal_error", "message": "status plugin not enabled"}')


def main(port: str = "0") -> None:
    """Answer until standard input ends."""
    server = QuietServer(("127.0.0.1", int(port)), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    for line in sys.stdin:
        agent, policy = json.loads(line)
        _Answers.policies[agent] = Policy(policy)


if __name__ == "__main__":
    main(*sys.argv[1:])
