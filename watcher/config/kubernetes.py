"""How are agents found in Kubernetes? The section `discovery.kubernetes` of the config."""

import re
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from string import Template
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from probes.contract import Seconds
from probes.contract.spiffe_id import check_trust_domain
from watcher.text.addresses import DNS_LABEL, host, spiffe_id
from watcher.text.alert_labels import checked
from watcher.text.key_path import plain_name

MOST_NAMESPACES = 100
PLACEHOLDERS = ("agent", "namespace", "service_account", "workload", "pod")
_WORD = re.compile(r"[!-~]{0,253}")
_SELECTOR = re.compile(r"[A-Za-z0-9._/=!, ()-]{1,1000}")


class Override(StrEnum):
    """A kind of fact that annotations of a pod may set."""

    PORTS = "ports"
    PATHS = "paths"
    POOL_SIZES = "pool_sizes"


def _namespaces(value: object) -> object:
    if value != "all" and (not isinstance(value, list | tuple) or not 0 < len(value) <= MOST_NAMESPACES):
        raise ValueError(f"expected all, or a list of 1 to {MOST_NAMESPACES} namespaces, got {plain_name(value)}")
    for each in value if value != "all" else ():
        if not isinstance(each, str) or not re.fullmatch(DNS_LABEL, each):
            raise ValueError(f"expected the name of a namespace, got {plain_name(each)}")
    return value if value == "all" else tuple(value)


def _selector(text: str) -> str:
    if not _SELECTOR.fullmatch(text):
        raise ValueError(f"expected a label selector such as app.kubernetes.io/component=agent, got {plain_name(text)}")
    return text


def _cidr(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"expected a network such as 10.0.0.0/8 without host bits, got {plain_name(text)}") from error
    return text


def _template(text: str) -> str:
    try:
        spiffe_id(Template(text).substitute(dict.fromkeys(PLACEHOLDERS, "a")))
    except KeyError as error:
        known = ", ".join(f"${{{name}}}" for name in PLACEHOLDERS)
        raise ValueError(f"no placeholder ${{{error.args[0]}}}, expected some of {known}") from error
    except ValueError as error:
        raise ValueError(
            f"expected a SPIFFE ID with placeholders such as "
            f"spiffe://example.org/agent/${{service_account}}, got {plain_name(text)}"
        ) from error
    return text


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"expected at most 253 characters without spaces, got {plain_name(text)}")
    return text


Cidr = Annotated[str, AfterValidator(_cidr)]


class ClusterSpiffeIdSettings(BaseModel):
    """What ClusterSPIFFEID objects leave to the config of SPIRE's controller manager."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trust_domain: Annotated[str, AfterValidator(check_trust_domain)] = Field(
        description="trust domain of the controller manager, `.TrustDomain` in templates", examples=["example.org"]
    )
    cluster_name: Annotated[str, AfterValidator(_word)] = Field(
        default="", description="cluster name of the controller manager, `.ClusterName` in templates"
    )
    cluster_domain: Annotated[str, AfterValidator(_word)] = Field(
        default="", description="cluster domain of the controller manager, `.ClusterDomain` in templates"
    )
    class_name: Annotated[str, AfterValidator(_word)] = Field(
        default="", description="only objects of this class count; left out: all objects count"
    )


class EventSettings(BaseModel):
    """What is told in Kubernetes itself, beside the alerts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(
        default=True, description="write an Event on the pod when a condition starts failing or is resolved"
    )


class KubernetesSettings(BaseModel):
    """Agents are pods that a selector finds and that say themselves that they are agents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespaces: Annotated[Literal["all"] | tuple[str, ...], BeforeValidator(_namespaces)] = Field(
        default="all",
        description="`all`: one watch of the whole cluster; or a list of namespaces, each with a watch of its own",
    )
    selector: Annotated[str, AfterValidator(_selector)] = Field(
        default="app.kubernetes.io/component=agent", description="label selector of the agents' pods"
    )
    kubeconfig: Path | None = Field(
        default=None, description="kubeconfig file; left out: the service account of the watcher's own pod"
    )
    allow_cidrs: tuple[Cidr, ...] = Field(
        default=(),
        description="networks whose pod addresses are probed although they are loopback, link-local or multicast",
    )
    allowed_hosts: tuple[Annotated[str, AfterValidator(host)], ...] = Field(
        default=(), description="hosts of central OPAs that an agent's own config may name"
    )
    spiffe_id_template: Annotated[str, AfterValidator(_template)] | None = Field(
        default=None,
        description="the SPIFFE ID that every agent must serve; left out: from cluster_spiffe_ids, else from the "
        "annotation of its Service",
        examples=["spiffe://example.org/agent/${service_account}/prod"],
    )
    cluster_spiffe_ids: ClusterSpiffeIdSettings | None = Field(
        default=None,
        description="expect the SPIFFE IDs that ClusterSPIFFEID objects assign; left out: these objects are not read",
    )
    labels_to_alerts: Annotated[tuple[str, ...], AfterValidator(checked)] = Field(
        default=(),
        description="labels of a pod, or of its namespace, to put on its alerts, such as `team`; at most 5",
        examples=[["team", "example.org/cost-center"]],
    )
    startup_grace: Seconds = Field(
        default=120.0,
        ge=0,
        le=3600,
        description="how long a pod that was never Ready may be unreachable before it is failing",
    )
    overrides: tuple[Override, ...] = Field(
        default=tuple(Override), description="which facts the annotations agentweave.io/watch-* of a pod may set"
    )
    events: EventSettings = Field(
        default_factory=EventSettings, description="Events on pods, which `kubectl describe pod` shows"
    )
