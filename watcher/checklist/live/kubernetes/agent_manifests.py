"""Evidence of agents outside of the cluster: manifests and configs in files that the config names.

What is kept of them is what is kept of objects of a cluster: no value, and stand-ins for what may be a secret.
"""

import asyncio
import io
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, AgentObjects, AgentRef, KubeObject, Listing, Missing, Seen
from watcher.checklist.agent_config import MAX_BYTES, read_agent_config
from watcher.checklist.live.accounts import Account, account_in
from watcher.checklist.live.kubernetes.configs.config_maps import reading_every
from watcher.checklist.live.kubernetes.configs.kept_config_map import without_secrets, without_values
from watcher.checklist.live.kubernetes.objects.kinds import meta_of
from watcher.checklist.live.provider import Sources
from watcher.checklist.manifests.documents import Budget
from watcher.checklist.manifests.gathering import Gathered, gather
from watcher.checklist.manifests.objects import ManifestsError, read_objects
from watcher.config.targets.static_target import AgentFiles
from watcher.discovery.pod.kept.template import keep_template
from watcher.kube.objects import MALFORMED_OBJECT
from watcher.runtime.failures import FailuresLogger

MOST_BYTES, MOST_VALUES = 4 * 2**20, 50_000
"""Of the manifests of one agent: half a second of reading, beside all else that runs."""

_OBJECT, _CONFIG = SourceName.KUBERNETES_OBJECT, SourceName.AGENT_CONFIG
_NOT_YET = Missing(UnknownReason.UNREACHABLE, "Its file has not been read yet.")
_FAILED = Missing(UnknownReason.EVALUATOR_ERROR, "The watcher failed to read its files; its log says why.")
_ODD = Missing(UnknownReason.UNPARSEABLE, "Its manifests are not as Kubernetes has them.")
Given = Seen[object] | Missing


class AgentManifests:
    """What the files of listed agents say."""

    def __init__(
        self,
        files: Mapping[tuple[str, str], AgentFiles],
        every: float,
        sdk_version: str,
        now: Callable[[], float],
    ) -> None:
        """They are read `every` so many seconds, and before they are too old; `now`: Unix seconds."""
        self._files = {AgentRef(*key): each for key, each in files.items()}
        self.every, self._sdk_version, self._now = reading_every(every), sdk_version, now
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._found: dict[AgentRef, dict[SourceName, Given]] = {}
        self._changed: set[AgentRef] = set()
        self._others = asyncio.Event()  # others are to be read

    def adopt(self, files: Mapping[tuple[str, str], AgentFiles], every: float) -> None:
        """Read these from now on, at once and `every` so many seconds; of another file nothing is known yet."""
        before, self._files = self._files, {AgentRef(*key): each for key, each in files.items()}
        others = {agent for agent in {*before, *self._files} if before.get(agent) != self._files.get(agent)}
        self._found = {agent: each for agent, each in self._found.items() if agent not in others}
        self._changed |= others
        self.every = reading_every(every)
        self._others.set()

    def __contains__(self, agent: object) -> bool:
        """Whether the config names files of this agent."""
        return agent in self._files

    def of(self, agent: AgentRef) -> Sources:
        """What its files say."""
        files = self._files[agent]
        return self._found.get(agent, dict.fromkeys(_wanted(files), _NOT_YET))

    def accounts(self) -> Iterator[Account]:
        """As whom these agents run, of all shards; uncertain where their manifests do not tell."""
        return (account_in(agent, self.of(agent).get(_OBJECT)) for agent in self._files)

    def take_changed(self) -> Collection[AgentRef]:
        """Whose files said something else since this was asked last."""
        changed, self._changed = self._changed, set()
        return changed

    async def read_for_ever(self) -> None:
        """Read them, for ever."""
        while True:
            self._others.clear()
            await self.read()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.every):
                    await self._others.wait()

    async def read(self) -> None:
        """Read them once."""
        for agent, files in list(self._files.items()):
            try:
                found = await asyncio.to_thread(self._read, agent, files)
            except Exception:  # the boundary: what goes wrong with one agent's files costs no other its evidence
                self._logger.exception("files of an agent not read", agent=str(agent))
                found = dict.fromkeys(_wanted(files), _FAILED)
            if self._files.get(agent) != files:  # the config says otherwise meanwhile
                continue
            before, self._found[agent] = self._found.get(agent, {}), found
            if {key: _told(each) for key, each in before.items()} != {key: _told(each) for key, each in found.items()}:
                self._changed.add(agent)

    def _read(self, agent: AgentRef, files: AgentFiles) -> dict[SourceName, Given]:
        found: dict[SourceName, Given] = {}
        if files.manifests is not None:
            found |= _of_manifests(files.manifests, agent, self._sdk_version, self._now())
        if files.agent_config is not None:
            found[_CONFIG] = _of_config(files.agent_config, agent, self._sdk_version, self._now())
        return found


