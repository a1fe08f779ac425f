"""What is asked of agents for the production readiness checklist? The section `checklist` of the config."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from probes.contract import Seconds, say_duration
from probes.contract.spiffe_id import check_trust_domain
from probes.controls.profile import NotRequired, Profile
from watcher.config.changes import HistorySettings
from watcher.config.records.settings import RecordSettings
from watcher.config.witnesses.document_links import DocumentLinksSettings
from watcher.config.witnesses.objects import KubernetesEvidence
from watcher.config.witnesses.prometheus import PrometheusSettings
from watcher.config.witnesses.stores import Interval, LogsSettings, TracesSettings
from watcher.text.short_texts import ControlId, Line, Pattern, Word

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_MINUTE = 60.0
_MOST = 100

LONGEST_ROUND = 3600.0
"""Seconds in which all agents are seen to again, at most: an alert tells of rounds that take twice as long."""

LONGEST_HEALTH, LONGEST_TLS_POSTURE = 900.0, 3600.0
"""Seconds from one look to the next, at most: after them the catalogue takes what was seen for too old."""

LONGEST_REVIEW = 90 * 86400.0
"""Seconds from one review of the fleet to the next: a record of it holds no longer."""

LONGEST_PROMETHEUS = 600.0
"""The same of Prometheus and Alertmanager: one round that fails must not make all of it too old."""


def _at_most(longest: float, said: str) -> AfterValidator:
    def check(seconds: float) -> float:
        if not _MINUTE <= seconds <= longest:
            raise ValueError(f"expected a duration from 1m to {said}, got {say_duration(seconds)}")
        return seconds

    return AfterValidator(check)


def _review(seconds: float) -> float:
    if not 86400.0 <= seconds <= LONGEST_REVIEW:
        raise ValueError(f"expected a duration from 1d to 90d, got {say_duration(seconds)}")
    return seconds


class ChecklistIntervals(BaseModel):
    """How often is looked at what nobody tells the changes of."""

    model_config = _FROZEN

    objects: Annotated[Seconds, _at_most(LONGEST_ROUND, "1h")] = Field(
        default=300.0, description="each agent is judged anew at least so often, from 1m to 1h; a change at once"
    )
    health: Annotated[Seconds, _at_most(LONGEST_HEALTH, "15m")] = Field(
        default=900.0, description="from one request of /health and the like to the next, from 1m to 15m"
    )
    tls_posture: Annotated[Seconds, _at_most(LONGEST_TLS_POSTURE, "1h")] = Field(
        default=3600.0, description="from one round of further TLS handshakes to the next, from 1m to 1h"
    )
    logs: Interval = Field(default=3600.0, description="from one reading of an agent's log to the next, from 5m to 1h")
    traces: Interval = Field(
        default=3600.0, description="from one question about an agent's traces to the next, from 5m to 1h"
    )
    prometheus: Annotated[Seconds, _at_most(LONGEST_PROMETHEUS, "10m")] = Field(
        default=300.0, description="from one round of questions to Prometheus and Alertmanager to the next, 1m to 10m"
    )


class RemovedControl(BaseModel):
    """A control that these agents need not meet."""

    model_config = _FROZEN

    control: ControlId = Field(description="its id, such as deployment.resources.cpu-limits")
    reason: Line = Field(description="why, on one line")
    by: Line = Field(description="who decided so")


class RequiredControls(BaseModel):
    """What is asked otherwise than by the checklist's own criteria."""

    model_config = _FROZEN

    add: Annotated[tuple[ControlId, ...], Field(max_length=300)] = Field(
        default=(), description="ids of controls that readiness rests on too"
    )
    remove: Annotated[tuple[RemovedControl, ...], Field(max_length=300)] = Field(
        default=(), description="controls that it does not rest on"
    )


