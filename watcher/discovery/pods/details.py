"""What else must be read of a pod: the ConfigMap of its agent and the Service of its workload, once for many pods."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from watcher.discovery.identities.expected import SERVICE_ID
from watcher.discovery.pod.agent_config import MAX_BYTES, AgentConfig, read_config
from watcher.discovery.pod.pod import Pod
from watcher.discovery.pods.target import workload
from watcher.kube.access import Access
from watcher.kube.requests import try_object

T = TypeVar("T")
MAX_OBJECT = 4 * 2**20
_AT_ONCE = 16
_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Details:
    """What was read; with problems where it could not be."""

    config: AgentConfig
    service_id: str | None
    complete: bool = True  # False: worth another attempt

    def over(self, before: "Details | None") -> "Details":
        """These, but where they could not be read the ones before, with the problems of these."""
        if self.complete or before is None:
            return self
        return replace(before, config=replace(before.config, problems=self.config.problems), complete=False)


class Shared(Generic[T]):
    """Answers that are asked for once in `keep` seconds, however many want them at once."""

    def __init__(self, keep: float, now: Callable[[], float]) -> None:
        self._keep, self._now = keep, now
        self._asked: dict[tuple[str, ...], tuple[float, asyncio.Task[T]]] = {}

    async def get(self, key: tuple[str, ...], ask: Callable[[], Coroutine[Any, Any, T]], since: float) -> T:
        """The answer that is kept if it was asked for after `since` (Unix seconds), or a new one."""
        at, task = self._asked.get(key, (0.0, None))
        fresh = 0 <= self._now() - at <= self._keep and at >= since  # a clock set back makes an answer of the future
        if task is None or not fresh or (task.done() and task.cancelled()):
            task = asyncio.create_task(ask())
            self._asked[key] = (self._now(), task)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Ask no more."""
        tasks = [task for _, task in self._asked.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def forget_old(self) -> None:
        """Let go of what would be asked for anew anyway."""
        oldest = self._now() - self._keep
        self._asked = {key: (at, task) for key, (at, task) in self._asked.items() if at >= oldest or not task.done()}


class DetailReader:
    """Reads ConfigMaps and Services, a few at once."""

    KEEP = 20.0
    """Seconds: a rolling deploy of a hundred pods reads its ConfigMap once or twice."""

    def __init__(self, access: Access, now: Callable[[], float]) -> None:
        self._access = access
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._configs: Shared[AgentConfig | str] = Shared(self.KEEP, now)
        self._services: Shared[tuple[str | None, str]] = Shared(self.KEEP, now)

    async def read(self, pod: Pod, *, services: bool, since: float = 0.0) -> Details:
        """All details of a pod. `services`: whether the Service's annotation matters at all.

        `since`: what was read before (Unix seconds) may have changed meanwhile.
        """
        config, (service_id, service_problem) = await asyncio.gather(
            self._config(pod, since), self._service(pod) if services else _nothing()
        )
        missing = tuple(filter(None, (config if isinstance(config, str) else "", service_problem)))
        known = AgentConfig() if isinstance(config, str) else config
        if not missing:
            return Details(known, service_id)
        return Details(replace(known, problems=(*known.problems, *missing)), service_id, complete=False)

    async def close(self) -> None:
        """Give up what is being read."""
        await self._configs.close()
        await self._services.close()

    def forget_old(self) -> None:
        """Free memory of what nobody will ask for again."""
        self._configs.forget_old()
        self._services.forget_old()

    async def _config(self, pod: Pod, since: float) -> AgentConfig | str:
        if pod.config is None:
            return AgentConfig()
        key = (pod.namespace, *pod.config)
        return await self._configs.get(key, lambda: self._read_config(*key), since)

    async def _read_config(self, namespace: str, name: str, key: str) -> AgentConfig | str:
        found = await self._object(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        if isinstance(found, str):
            return f"its ConfigMap {name} cannot be read: {found}"
        data = found.get("data")
        text = data.get(key) if isinstance(data, dict) else None
        if not isinstance(text, str):
            return AgentConfig(problems=(f"its ConfigMap {name} has no text under {key[:100]}",))
        if len(text) > MAX_BYTES:
            return read_config(text)
        return await asyncio.to_thread(read_config, text)

    async def _service(self, pod: Pod) -> tuple[str | None, str]:
        key = (pod.namespace, workload(pod))
        return await self._services.get(key, lambda: self._read_service(*key), 0.0)

    async def _read_service(self, namespace: str, name: str) -> tuple[str | None, str]:
        found = await self._object(f"/api/v1/namespaces/{namespace}/services/{name}")
        if isinstance(found, str):
            # Many workloads have no Service of their name; then nothing is expected, and nothing is wrong.
            return None, "" if found.startswith("404") else f"its Service {name} cannot be read: {found}"
        annotations = (found.get("metadata") or {}).get("annotations") or {}
        said = annotations.get(SERVICE_ID)
        return (str(said)[:2048] if said else None), ""

    async def _object(self, path: str) -> dict[str, Any] | str:
        async with self._free:
            return await try_object(self._access, path, _SECONDS, MAX_OBJECT)


async def _nothing() -> tuple[str | None, str]:
    return None, ""
