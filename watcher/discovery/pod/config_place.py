"""Where is an agent's own config file: in which ConfigMap, or where else, out of our sight?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from probes.controls.judges.secret_texts.rules import secret_rule
from watcher.discovery.pod.environment import (
    LONGEST,
    Environment,
    Resolved,
    Values,
    names_in,
    read_environment,
)
from watcher.kube.objects import Raw

CONFIG_PATH = "AGENTWEAVE_CONFIG_PATH"
_NO_VARIABLES = Resolved({}, {})
_MOST_SOURCES = 1000  # with their items; of all volumes of a container


class ConfigRef(NamedTuple):
    """A key of a ConfigMap."""

    config_map: str
    key: str


@dataclass(frozen=True, slots=True)
class ConfigPlace:
    """Where the file comes from."""

    refs: tuple[ConfigRef, ...] = ()  # the last of these that is there is it
    why: str = ""  # where it is if none is: a part of a sentence


class Source(NamedTuple):
    """One source of a volume: its kind as the API calls it, its name, and the keys by their paths."""

    kind: str
    name: str
    items: tuple[tuple[str, str], ...]  # path and key; empty: every key by its own name


class Mount(NamedTuple):
    """A volume in the agent's container."""

    path: str
    sub_path: str
    is_expression: bool  # the sub path has variables
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class ConfigQuestion:
    """What must be read before the place is known: ConfigMaps that have environment variables."""

    environment: Environment
    mounts: tuple[Mount, ...]
    excess: str = ""  # why there may be more than these, a part of a sentence

    def answer(self, contents: Mapping[str, Values | str]) -> ConfigPlace | None:
        """By the contents of these ConfigMaps, a text why one cannot be read; None where no path is given."""
        variables = self.environment.resolve(contents)
        if why := variables.unknown.get(CONFIG_PATH):
            return ConfigPlace(why=why)
        path = variables.known.get(CONFIG_PATH)
        if path is None:
            return None
        return ConfigPlace(why=self.excess) if self.excess else _place(path, self.mounts, variables)


def config_of(container: Raw, spec: Raw) -> ConfigPlace | ConfigQuestion | None:
    """What the pod says of the place; None where it names neither a path nor a ConfigMap that may name one."""
    entries = [each for each in container.get("env") or () if each.get("name") == CONFIG_PATH]
    plain = str(entries[0].get("value") or "") if len(entries) == 1 else ""
    if plain and "$" not in plain and len(plain) <= LONGEST:  # nearly every pod
        above = [each for each in container.get("volumeMounts") or () if _is_under(plain, str(each["mountPath"]))]
        if not any(each.get("subPathExpr") for each in above):
            deepest = max(above, key=_depth, default=None)
            return _place(plain, () if deepest is None else (_mount(deepest, spec),), _NO_VARIABLES)
    mounts = tuple(_mount(each, spec) for each in container.get("volumeMounts") or ())
    wanted = {CONFIG_PATH} | {name for each in mounts if each.is_expression for name in names_in(each.sub_path)}
    environment = read_environment(container, wanted)
    question = ConfigQuestion(environment, mounts)
    if sum(1 + len(source.items) for each in mounts for source in each.sources) > _MOST_SOURCES:
        question = ConfigQuestion(
            environment, (), f"its volumes have more than {_MOST_SOURCES} files, which are not read"
        )
    if environment.config_maps:
        return question
    return ConfigPlace(why=environment.excess) if environment.excess else question.answer({})


def _depth(mount: Raw) -> int:
    return len(str(mount["mountPath"]))


def _place(path: str, mounts: tuple[Mount, ...], variables: Resolved) -> ConfigPlace:
    under = [each for each in mounts if _is_under(path, each.path)]
    if not under:
        return ConfigPlace(why=f"no volume is mounted at {_told(path)}, so it is a part of the image, or nowhere")
    mount = max(under, key=lambda each: len(each.path))
    sub_path, why = variables.expand(mount.sub_path) if mount.is_expression else (mount.sub_path, "")
    if why:
        return ConfigPlace(why=why)
    inside = path[len(mount.path.rstrip("/")) :].strip("/")
    wanted = "/".join(part for part in (sub_path.strip("/"), inside) if part)
    refs, others = list[ConfigRef](), list[str]()
    for source in mount.sources:
        items = dict(source.items)
        if source.kind == "configMap" and (wanted in items or (not items and "/" not in wanted)):
            refs.append(ConfigRef(source.name, items.get(wanted, wanted)))
        elif source.kind == "secret" and (wanted in items or not items):
            others.append(f"it is in the Secret {source.name}, which is never read")
        elif source.kind not in ("configMap", "secret", "serviceAccountToken"):
            others.append(f"it is in a volume of the kind {_told(source.kind)}, which cannot be read from outside")
    if refs or others:
        return _shared(tuple(refs), others[-1] if others else "")
    return ConfigPlace(why=f"the volume at {_told(mount.path)} has no file {_told(wanted)}")


def _told(path: str) -> str:
    """As a sentence can have it: what looks like a secret is not told, wherever somebody put it."""
    return "<secret>" if secret_rule(path) else path[:200]


@lru_cache(maxsize=4096)  # one object for all pods of a workload
def _shared(refs: tuple[ConfigRef, ...], why: str) -> ConfigPlace:
    return ConfigPlace(refs, why)


def _is_under(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _mount(raw: Raw, spec: Raw) -> Mount:
    expression, name = str(raw.get("subPathExpr") or ""), raw.get("name")
    volume: Raw = next((each for each in spec.get("volumes") or () if each.get("name") == name), {})
    sub_path = expression or str(raw.get("subPath") or "")
    return Mount(str(raw["mountPath"]), sub_path, bool(expression), tuple(_sources(volume)))


def _sources(volume: Raw) -> Iterator[Source]:
    for source in (volume.get("projected") or {}).get("sources") or (volume,):
        kind = next((each for each in source if each != "name"), "")
        of = source.get(kind) or {}
        name = str(of.get("name") or of.get("secretName") or "") if isinstance(of, dict) else ""
        items = of.get("items") or () if isinstance(of, dict) else ()
        yield Source(kind, name, tuple((str(one["path"]), str(one["key"])) for one in items))
