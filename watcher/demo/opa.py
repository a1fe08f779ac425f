"""Where the demo's agents ask for decisions: the real `opa` where one is installed, else a child that imitates it.

Run as a program, it is that child: it prints its port and takes policies on standard input, a line of JSON each.
"""

import asyncio
import json
import shutil
import socket
import sys
import threading
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
                answer = await client.put(where, content=_rego(agent, policy))
        answer.raise_for_status()


class ImitatedOPA:
    """A child that answers as OPA does, for machines without one."""

    def __init__(self, url: str, child: Child) -> None:
        self.url, self._child = url, child

    async def set(self, agent: str, policy: Policy) -> None:
        """Tell the child."""
        await self._child.tell(json.dumps([decision_path(agent), policy]))


def _rego(agent: str, policy: Policy) -> str:
    default = "true" if policy is Policy.ALLOWS_ALL else "false"
    same_domain = f'startswith(input.caller_spiffe_id, "spiffe://{TRUST_DOMAIN}/")'
    return f"package demo.{agent}\nimport rego.v1\ndefault allow := {default}\nallow if {same_domain}\n"


async def start_decisions() -> tuple[Decisions, Child]:
    """A decision point that answers, and the process that must be ended with it."""
    program = shutil.which("opa")
    if program is None:
        child = await Child.start(sys.executable, "-m", __name__)
        return ImitatedOPA(f"http://127.0.0.1:{int(await child.line())}", child), child
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = ("run", "--server", f"--addr={address}", "--log-level=error", "--disable-telemetry")
    child = await Child.start(program, *options)
    await _until_healthy(f"http://{address}/health", child)
    return RealOPA(f"http://{address}"), child


async def _until_healthy(url: str, child: Child) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=1.0) as client:
        while child.runs:
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    raise RuntimeError(f"opa ended at once with exit code {child.process.returncode}")


class _Answers(QuietHandler):
    policies: ClassVar[dict[str, Policy]] = {}

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        given = json.loads(self.rfile.read(length)).get("input", {})
        caller = str(given.get("caller_spiffe_id", ""))
        policy = self.policies.get(self.path.removeprefix("/v1/data/").split("?")[0], Policy.MISSING)
        sound = caller.startswith(f"spiffe://{TRUST_DOMAIN}/")
        document = {} if policy is Policy.MISSING else {"result": sound or policy is Policy.ALLOWS_ALL}
        self.answer(200, json.dumps(document).encode())

    def do_GET(self) -> None:
        self.answer(500, b'{"code": "internal_error", "message": "status plugin not enabled"}')


def main() -> None:
    """Answer until standard input ends."""
    server = QuietServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    for line in sys.stdin:
        path, policy = json.loads(line)
        _Answers.policies[path] = Policy(policy)


if __name__ == "__main__":
    main()
