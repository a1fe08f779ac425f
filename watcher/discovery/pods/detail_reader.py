"""What else must be read of a pod: ConfigMaps of its agent and the Service of its workload, once for many pods."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from probes.sources.single_flight import SingleFlight
from watcher.discovery.identities.expected import SERVICE_ID
from watcher.discovery.pod.agent_config import MAX_BYTES, AgentConfig, read_config, unlearnt
from watcher.discovery.pod.config_place import ConfigPlace
from watcher.discovery.pod.environment import LONGEST, Values
from watcher.discovery.pod.pod import Pod
from watcher.discovery.pod.workload import workload
from watcher.discovery.pods.details import Details
from watcher.kube.access import Access
from watcher.kube.requests import try_object

MAX_OBJECT = 4 * 2**20
_Key = tuple[str, str, str]  # namespace, ConfigMap, key in it
_Name = tuple[str, str]  # namespace, name
_AT_ONCE = 16
_SECONDS = 3.0
_MOST_VALUES = 500
_REMEMBERED = 5000  # ConfigMaps; a deploy may make new names for all of them


@dataclass(frozen=True, slots=True)
class _Absent:
    """The ConfigMap was read and does not have it."""

    why: str


@dataclass(frozen=True, slots=True)
class _Failed:
    """It could not be read."""

    why: str
    is_missing: bool = False  # there is no such object
    is_final: bool = False  # another attempt will not tell more


class DetailReader:
    """Reads ConfigMaps and Services, a few at once."""

    KEEP = 20.0
    """Seconds: a rolling deploy of a hundred pods reads its ConfigMap once or twice."""

    def __init__(self, access: Access, now: Callable[[], float]) -> None:
        self._access = access
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._now = now
        self._configs: SingleFlight[_Key, AgentConfig | _Absent | _Failed] = SingleFlight()
        self._values: SingleFlight[_Name, Values | _Failed] = SingleFlight()
        self._services: SingleFlight[_Name, str | _Failed | None] = SingleFlight()
        self._names: dict[_Key, str | None] = {}  # agents, by ConfigMaps when they could be read, the newest last

    async def read(self, pod: Pod, *, services: bool, since: float = 0.0, kept: Details | None = None) -> Details:
        """All details of a pod. `services`: whether the Service's annotation matters at all.

        `since`: what was read before (steady seconds) may have changed meanwhile, or was no answer.
        `kept`: what was read of the same process, whose config is not read again: it read that when it started.
        """
        (config, is_agent), service = await asyncio.gather(
            self._config(pod, since) if kept is None else _as_it_is(kept),
            self._service(pod, since) if services else _nothing(),
        )
        if isinstance(service, _Failed):
            return Details(config, None, service.why, service_known=False, is_agent=is_agent)
        return Details(config, service, is_agent=is_agent)

    async def close(self) -> None:
        """Give up what is being read."""
        for flight in (self._configs, self._values, self._services):
            await flight.close()

    def forget_old(self) -> None:
        """Free memory of what nobody will ask for again."""
        for flight in (self._configs, self._values, self._services):
            flight.forget_older(self._now() - self.KEEP)
        for key in list(self._names)[:-_REMEMBERED]:
            del self._names[key]

    async def _config(self, pod: Pod, since: float) -> tuple[AgentConfig, bool | None]:
        """And whether the pod is an agent, where its variables had to be read to know that."""
        if pod.question is None:
            return await self._at(pod.namespace, pod.place, since), None
        contents, failures = dict[str, Values | str](), list[_Failed]()
        environment = pod.question.environment
        for name in environment.config_maps:
            found = await self._ask(self._values, (pod.namespace, name), self._read_values, since)
            if isinstance(found, _Failed) and found.is_missing and name in environment.optional:
                found = {}
            contents[name] = found.why if isinstance(found, _Failed) else found
            failures += [found] if isinstance(found, _Failed) else []
        place = pod.question.answer(contents)
        if environment.excess:
            failures.append(_Failed(environment.excess, is_final=True))
        if failures and (environment.excess or place is None or not place.refs):
            is_final = all(each.is_final for each in failures)
            return unlearnt(failures[0].why, is_final=is_final), None if place is None else True
        return await self._at(pod.namespace, place, since), place is not None

    async def _at(self, namespace: str, place: ConfigPlace | None, since: float) -> AgentConfig:
        if place is None:
            return AgentConfig(unlearnt="it does not say where its config is")
        absent = ""
        for ref in reversed(place.refs):  # the last source of a volume lies over those before it
            key = (namespace, *ref)
            found = await self._ask(self._configs, key, self._read_config, since)
            if isinstance(found, AgentConfig):
                self._names.pop(key, None)
                self._names[key] = found.name
                return found
            if isinstance(found, _Failed):
                name = self._names.get(key)  # all pods of a workload have one, whenever they came
                # A newer pod may have read another text than that of then: only the name is the workload's.
                return replace(unlearnt(found.why, is_final=False), name=name)
            absent = absent or found.why
        if place.why:  # no mistake of anybody's: it matters where a fact is missing
            return AgentConfig(unlearnt=f"its config cannot be read from outside: {place.why}")
        return unlearnt(absent)

    async def _ask(self, flight: SingleFlight[Any, Any], key: Any, read: Callable[..., Any], since: float) -> Any:
        async def read_all(keys: Sequence[Any]) -> Mapping[Any, Any]:
            return {each: await read(*each) for each in keys}

        now = self._now()
        found, _ = await flight.get([key], read_all, now=now, newer_than=max(since, now - self.KEEP))
        return found[key]

    async def _read_config(self, namespace: str, name: str, key: str) -> AgentConfig | _Absent | _Failed:
        found = await self._object(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        if isinstance(found, str):
            return _Failed(f"its ConfigMap {name} cannot be read: {found}")
        data = found.get("data")
        text = data.get(key) if isinstance(data, dict) else None
        if not isinstance(text, str):
            return _Absent(f"its ConfigMap {name} has no text under {key[:100]}")
        config = read_config(text) if len(text) > MAX_BYTES else await asyncio.to_thread(read_config, text)
        return replace(config, at=(name, key))

    async def _read_values(self, namespace: str, name: str) -> Values | _Failed:
        found = await self._object(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        if isinstance(found, str):
            return _Failed(f"its ConfigMap {name} cannot be read: {found}", found.startswith("404"))
        data = found.get("data")
        pairs = data if isinstance(data, dict) else {}
        if len(pairs) > _MOST_VALUES:
            return _Failed(f"its ConfigMap {name} has more than {_MOST_VALUES} keys, which are not read", is_final=True)
        return {key: value[: LONGEST + 1] for key, value in pairs.items() if isinstance(value, str)}

    async def _service(self, pod: Pod, since: float) -> str | _Failed | None:
        found: str | _Failed | None = await self._ask(
            self._services, (pod.namespace, workload(pod)), self._read_service, since
        )
        return found

    async def _read_service(self, namespace: str, name: str) -> str | _Failed | None:
        found = await self._object(f"/api/v1/namespaces/{namespace}/services/{name}")
        if isinstance(found, str):
            # Many workloads have no Service of their name; then nothing is expected, and nothing is wrong.
            return None if found.startswith("404") else _Failed(f"its Service {name} cannot be read: {found}")
        annotations = (found.get("metadata") or {}).get("annotations") or {}
        said = annotations.get(SERVICE_ID)
        return str(said)[:2048] if said else None

    async def _object(self, path: str) -> dict[str, Any] | str:
        async with self._free:
            return await try_object(self._access, path, _SECONDS, MAX_OBJECT)


async def _nothing() -> None:
    return None


async def _as_it_is(kept: Details) -> tuple[AgentConfig, bool | None]:
    return kept.config, kept.is_agent
