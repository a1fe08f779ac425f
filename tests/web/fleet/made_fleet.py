"""A fleet of the toy probe's targets, of which is said what a test wants, and the whole app that serves it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from probes.contract import Unknown, Verdict
from tests.engine.toy import FIRE, SMOKE, TOY, History, target
from watcher.changes.store import ChangeStore
from watcher.config.settings import load_settings
from watcher.discovery.pods.scope import SeenPod
from watcher.engine.board import TargetState
from watcher.engine.debounce import ProbeResult, share
from watcher.engine.engine import Engine
from watcher.runtime.clock import Clock
from watcher.web.server import make_app

NOW = 1_790_000_000.0
BURNS = FIRE.true("It burns.")
CALM = FIRE.false()
YOUNG = FIRE.unknown(Unknown.WARMING_UP, "Bad look 1 of 2 in a row: It burns.")
UNREAD = FIRE.unknown(Unknown.MALFORMED, "What was received cannot be read.")


def smoke(room: str = "hall", reason: str = "White") -> Verdict:
    """A warning about one room."""
    return SMOKE.true("It smokes.", reason, room)


@dataclass(frozen=True)
class NoPods:
    """Nothing was discovered: all targets are made here."""

    failure: str = ""
    unready: str = ""

    def seen_pods(self) -> Sequence[SeenPod]:
        """None."""
        return ()


def no_past(engine: Engine) -> ChangeStore:
    """A store in memory to which nothing was told."""
    return ChangeStore(engine.settings.changes, None, engine.own_metrics, engine.clock.wall)


Found = Verdict | tuple[Verdict, float]
"""A verdict, and for how many seconds it holds: 60 where nothing is said."""


class MadeFleet:
    """The app over a board on which each target `namespace/agent/pod` has these verdicts."""

    def __init__(self, directory: Path, targets: Mapping[str, Sequence[Found]], config: str = "{}") -> None:
        path = directory / "watcher.yaml"
        path.write_text(config)
        clock = Clock(lambda: NOW, lambda: 0.0)
        self.engine = Engine(load_settings(path, {}), [TOY], clock)
        self._given = dict(targets)
        self._put({})
        nobody = NoPods()
        self.app = make_app(self.engine, [], lambda: None, nobody, None, no_past(self.engine))

    def turn(self, name: str, *found: Found) -> None:
        """From now on a target has these verdicts."""
        _post(next(state for key, state in self.engine.board.states.items() if "/".join(key) == name), found)

    def describe(self, name: str, **parts: object) -> None:
        """Say more of a target, such as its `node`."""
        self._put({name: parts})

    def get(self, path: str, **headers: str) -> httpx.Response:
        """What the app answers."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://watcher") as client:
                return await client.get(path, headers={"Accept-Encoding": "identity", **headers})

        return asyncio.run(ask())

    def pods(self, query: str) -> list[str]:
        """The pods that the API lists."""
        return [each["pod"] for each in self.get(f"/api/v1/targets{query}").raise_for_status().json()["targets"]]

    def _put(self, described: Mapping[str, Mapping[str, object]]) -> None:
        board = self.engine.board
        known = {"/".join(key): state.target for key, state in board.states.items()}
        targets = []
        for name in self._given:
            namespace, agent, pod = name.split("/")
            made = known.get(name) or target(pod, agent, namespace)
            targets.append(replace(made, **described.get(name, {})))  # type: ignore[arg-type]  # parts by name
        asyncio.run(board.replace(targets, {}))
        for state, found in zip(board.states.values(), self._given.values(), strict=True):
            _post(state, found)


def _post(state: TargetState, found: Sequence[Found]) -> None:
    pairs = [each if isinstance(each, tuple) else (each, 60.0) for each in found]
    since = tuple(NOW - seconds for _, seconds in pairs)
    verdicts = share(tuple(verdict for verdict, _ in pairs))
    state.post((ProbeResult(NOW, verdicts, since, (), (), History()),))
