"""The ConfigMaps that agents' pods use, read one by one, again and again: nobody needs the right to list them."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import httpx

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, Missing
from watcher.checklist.live.kubernetes.configs.kept_config_map import KeptConfigMap, keep_config_map
from watcher.kube.access import Access
from watcher.kube.errors import AccessError, GoneError, RefusedError, in_words, is_denial
from watcher.kube.objects import MALFORMED_OBJECT
from watcher.kube.requests import get_object
from watcher.runtime.failures import FailuresLogger

Name = tuple[str, str]  # namespace and name
_AT_ONCE, _SECONDS, _MOST_BYTES = 4, 5.0, 4 * 2**20
_AGAIN = 15.0
"""Seconds until one is read again that could not be read, or that a process may have read anew; the next time that it
cannot twice as many, and so on, up to what is due for those that can."""

OLD = 900.0
"""Seconds since one was read, after which it proves nothing: the catalogue's own limit."""

_OF_OLD = 0.8
"""Of it: until then one is read again, also where many wait for their turn."""

_NOT_YET = Missing(UnknownReason.UNREACHABLE, "Its ConfigMaps have not been read yet.")
_FAILED = Missing(UnknownReason.EVALUATOR_ERROR, "The watcher failed to read a ConfigMap; its log says why.")
GONE = Missing(UnknownReason.SOURCE_MISSING, "A ConfigMap of its pods is not there.")


def reading_every(interval: float) -> float:
    """Seconds from one reading to the next where the config says this: never so many that what was read is too old."""
    return min(interval, OLD * _OF_OLD)


@dataclass(slots=True)
class _Wanted:
    """One that is wanted, by whom, and what was found."""

    keys: frozenset[str] = frozenset()  # that have agents' configs
    agents: set[AgentRef] = field(default_factory=set)
    found: KeptConfigMap | Missing = _NOT_YET
    due_at: float = 0.0  # steady seconds
    tried_at: float = 0.0  # steady seconds
    told: object = None  # what agents were judged by
    failures: int = 0  # attempts in a row without an answer
    trouble: UnknownReason | None = None  # why the newest attempt had none


