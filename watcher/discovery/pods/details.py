"""What else must be read of a pod: the ConfigMap of its agent and the Service of its workload, once for many pods."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from probes.sources.single_flight import SingleFlight
from watcher.discovery.identities.expected import SERVICE_ID
from watcher.discovery.pod.agent_config import MAX_BYTES, AgentConfig, read_config
from watcher.discovery.pod.pod import Pod
from watcher.discovery.pods.target import workload
from watcher.kube.access import Access
from watcher.kube.requests import try_object

MAX_OBJECT = 4 * 2**20
_ConfigKey = tuple[str, str, str]  # namespace, ConfigMap, key in it
_ServiceKey = tuple[str, str]  # namespace, name
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


class DetailReader:
    """Reads ConfigMaps and Services, a few at once."""

    KEEP = 20.0
    """Seconds: a rolling deploy of a hundred pods reads its ConfigMap once or twice."""

    def __init__(self, access: Access, now: Callable[[], float]) -> None:
        self._access = access
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._now = now
        self._configs: SingleFlight[_ConfigKey, AgentConfig | str] = SingleFlight()
        self._services: SingleFlight[_ServiceKey, tuple[str | None, str]] = SingleFlight()

    async def read(self, pod: Pod, *, services: bool, since: float = 0.0) -> Details:
        """All details of a pod. `services`: whether the Service's annotation matters at all.

        `since`: what was read before (steady seconds) may have changed meanwhile.
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
        self._configs.forget_older(self._now() - self.KEEP)
        self._services.forget_older(self._now() - self.KEEP)

    async def _config(self, pod: Pod, since: float) -> AgentConfig | str:
        if pod.config is None:
            return AgentConfig()
        key = (pod.namespace, *pod.config)
        now = self._now()
        newer_than = max(since, now - self.KEEP)
        found, _ = await self._configs.get([key], self._read_configs, now=now, newer_than=newer_than)
        return found[key]

    async def _read_configs(self, keys: Sequence[_ConfigKey]) -> Mapping[_ConfigKey, AgentConfig | str]:
        return {key: await self._read_config(*key) for key in keys}

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
        now = self._now()
        found, _ = await self._services.get([key], self._read_services, now=now, newer_than=now - self.KEEP)
        return found[key]

    async def _read_services(self, keys: Sequence[_ServiceKey]) -> Mapping[_ServiceKey, tuple[str | None, str]]:
        return {key: await self._read_service(*key) for key in keys}

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
