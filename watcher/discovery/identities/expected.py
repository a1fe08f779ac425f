"""Which SPIFFE IDs is a pod expected to serve? Pure: the first of three who say it; a pod itself is never asked."""

from string import Template
from typing import Protocol

from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.identities.cluster_spiffe_ids import Declared
from watcher.discovery.pod.pod import Pod
from watcher.text.addresses import spiffe_id

SERVICE_ID = "spiffe.io/service-id"


class Service(Protocol):
    """What is known of the Service of a workload."""

    @property
    def service_id(self) -> str | None:
        """What its annotation says; None where it says nothing."""

    @property
    def service_known(self) -> bool:
        """Whether that is known."""

    @property
    def service_problem(self) -> str:
        """Why not, a part of a sentence."""


def expected_ids(
    pod: Pod, agent: str, workload: str, service: Service, declared: Declared, settings: KubernetesSettings
) -> Declared:
    """By the operator's template, by ClusterSPIFFEID objects (`declared`), by the Service's annotation.

    Where one of them says it and what it says is odd, the next is not asked: then it is a problem.
    """
    if settings.spiffe_id_template is not None:
        facts = {
            "agent": agent,
            "namespace": pod.namespace,
            "service_account": pod.service_account,
            "workload": workload,
            "pod": pod.name,
        }
        return _one(Template(settings.spiffe_id_template).substitute(facts), "spiffe_id_template")
    if declared.ids or declared.problems:
        return declared
    if service.service_id is not None:
        return _one(service.service_id, f"annotation {SERVICE_ID} of the Service {workload}")
    return declared if service.service_known else Declared(problems=(service.service_problem,))


def _one(text: str, whence: str) -> Declared:
    try:
        return Declared(ids=(spiffe_id(text),))
    except ValueError as error:
        return Declared(problems=(f"{whence}: {error}",))
