"""The config of an agent that runs: where it is, what it holds, and whether its processes started with it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from probes.controls.catalogue.control import UnknownReason
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentConfigFile, Missing, Seen
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader, Name
from watcher.checklist.live.kubernetes.configs.kept_config_map import KeptConfig, KeptConfigMap
from watcher.discovery.pods.scope import SeenPod

Place = tuple[Name, str]
"""A ConfigMap and a key of it."""

_KUBELET = 120.0
"""Seconds until a kubelet has put a changed ConfigMap into the volumes of pods that are there already."""

MOST_CONFIGS = 10
"""Of one agent, configs that its pods have at the same time."""

_TOO_MANY = Missing(UnknownReason.UNPARSEABLE, f"Its pods have more than {MOST_CONFIGS} different configs.")
_NOWHERE = Missing(UnknownReason.SOURCE_MISSING, "It does not say where its config is.")


def places_of(seen: SeenPod) -> Sequence[Place] | Missing:
    """Where the config of this pod may be: the last of these that is there is it."""
    pod, at = seen.pod, seen.details.config.at if seen.details is not None else None
    if at is not None:
        return [((pod.namespace, at[0]), at[1])]
    if pod.place is None:
        return _NOWHERE if pod.question is None else _not_known(seen)
    if not pod.place.refs:
        return Missing(UnknownReason.SOURCE_MISSING, f"Its config cannot be read: {pod.place.why}."[:200])
    return [((pod.namespace, ref.config_map), ref.key) for ref in pod.place.refs]


def _not_known(seen: SeenPod) -> Missing:
    why = seen.details.config.unlearnt if seen.details is not None else ""
    return Missing(UnknownReason.SOURCE_MISSING, f"Where its config is is not known: {why or 'not read yet'}."[:200])


def config_of(places: Sequence[Place], reader: ConfigMapReader) -> tuple[KeptConfigMap, str, KeptConfig] | Missing:
    """The config at the last of these places that has one."""
    for name, key in reversed(places):
        found = reader.of(name)
        if isinstance(found, Missing):
            return found
        if key in found.configs:
            return found, key, found.configs[key]
    told = f"ConfigMap {places[-1][0][1]} has no text under {places[-1][1]}." if places else _NOWHERE.message
    return Missing(UnknownReason.SOURCE_MISSING, told[:200])


def places_of_all(pods: Iterable[SeenPod]) -> Sequence[Sequence[Place] | Missing]:
    """Where the configs of all pods that do not end may be, each once, MOST_CONFIGS at most and then why not all."""
    found: dict[tuple[int, object], SeenPod] = {}
    for seen in pods:
        if _counts(seen):
            at = seen.details.config.at if seen.details is not None else None
            found.setdefault((id(seen.pod.place), at), seen)  # what pods have in common is one object
            if len(found) > MOST_CONFIGS:
                return [*map(places_of, list(found.values())[:MOST_CONFIGS]), _TOO_MANY]
    return [places_of(each) for each in found.values()]


def evidence_of(
    places: Sequence[Place] | Missing,
    of_all: Sequence[Sequence[Place] | Missing],
    reader: ConfigMapReader,
    pods: Sequence[SeenPod],
    sdk_version: str,
) -> Seen[AgentConfigFile] | Missing:
    """Source `agent_config`: the config at these places; where one of all pods has another one, that is said."""
    found = places if isinstance(places, Missing) else config_of(places, reader)
    if isinstance(found, Missing):
        return found
    config_map, key, config = found
    digests = _digests(of_all, reader)
    of_some = isinstance(digests, Missing) or not digests <= {config.digest}
    loaded = in_place(config_map.changed_at, pods)
    if of_some and loaded:
        loaded = None if isinstance(digests, Missing) else False
    read = replace(config.read(sdk_version, in_place=loaded), of_some=of_some)
    return Seen(read, config_map.read_at, f"{config_map.ref}/{key[:100]}")


def digest_of(
    every: Sequence[Sequence[Place] | Missing], reader: ConfigMapReader
) -> tuple[Bind, frozenset[str] | Missing]:
    """What records of the config are bound to: the configs at all these places."""
    return Bind.CONFIG_DIGEST, _digests(every, reader)


def _digests(every: Iterable[Sequence[Place] | Missing], reader: ConfigMapReader) -> frozenset[str] | Missing:
    found: set[str] = set()
    for places in every:
        config = places if isinstance(places, Missing) else config_of(places, reader)
        if isinstance(config, Missing):
            return config
        found.add(config[2].digest)
    return frozenset(found)


def in_place(changed_at: float | None, pods: Sequence[SeenPod]) -> bool | None:
    """Whether each process of these pods started with what has been there since `changed_at` (Unix seconds, None: it
    is not known since when).

    True of an agent without pods: they are yet to start. None where it is not known.
    """
    every = {started_with(changed_at, seen) for seen in pods if _counts(seen)}
    return False if False in every else None if None in every else True


def _counts(seen: SeenPod) -> bool:
    return seen.kept is None or seen.kept.run.ends_since is None


def started_with(changed_at: float | None, seen: SeenPod) -> bool | None:
    """Whether the process of this pod has read what has been there since then (Unix seconds); None: not known."""
    if seen.kept is None or changed_at is None:
        return None
    run = seen.kept.run
    own = run.container(seen.kept.template.agent_container)
    if run.created_at >= changed_at:
        return True
    if own is None or own.running_since is None:
        return None
    if own.running_since < changed_at:
        return False
    return True if own.running_since >= changed_at + _KUBELET else None