def _wanted(files: AgentFiles) -> tuple[SourceName, ...]:
    return (_OBJECT, _CONFIG) if files.manifests is not None else (_CONFIG,)


def _told(found: Given) -> object:
    return found if isinstance(found, Missing) else found.value


def _of_manifests(path: Path, agent: AgentRef, sdk_version: str, now: float) -> dict[SourceName, Given]:
    try:
        objects = read_objects([path], io.BytesIO(), agent.namespace, Budget(MOST_BYTES, MOST_VALUES))
        agents = gather(objects, now, sdk_version, MOST_VALUES).agents
        named = agents.get(agent) or _unnamed(agents, agent)
        if len(named) != 1:
            has = f"{len(named)} workloads" if named else "no agent"
            told = f"{path.name} has {has} {agent.agent} of the namespace {agent.namespace}."
            return {_OBJECT: Missing(UnknownReason.SOURCE_MISSING, told[:200])}
        sources = named[0].evidence.sources
        return {_OBJECT: _objects(sources[_OBJECT]), _CONFIG: _config(sources[_CONFIG])}
    except ManifestsError as error:
        return {_OBJECT: Missing(UnknownReason.UNREACHABLE, str(error)[:200])}
    except MALFORMED_OBJECT:  # what it says may have a value of them
        return {_OBJECT: _ODD}


def _unnamed(agents: Mapping[AgentRef, list[Gathered]], agent: AgentRef) -> list[Gathered]:
    """The only agent that is there, where nothing but labels says how it is called."""
    if len(agents) != 1:
        return []
    [(ref, several)] = agents.items()
    said = [_said_name(each.evidence.sources[_CONFIG]) for each in several]
    return several if ref.namespace == agent.namespace and not any(said) else []


def _said_name(config: Given) -> str:
    """How a config calls its agent; empty where it does not, or by a variable."""
    if isinstance(config, Missing) or not isinstance(config.value, AgentConfigFile):
        return ""
    name = config.value.get("agent.name")
    return name if isinstance(name, str) and "$" not in name else ""


def _of_config(path: Path, agent: AgentRef, sdk_version: str, now: float) -> Given:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no path"
        return Missing(UnknownReason.UNREACHABLE, f"{path.name} cannot be read: {why}."[:200])
    found = Seen(read_agent_config(raw, sdk_version, in_place=None), now, path.name)
    if (name := _said_name(found)) and name != agent.agent:
        return Missing(
            UnknownReason.SOURCE_MISSING, f"{path.name} is the config of another agent than {agent.agent}."[:200]
        )
    return _config(found)


def _config(found: Given) -> Given:
    """Nobody knows whether the process started with it."""
    if isinstance(found, Missing) or not isinstance(found.value, AgentConfigFile):
        return found
    document: Any = without_secrets(found.value.document)
    return replace(found, value=replace(found.value, document=document, in_place=None))


def _objects(found: Given) -> Given:
    if isinstance(found, Missing) or not isinstance(found.value, AgentObjects):
        return found
    objects, template, workload = found.value, found.value.template, found.value.workload
    if isinstance(template, Seen):
        kept = keep_template(template.value.metadata, template.value.spec)
        template = replace(template, value=kept.read())
    if isinstance(workload, Seen):
        workload = replace(workload, value=_workload(workload.value))
    listings = {kind: _listing(kind, each) for kind, each in objects.listings.items()}
    return replace(found, value=AgentObjects(workload, template, listings))


def _workload(found: KubeObject) -> KubeObject:
    spec: Any = found.body.get("spec") or {}
    kept = {key: spec[key] for key in ("replicas", "revisionHistoryLimit") if key in spec}
    return KubeObject(
        found.kind, found.namespace, found.name, {"metadata": meta_of(found.body), "spec": kept}, found.ref, found.line
    )


def _listing(kind: str, found: Seen[Listing] | Missing) -> Seen[Listing] | Missing:
    if isinstance(found, Missing):
        return found
    plain = tuple(
        KubeObject(
            each.kind,
            each.namespace,
            each.name,
            without_values(each.body) if kind == "ConfigMap" else each.body,
            each.ref,
            each.line,
        )
        for each in found.value.objects
    )
    return replace(found, value=Listing(plain, found.value.lacks))
