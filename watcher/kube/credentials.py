"""What does a kubeconfig, or the service account of our pod, say? The one door to `kubernetes`."""

from collections.abc import Mapping
from pathlib import Path

from kubernetes.client import Configuration
from kubernetes.config import load_kube_config
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.incluster_config import InClusterConfigLoader

from watcher.kube.errors import AccessError


def by_file(kubeconfig: Path) -> object:
    """What a kubeconfig says, plugins for tokens included; AccessError where it cannot be used."""
    configuration = Configuration()
    try:
        load_kube_config(config_file=str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
    except Exception as error:  # what a kubeconfig's own commands and plugins raise is anybody's guess
        raise AccessError(f"no access to Kubernetes by {kubeconfig}: {error}") from error
    return configuration


def in_cluster(account: Path, environment: Mapping[str, str]) -> object:
    """What the service account of this pod says; AccessError where there is none."""
    configuration = Configuration()
    files = {"token_filename": str(account / "token"), "cert_filename": str(account / "ca.crt")}
    loader = InClusterConfigLoader(**files, environ=environment)  # type: ignore[no-untyped-call]
    try:
        loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError, ValueError) as error:
        tried = "the service account of this pod (discovery.kubernetes.kubeconfig is not set)"
        raise AccessError(f"no access to Kubernetes by {tried}: {error}") from error
    return configuration
