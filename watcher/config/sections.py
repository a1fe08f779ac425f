"""What may stand in the config file? One model a section; sources and probes bring their own."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    create_model,
    model_validator,
)

from probes import load_probes, load_sources
from probes.contract import Seconds, say_duration
from watcher.config.changes import ChangesSettings
from watcher.config.checklist import ChecklistSettings
from watcher.config.identity import IdentitySettings
from watcher.config.kubernetes import KubernetesSettings
from watcher.config.replicas import Installation, Shard, Standby
from watcher.config.rollouts import RolloutsSettings
from watcher.config.targets.static_target import StaticTarget
from watcher.text.addresses import base_url, host, host_name
from watcher.text.link_template import link_name, link_template

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_MINUTE, _DAY = 60.0, 86400.0
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")
_CHEAPEST, _DEAREST = 4, 12  # of bcrypt's costs: 2 to the power of these; 12 is a quarter of a second of one core


def _directory(path: object) -> object:
    if path == "":  # pathlib takes it for the working directory
        raise ValueError("expected a directory, got ''")
    return path


def _some_time(seconds: float) -> float:
    if not _MINUTE <= seconds <= 31 * _DAY:
        raise ValueError(f"expected a duration from 1m to 31d, got {say_duration(seconds)}")
    return seconds


def _bcrypt_hash(secret: SecretStr) -> SecretStr:
    # The text is never part of the sentence: it may be a password that somebody forgot to hash.
    match = _BCRYPT.fullmatch(secret.get_secret_value())
    if match is None:
        raise ValueError("expected a bcrypt hash, such as htpasswd -nB makes it, got something else")
    if not _CHEAPEST <= int(match["cost"]) <= _DEAREST:
        raise ValueError(f"expected a bcrypt hash with a cost from {_CHEAPEST} to {_DEAREST}, got {int(match['cost'])}")
    return secret


def _user_name(name: str) -> str:
    if not 1 <= len(name) <= 128 or ":" in name or not name.isprintable():
        raise ValueError("expected names of 1 to 128 printable characters without a colon")  # RFC 7617
    return name


Host = Annotated[str, AfterValidator(host)]
Directory = Annotated[Path, BeforeValidator(_directory)]
BaseUrl = Annotated[
    str, AfterValidator(base_url), Field(json_schema_extra={"pattern": r"^https?://[^/?@#\s]+(?:/[^?#\s]*)?$"})
]
Links = Annotated[
    dict[Annotated[str, AfterValidator(link_name)], Annotated[str, AfterValidator(link_template)]],
    Field(max_length=12),  # more would be no help
]


class TLSSettings(BaseModel):
    """The certificate of the port, and whose clients it admits."""

    model_config = _FROZEN

    cert_file: Path = Field(description="certificate chain in PEM, leaf first; re-read")
    key_file: Path = Field(description="its private key in PEM, not encrypted; re-read")
    client_ca_file: Path | None = Field(
        default=None,
        description="CA certificates in PEM: a client must present a certificate signed by one; re-read; left out: no "
        "client certificate is needed",
    )


class ServerSettings(BaseModel):
    """Where the daemon serves its pages."""

    model_config = _FROZEN

    ADDRESS: ClassVar = ("host", "port", "health_port")
    """What is that of the start: a socket that listens is not moved."""

    host: Host = Field(default="127.0.0.1", description="address to listen on; `::` is every address, IPv4 included")
    port: int = Field(default=9847, ge=0, le=65535, description="port to listen on; 0: any free port")
    health_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="second port with /livez and /readyz only, without TLS and authentication; left out: none",
    )
    allowed_hosts: tuple[Annotated[str, AfterValidator(host_name)], ...] = Field(
        default=(), description="host names by which the port is reached, in addition to localhost and IP addresses"
    )
    tls: TLSSettings | None = Field(default=None, description="serve https; left out: http")
    basic_auth_users: dict[
        Annotated[str, AfterValidator(_user_name)], Annotated[SecretStr, AfterValidator(_bcrypt_hash)]
    ] = Field(default_factory=dict, description="users who may read, with bcrypt hashes of their passwords")
    bearer_token_file: Path | None = Field(
        default=None, description="file with a bearer token that may read; re-read; left out: none"
    )

    @model_validator(mode="after")
    def _two_ports(self) -> Self:
        if self.health_port is not None and self.health_port == self.port:
            raise ValueError(f"health_port and port are both {self.port}, expected two ports")
        return self

    def at(self, before: "ServerSettings") -> "ServerSettings":
        """The same at the address of `before`: a socket that listens is not moved."""
        return self.model_copy(update={name: getattr(before, name) for name in self.ADDRESS})


class DiscoverySettings(BaseModel):
    """Where targets are found."""

    model_config = _FROZEN

    static: tuple[StaticTarget, ...] = Field(default=(), description="targets listed one by one")
    kubernetes: KubernetesSettings | None = Field(
        default=None, description="agents of a Kubernetes cluster, found as they come and go; left out: none"
    )


class AlertmanagerSettings(BaseModel):
    """Where drills send their alerts, and which is asked for the checklist; Prometheus has its own setting."""

    model_config = _FROZEN

    url: BaseUrl = Field(
        description="URL of one Alertmanager, with its path prefix if it has one", examples=["http://127.0.0.1:9093"]
    )
    runbook_url: BaseUrl | None = Field(
        default=None,
        description="URL prefix of the runbook link of a test alert; left out: a watcher on this machine",
        examples=["https://watcher.example.org/runbooks/"],
    )


class DrillSettings(BaseModel):
    """When the daemon sends test alerts."""

    model_config = _FROZEN

    every: Annotated[Seconds, AfterValidator(_some_time)] = Field(
        default=_DAY, description="time between two drills, from 1m to 31d"
    )


class Sections(BaseModel):
    """The sections that are always there."""

    model_config = _FROZEN

    server: ServerSettings = Field(
        default_factory=ServerSettings, description="where the daemon serves web pages, API and metrics"
    )
    state_dir: Directory | None = Field(
        default=None, description="directory for history that survives a restart; left out: none does"
    )
    identity: IdentitySettings | None = Field(
        default=None, description="the watcher's own identity; left out: trust is unknown, dates are still judged"
    )
    discovery: DiscoverySettings = Field(default_factory=DiscoverySettings, description="where targets are found")
    shard: Shard = Field(default_factory=Shard, description="the shard of the fleet that this process watches")
    standby: Standby | None = Field(
        default=None, description="a second process that takes over; left out: none, this one always exports"
    )
    installation: Installation | None = Field(
        default=None,
        description="names of this watcher in Kubernetes, for the commands in its runbooks; left out: commands have "
        "variables",
    )
    alertmanager: AlertmanagerSettings | None = Field(
        default=None, description="the Alertmanager of drills and of the checklist; left out: none"
    )
    drill: DrillSettings | None = Field(default=None, description="scheduled test alerts of the daemon; left out: none")
    links: Links = Field(
        default_factory=dict,
        description="links on the page of a target, by name: URLs with ${namespace}, ${agent}, ${pod}, ${node}, "
        "${workload} or ${spiffe_id} after the host",
        examples=[{"Grafana": "https://grafana.example.org/d/agentweave-agent?var-agent=${agent}"}],
    )
    checklist: ChecklistSettings = Field(
        default_factory=ChecklistSettings, description="the production readiness checklist, judged all the time"
    )
    rollouts: RolloutsSettings = Field(
        default_factory=RolloutsSettings, description="verification of each rollout of an agent"
    )
    changes: ChangesSettings = Field(
        default_factory=ChangesSettings, description="how much history of verdicts is kept"
    )
    sources: BaseModel = Field(description="how often each source probes, and with which timeout")
    probes: BaseModel = Field(description="thresholds, by probe")


@cache
def sections() -> type[Sections]:
    """The model of the whole file: adding a probe or a source edits nothing here."""
    sources = {kind.name: kind.settings for kind in load_sources()}
    probes = {probe.name: probe.limits for probe in load_probes()}
    return create_model(
        "Config",
        __base__=Sections,
        __doc__="The config file of agentweave-watcher.",
        sources=_section("Sources", sources, "the source"),
        probes=_section("Probes", probes, "the probe"),
    )


def _section(name: str, parts: dict[str, type[BaseModel]], what: str) -> tuple[type[BaseModel], Any]:
    """A field for `create_model`: a section with one optional part for each of `parts`."""
    fields: dict[str, Any] = {
        part: (model, Field(default_factory=model, description=f"settings of {what} {part}"))
        for part, model in parts.items()
    }
    section = create_model(name, __config__=_FROZEN, **fields)
    return section, Field(default_factory=section, description=Sections.model_fields[name.lower()].description)
