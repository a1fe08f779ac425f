"""The whole app over rollouts that were made by hand."""

import asyncio
from pathlib import Path

import httpx
from starlette.applications import Starlette

from tests.engine.toy import TOY
from tests.rollouts.made_rollouts import NOW, MadeView
from tests.web.fleet.made_fleet import NoPods, no_past
from watcher.config.settings import load_settings
from watcher.engine.engine import Engine
from watcher.metrics.own import Impairment
from watcher.rollouts.rollout import Rollout
from watcher.runtime.clock import Clock
from watcher.web.rollouts.gates import gate_routes
from watcher.web.server import make_app


class Served:
    """Both ports, in process."""

    def __init__(self, directory: Path, *found: Rollout) -> None:
        path = directory / "watcher.yaml"
        path.write_text("{}")
        self.engine = Engine(load_settings(path, {}), [TOY], Clock(lambda: NOW, lambda: 0.0))
        self.view = MadeView(*found)
        self.impaired = ""
        self.app = make_app(self.engine, [], lambda: None, NoPods(), None, no_past(self.engine), self.view)
        self.health = Starlette(routes=gate_routes(self.view, lambda: NOW, lambda: self.impaired, alone=True))

    def impair(self) -> None:
        """The watcher has a trouble of its own."""
        self.engine.own_metrics.impair(Impairment.DISCOVERY_STALE, hold=True)
        self.impaired = "DiscoveryStale"

    def ask(self, path: str, method: str = "GET", *, health: bool = False) -> httpx.Response:
        """What is answered at one of the ports."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.health if health else self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://watcher") as client:
                return await client.request(method, path)

        return asyncio.run(asked())
