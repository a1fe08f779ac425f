"""The policy of an OPA that cannot be asked, as one that listens on loopback only: by the ConfigMaps that it mounts.

1. Of an OPA that may fetch bundles nothing is known by them: its config, which must be among them, says whether.
2. One that changed after OPA started says nothing of what OPA has, unless OPA watches its files (`--watch`).
"""

from collections.abc import Iterable, Iterator
from math import inf

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from probes.readings.opa.policies import bundles_digest
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader
from watcher.checklist.live.kubernetes.configs.kept_config_map import KeptConfigMap
from watcher.checklist.manifests.surroundings import config_map_names
from watcher.discovery.pod.kept.template import KeptTemplate
from watcher.discovery.pods.scope import SeenPod

_NONE = Missing(UnknownReason.SOURCE_MISSING, "OPA's container mounts no ConfigMap with a policy.")

_FETCHED = Missing(
    UnknownReason.NO_DATA, "Its OPA cannot be asked, and has a config of its own, which may fetch policies."
)


def policies_in(pods: Iterable[SeenPod], reader: ConfigMapReader) -> frozenset[str] | Missing | None:
    """The digests of the policies that these pods' OPAs have; None where no pod has an OPA beside the agent."""
    began: dict[tuple[str, KeptTemplate], float] = {}  # of the oldest OPA of each template
    for each in pods:
        if each.kept is not None and each.kept.template.opa and each.kept.run.ends_since is None:
            of, own = (each.pod.namespace, each.kept.template), each.kept.run.container(each.kept.template.opa)
            since = own.running_since if own is not None else None
            began[of] = min(began.get(of, inf), inf if since is None else since)
    found = [_policy_of(namespace, template, reader, since) for (namespace, template), since in began.items()]
    lacking = next((each for each in found if isinstance(each, Missing)), None)
    if lacking is not None or not found:
        return lacking
    return frozenset(each for each in found if isinstance(each, str))


def _policy_of(namespace: str, template: KeptTemplate, reader: ConfigMapReader, since: float) -> str | Missing:
    """By ConfigMaps that have not changed `since`, Unix seconds.

    Of one ConfigMap its modules; of several, as of bundles, a line each: its name, and the digest of its modules.
    """
    held = [reader.of((namespace, name)) for name in dict.fromkeys(_mounted(template))]
    if missing := next((each for each in held if isinstance(each, Missing)), None):
        return missing
    maps = [each for each in held if isinstance(each, KeptConfigMap)]
    if template.policy_files.fetched or _may_fetch(template.policy_files.config, maps):
        return _FETCHED
    digests = {each.name: each.policy for each in maps if each.policy}
    changed = [each.name for each in maps if each.policy and (each.changed_at or 0.0) > since]
    if changed and not template.policy_files.watched:
        told = f"ConfigMap {changed[0]} changed after OPA started, which does not watch it: what it has is not known."
        return Missing(UnknownReason.NOT_LOADED, told[:200])
    if len(digests) == 1:
        return next(iter(digests.values()))
    return bundles_digest(digests) or _NONE


def _may_fetch(config: str, maps: Iterable[KeptConfigMap]) -> bool:
    """Whether OPA's config has it fetch policies, or is not among these."""
    said = [each.opa_configs[config] for each in maps if config in each.opa_configs]
    return bool(config) and (not said or any(said))


def _mounted(template: KeptTemplate) -> Iterator[str]:
    """The names of ConfigMaps that the OPA's container mounts."""
    read = template.read()
    own = next((each.body for each in read.containers() if each.name == template.opa), {})
    mounts, volumes = own.get("volumeMounts"), read.spec.get("volumes")
    names = {each.get("name") for each in mounts if isinstance(each, dict)} if isinstance(mounts, list) else set()
    for each in volumes if isinstance(volumes, list) else ():
        if isinstance(each, dict) and each.get("name") in names:
            yield from config_map_names(each)