class ProfileSettings(BaseModel):
    """What is required of the agents of some namespaces."""

    model_config = _FROZEN

    name: Word = Field(description="as it is told beside each verdict")
    namespaces: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=_MOST)] = Field(
        description="patterns of namespaces, such as `prod-*`"
    )
    required: RequiredControls = Field(
        default_factory=RequiredControls, description="left out: the checklist's own criteria"
    )
    alerts: bool = Field(default=True, description="whether a control that is met no more is told as an alert")

    def profile(self) -> Profile:
        """The same, as verdicts are formed by it."""
        removed = tuple(NotRequired(each.control, each.reason, each.by) for each in self.required.remove)
        return Profile(self.name, self.namespaces, self.required.add, removed, self.alerts)


class ChecklistSettings(BaseModel):
    """The production readiness checklist, judged all the time."""

    model_config = _FROZEN

    enabled: bool = Field(default=True, description="whether agents are judged by the checklist at all")
    environment: Word = Field(default="production", description="what the agents are there for, as records name it")
    intervals: ChecklistIntervals = Field(
        default_factory=ChecklistIntervals, description="how often is looked at what nobody tells the changes of"
    )
    profiles: Annotated[tuple[ProfileSettings, ...], Field(max_length=_MOST)] = Field(
        default=(),
        description="what is required of whom; the first that matches a namespace counts; "
        "without one it is the checklist's own criteria",
    )
    container_roles: Annotated[dict[Word, Literal["sidecar"]], Field(max_length=_MOST)] = Field(
        default_factory=dict,
        description="names of injected containers, which fail no team: `sidecar`",
        examples=[{"istio-proxy": "sidecar"}],
    )
    trust_domains: Annotated[
        tuple[Annotated[str, AfterValidator(check_trust_domain)], ...], Field(max_length=_MOST)
    ] = Field(
        default=(),
        description="trust domains that are right here; left out: whether a config names the right one is not known",
        examples=[["example.org"]],
    )
    secret_readers: Annotated[tuple[Pattern, ...], Field(max_length=_MOST)] = Field(
        default=(),
        description="patterns of users who may read secrets besides the agents; common controllers are known",
        examples=[["system:serviceaccount:argocd:*"]],
    )
    kubernetes: KubernetesEvidence = Field(
        default_factory=KubernetesEvidence,
        description="which objects of the cluster are listed and watched; read at the start alone",
    )
    reports: bool = Field(
        default=False,
        description="whether findings are also written as objects of the cluster: Report of openreports.io, or "
        "PolicyReport of wgpolicyk8s.io where only that is installed; read at the start alone",
    )
    history: HistorySettings = Field(
        default_factory=HistorySettings,
        description="a snapshot a day of all findings, for auditors; only with state_dir",
    )
    hostile_handshakes: bool = Field(
        default=False, description="whether agents are also shown a forged and a foreign certificate"
    )
    records: RecordSettings = Field(
        default_factory=RecordSettings, description="what people and pipelines say, and whom of them is believed"
    )
    review_every: Annotated[Seconds, AfterValidator(_review)] = Field(
        default=90 * 86400.0,
        description="how often people go through the checklist of the fleet: a record of criteria.reviewed, at most "
        "90d; told when overdue",
    )
    logs: LogsSettings | None = Field(
        default=None, description="where the lines of agents' logs are read; left out: they are not"
    )
    traces: TracesSettings | None = Field(
        default=None, description="where the traces of agents are; left out: none are asked for"
    )
    document_links: DocumentLinksSettings = Field(
        default_factory=DocumentLinksSettings,
        description="whether the links of records and the runbooks of alerts are tried",
    )
    prometheus: PrometheusSettings | None = Field(
        default=None, description="the Prometheus that is asked which alerts watch agents; left out: none is"
    )

    @property
    def required_by(self) -> tuple[Profile, ...]:
        """The profiles, in their order."""
        return tuple(each.profile() for each in self.profiles)

    @property
    def roles(self) -> Mapping[str, str]:
        """What a container is, by its name."""
        return dict(self.container_roles)
