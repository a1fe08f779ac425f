"""The policy of an OPA that cannot be asked, as one that listens on loopback only: by the ConfigMaps that it mounts."""

from collections.abc import Iterable, Iterator

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from probes.readings.opa.policies import bundles_digest
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader
from watcher.checklist.manifests.surroundings import config_map_names
from watcher.discovery.pod.kept.template import KeptTemplate
from watcher.discovery.pods.scope import SeenPod

_NONE = Missing(UnknownReason.SOURCE_MISSING, "OPA's container mounts no ConfigMap with a policy.")


def policies_in(pods: Iterable[SeenPod], reader: ConfigMapReader) -> frozenset[str] | Missing | None:
    """The digests of the policies that these pods' OPAs have; None where no pod has an OPA beside the agent."""
    kept = {(each.pod.namespace, each.kept.template) for each in pods if each.kept is not None}
    found = [_policy_of(namespace, template, reader) for namespace, template in kept if template.opa]
    lacking = next((each for each in found if isinstance(each, Missing)), None)
    if lacking is not None or not found:
        return lacking
    return frozenset(each for each in found if isinstance(each, str))


def _policy_of(namespace: str, template: KeptTemplate, reader: ConfigMapReader) -> str | Missing:
    """Of one ConfigMap its modules; of several, as of bundles, a line each: its name, and the digest of its modules."""
    digests: dict[str, str] = {}
    for name in dict.fromkeys(_mounted(template)):
        found = reader.of((namespace, name))
        if isinstance(found, Missing):
            return found
        if found.policy:
            digests[name] = found.policy
    if len(digests) == 1:
        return next(iter(digests.values()))
    return bundles_digest(digests) or _NONE


def _mounted(template: KeptTemplate) -> Iterator[str]:
    """The names of ConfigMaps that the OPA's container mounts."""
    read = template.read()
    own = next((each.body for each in read.containers() if each.name == template.opa), {})
    mounts, volumes = own.get("volumeMounts"), read.spec.get("volumes")
    names = {each.get("name") for each in mounts if isinstance(each, dict)} if isinstance(mounts, list) else set()
    for each in volumes if isinstance(volumes, list) else ():
        if isinstance(each, dict) and each.get("name") in names:
            yield from config_map_names(each)
