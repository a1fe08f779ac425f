"""Which Secrets of Kubernetes a pod takes: by variables and by volumes."""

from collections.abc import Iterator, Mapping

from probes.controls.evidence import Container
from probes.controls.judges.kubernetes_object.case import mapping, mappings

STORE_DRIVER = "secrets-store"
"""In the name of the CSI driver that mounts secrets of a store, `secrets-store.csi.k8s.io`."""


def secrets_by_env(container: Container) -> Iterator[str]:
    """The names of Secrets that variables of the container are taken from."""
    for env in mappings(container.body.get("env")):
        given = mapping(env.get("valueFrom"))
        if "secretKeyRef" in given:
            yield str(mapping(given["secretKeyRef"]).get("name") or "")
    for each in mappings(container.body.get("envFrom")):
        if "secretRef" in each:
            yield str(mapping(each["secretRef"]).get("name") or "")


def secrets_in_volumes(spec: Mapping[str, object]) -> Iterator[str]:
    """The names of Secrets that the pod mounts; empty for each volume of a secret store."""
    for volume in mappings(spec.get("volumes")):
        if "secret" in volume:
            yield str(mapping(volume["secret"]).get("secretName") or "")
        if of_store(volume):
            yield ""
        for each in mappings(mapping(volume.get("projected")).get("sources")):
            if "secret" in each:
                yield str(mapping(each["secret"]).get("name") or "")


def of_store(volume: Mapping[str, object]) -> bool:
    """Whether the volume holds secrets of a store, such as Vault or AWS Secrets Manager."""
    return STORE_DRIVER in str(mapping(volume.get("csi")).get("driver"))
