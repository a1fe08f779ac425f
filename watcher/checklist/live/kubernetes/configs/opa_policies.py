"""Which policies does an OPA have that cannot be asked? By the ConfigMaps that are mounted in its container.

1. They are those of the newest pod: all that its volumes name, also by `projected`.
2. The digest is of the files that they hold, in the order of their names, as of the policies that an OPA shows.
3. Of an OPA with a config of its own nothing is known: it may fetch bundles.
4. One that changed after OPA started says nothing of what OPA has, unless OPA watches its files (`--watch`).
"""

from collections.abc import Iterable, Iterator, Sequence

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Container, Missing
from probes.readings.opa_policies import digest_of_listing
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader
from watcher.checklist.live.kubernetes.configs.kept_config_map import KeptConfigMap
from watcher.checklist.live.kubernetes.objects.surroundings import Subject
from watcher.discovery.pods.scope import SeenPod

_NO_OPA = Missing(UnknownReason.SOURCE_MISSING, "No OPA stands beside it, and none can be asked for its policies.")
_NO_FILES = Missing(
    UnknownReason.SOURCE_MISSING, "Its OPA cannot be asked for its policies, and no ConfigMap is mounted in it."
)


_FETCHED = Missing(
    UnknownReason.NO_DATA, "Its OPA cannot be asked, and has a config of its own, which may fetch policies."
)


def policy_digest(subject: Subject, pods: Iterable[SeenPod], reader: ConfigMapReader) -> frozenset[str] | Missing:
    """The digest of the policies, or why it is not known."""
    newest = subject.newest.kept if subject.newest is not None else None
    if newest is None or isinstance(subject.template, Missing):
        return _NO_OPA
    template = subject.template.value
    opa = next((each for each in template.containers() if each.name == newest.template.opa), None)
    if opa is None:
        return _NO_OPA
    if newest.template.policy_files.fetched:
        return _FETCHED
    found = [reader.of((subject.ref.namespace, name)) for name in mounted(opa, template.spec.get("volumes"))]
    held = [each for each in found if isinstance(each, KeptConfigMap)]
    if len(held) < len(found):
        return next(each for each in found if isinstance(each, Missing))
    if not any(each.files for each in held):
        return _NO_FILES
    if not newest.template.policy_files.watched and (changed := _changed_since(held, pods)):
        told = f"ConfigMap {changed} changed after OPA started, which does not watch it: what it has is not known."
        return Missing(UnknownReason.NOT_LOADED, told[:200])
    lines = sorted((line for each in held for line in each.files.splitlines(keepends=True)), key=_name)
    return frozenset({digest_of_listing(b"".join(lines))})


def mounted(container: Container, volumes: object) -> list[str]:
    """The names of the ConfigMaps that are mounted in it, each once."""
    mounts = container.body.get("volumeMounts")
    wanted = {each.get("name") for each in mounts if isinstance(each, dict)} if isinstance(mounts, list) else set()
    given = [each for each in volumes if isinstance(each, dict)] if isinstance(volumes, list) else []
    return list(dict.fromkeys(name for each in given if each.get("name") in wanted for name in _names(each)))


def _names(volume: dict[str, object]) -> Iterator[str]:
    projected = volume.get("projected")
    sources = projected.get("sources") if isinstance(projected, dict) else None
    for each in (volume, *(sources if isinstance(sources, list) else ())):
        named = each.get("configMap") if isinstance(each, dict) else None
        name = (named.get("name") or named.get("configMapName")) if isinstance(named, dict) else None
        if isinstance(name, str):
            yield name


def _changed_since(held: Sequence[KeptConfigMap], pods: Iterable[SeenPod]) -> str:
    """The name of one that changed after the OPA of a pod that does not end started; empty where none did."""
    started = [began for each in pods if (began := _began(each)) is not None]
    oldest = min(started, default=0.0)
    return next((each.name for each in held if each.changed_at is not None and each.changed_at > oldest), "")


def _began(seen: SeenPod) -> float | None:
    """Unix seconds since which its OPA runs."""
    if seen.kept is None or seen.kept.run.ends_since is not None:
        return None
    opa = seen.kept.run.container(seen.kept.template.opa)
    return opa.running_since if opa is not None else None


def _name(line: bytes) -> bytes:
    return line.partition(b"  ")[2]