class ConfigMapReader:
    """Those that somebody wants; `on_change` is given the agents of each that is another than before."""

    def __init__(
        self,
        access: Access,
        every: float,
        now: Callable[[], float],
        date_of: Callable[[float], float],
        on_change: Callable[[Collection[AgentRef]], None],
    ) -> None:
        """Each is read `every` so many seconds, and before it is too old.

        `now`: steady seconds, `date_of`: their Unix seconds.
        """
        self._access, self._now, self._date_of = access, now, date_of
        self.every = reading_every(every)
        self._on_change = on_change
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._wanted: dict[Name, _Wanted] = {}
        self._of_agent: dict[AgentRef, Mapping[Name, frozenset[str]]] = {}
        self._work, self._read_one = asyncio.Event(), asyncio.Event()

    def adopt(self, every: float) -> None:
        """Read each so often from now on."""
        self.every = reading_every(every)
        for wanted in self._wanted.values():
            wanted.due_at = min(wanted.due_at, self._now() + self.every)
        self._work.set()

    def want(self, agent: AgentRef, names: Mapping[Name, frozenset[str]], since: float) -> None:
        """This agent has these, with the keys of its config in each; `since` (Unix seconds): its newest process.

        A process reads its config when it starts, so what was read before that is read again. Kubernetes tells whole
        seconds: what was read within that second may have been read before it.
        """
        if self._of_agent.get(agent) != names:
            self.forget(agent)
            self._of_agent[agent] = dict(names)
            for name, keys in names.items():
                wanted = self._wanted.setdefault(name, _Wanted())
                wanted.agents.add(agent)
                if not keys <= wanted.keys:
                    wanted.keys |= keys
                    wanted.due_at = 0.0
        for name in names:
            wanted = self._wanted[name]
            if isinstance(wanted.found, KeptConfigMap) and wanted.found.read_at < since + 1:
                wanted.due_at = min(wanted.due_at, wanted.tried_at + _AGAIN)
        self._work.set()

    def forget(self, agent: AgentRef) -> None:
        """This agent has none any more."""
        for name in self._of_agent.pop(agent, {}):
            wanted = self._wanted[name]
            wanted.agents.discard(agent)
            if not wanted.agents:
                del self._wanted[name]

    def keep_only(self, agents: Collection[AgentRef]) -> None:
        """Forget all others."""
        for agent in self._of_agent.keys() - agents:
            self.forget(agent)

    def of(self, name: Name) -> KeptConfigMap | Missing:
        """What was read last, or why nothing was."""
        wanted = self._wanted.get(name)
        found = _NOT_YET if wanted is None else wanted.found
        if isinstance(found, KeptConfigMap) and self._date_of(self._now()) - found.read_at > OLD:
            return Missing(UnknownReason.STALE, f"ConfigMap {found.name} was read more than 15 min ago.")
        return found

    @property
    def denied(self) -> bool:
        """Whether some may not be read."""
        return any(each.trouble is UnknownReason.FORBIDDEN for each in self._wanted.values())

    async def tried(self) -> None:
        """Come back when each of them was read, or could not be."""
        while any(each.found is _NOT_YET for each in self._wanted.values()):
            await self._read_one.wait()
            self._read_one.clear()

    async def read_for_ever(self) -> None:
        """Read what is due, a few at a time."""
        while True:
            due = sorted(
                (each for each in self._wanted.items() if self._is_due(each[1])), key=lambda each: each[1].due_at
            )
            for begin in range(0, len(due), _AT_ONCE):
                await asyncio.gather(*(self._read(*each) for each in due[begin : begin + _AT_ONCE]))
            self._work.clear()
            try:
                async with asyncio.timeout(1.0):
                    await self._work.wait()
            except TimeoutError:
                continue

    def _is_due(self, wanted: _Wanted) -> bool:
        return wanted.due_at <= self._now()

    async def _read(self, name: Name, wanted: _Wanted) -> None:
        wanted.tried_at, keys = self._now(), wanted.keys
        found = await self._ask(name, wanted)
        if wanted.keys != keys:  # somebody wants more of it meanwhile, and it is due
            return
        self._schedule(name[0], wanted, found)
        before = wanted.found
        self._read_one.set()
        is_away = isinstance(found, Missing) and found.reason is UnknownReason.UNREACHABLE
        if not is_away or not isinstance(before, KeptConfigMap):  # else what was read stays, and grows old
            wanted.found = found
        if wanted.told != (told := _told(self.of(name))):
            wanted.told = told
            self._on_change(wanted.agents)

    def _schedule(self, namespace: str, wanted: _Wanted, found: KeptConfigMap | Missing) -> None:
        trouble = found.reason if isinstance(found, Missing) and found is not GONE else None
        before, wanted.trouble = wanted.trouble, trouble
        wanted.failures = 0 if trouble is None else wanted.failures + 1
        wait = _AGAIN * 2.0 ** min(wanted.failures - 1, 20)
        wanted.due_at = self._now() + (self.every if trouble is None else min(wait, max(self.every, _AGAIN)))
        if trouble is None and before is not None:
            self._hasten(namespace, before)

    def _hasten(self, namespace: str, trouble: UnknownReason) -> None:
        """One can be read again: so may those that could not be for the same reason."""
        for (other, _), each in self._wanted.items():
            if each.trouble is trouble and (other == namespace or trouble is UnknownReason.UNREACHABLE):
                each.due_at = min(each.due_at, each.tried_at + _AGAIN)
        self._work.set()

    async def _ask(self, name: Name, wanted: _Wanted) -> KeptConfigMap | Missing:
        namespace, of = name
        path = f"/api/v1/namespaces/{namespace}/configmaps/{of}"
        try:
            raw = await get_object(self._access, path, _SECONDS, _MOST_BYTES)
            return await asyncio.to_thread(keep_config_map, raw, wanted.keys, self._date_of(self._now()))
        except (RefusedError, GoneError, AccessError, httpx.HTTPError, OSError) as error:
            return self._refused(of, error)
        except (*MALFORMED_OBJECT, RecursionError):  # what they say may have a value of it
            return Missing(UnknownReason.UNPARSEABLE, f"ConfigMap {of} is not as Kubernetes has it, or too large.")
        except Exception:  # the boundary: what goes wrong with one costs no other its evidence
            self._logger.exception("config map not read", config_map=f"{namespace}/{of}")
            return _FAILED

    def _refused(self, of: str, error: Exception) -> Missing:
        if isinstance(error, RefusedError) and error.code == 404:
            return GONE
        if is_denial(error):
            return Missing(UnknownReason.FORBIDDEN, f"ConfigMap {of} may not be read.")
        return Missing(UnknownReason.UNREACHABLE, f"ConfigMap {of} cannot be read: {in_words(error)}"[:200])


def _told(found: KeptConfigMap | Missing) -> object:
    """What of it agents are judged by."""
    if isinstance(found, Missing):
        return found
    return found.packed, found.changed_at, found.configs, found.policy, found.opa_configs
