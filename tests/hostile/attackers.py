"""`python -m tests.hostile.attackers HOME`: every attack as a target; prints them as JSON, ends with its input."""

import asyncio
import json
import re
import ssl
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.hostile import metrics_attacks, opa_attacks, tls_records_attacks
from tests.servers.tls_servers import serve
from watcher.demo.authority import Authority

NAMESPACE = "evil"
TARGETS = 100
COSTLIEST = "a legal page of 8 MiB of backslashes"
"""What fills up the hundred."""

Visit = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]

_IN_PATH = re.compile(rb"[/? ]+")
METRICS = {"memory_limit": "512Mi", "cpu_limit": 2.0, "pool_capacity": 100}


class MetricsAttackers:
    """All metrics attacks behind one port, by the number in the path."""

    def __init__(self) -> None:
        self.attacks = list(metrics_attacks.attacks())

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while True:
            attack = self.attacks[_number(await reader.readuntil(b"\r\n\r\n"))]
            if isinstance(attack.answer, bytes):
                writer.write(attack.answer)
                await writer.drain()
            else:
                await attack.answer(writer)
            if attack.closes:
                return


class OPAAttackers:
    """All OPA attacks behind one port, by the number in the path."""

    def __init__(self) -> None:
        self.attacks = list(opa_attacks.attacks())

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        denied = opa_attacks.json_answer(opa_attacks.DENIED)
        unknown = opa_attacks.json_answer(b'{"code":"internal_error","message":"status plugin not enabled"}', 500)
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            attack = self.attacks[_number(head)]
            await reader.readexactly(_length(head))
            await asyncio.sleep(attack.pause)
            writer.write(attack.status or unknown if b"/v1/status" in head else attack.decision or denied)
            await writer.drain()
            if attack.closes:
                return


def _number(head: bytes) -> int:
    return int(_IN_PATH.split(head, 2)[1])


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)


async def listen(visit: Visit, tls: ssl.SSLContext | None = None) -> int:
    """Serve each connection so, from now on; the port."""

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await visit(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the watcher has heard enough, which is what is wanted of it
        finally:
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0, backlog=1000, ssl=tls)
    port: int = server.sockets[0].getsockname()[1]
    return port


def _target(kind: str, number: int, **parts: object) -> dict[str, object]:
    return {"namespace": NAMESPACE, "agent": f"{kind}-{number}", **parts}


async def _serve(home: Path) -> None:
    metrics, opa = MetricsAttackers(), OPAAttackers()
    at, ask = await listen(metrics.visit), await listen(opa.visit)
    authority = Authority("example.org", time.time())
    with ExitStack() as servers:
        talks = [servers.enter_context(serve(each.talk)) for each in tls_records_attacks.all_attacks(home, authority)]
        targets = [
            *(
                _target("metrics", n, metrics=f"http://127.0.0.1:{at}/{n}", **METRICS)
                for n in range(len(metrics.attacks))
            ),
            *(_target("opa", n, opa=f"http://127.0.0.1:{ask}/{n}") for n in range(len(opa.attacks))),
            *(
                _target("tls", n, address=address, spiffe_id="spiffe://example.org/agent/x")
                for n, address in enumerate(talks)
            ),
        ]
        costly = next(n for n, each in enumerate(metrics.attacks) if each.what == COSTLIEST)
        url = f"http://127.0.0.1:{at}/{costly}"
        targets += [_target("costly", n, metrics=url, **METRICS) for n in range(TARGETS - len(targets))]
        print(json.dumps(targets), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
