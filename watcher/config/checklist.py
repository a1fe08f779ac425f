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
        default=300.0,
        description="time after which each agent is judged again, from 1m to 1h; a change is judged at once",
    )
    health: Annotated[Seconds, _at_most(LONGEST_HEALTH, "15m")] = Field(
        default=900.0, description="time between two health checks of an agent, from 1m to 15m"
    )
    tls_posture: Annotated[Seconds, _at_most(LONGEST_TLS_POSTURE, "1h")] = Field(
        default=3600.0, description="time between two TLS posture tests of an agent, from 1m to 1h"
    )
    logs: Interval = Field(default=3600.0, description="time between two reads of an agent's log, from 5m to 1h")
    traces: Interval = Field(
        default=3600.0, description="time between two queries for an agent's traces, from 5m to 1h"
    )
    prometheus: Annotated[Seconds, _at_most(LONGEST_PROMETHEUS, "10m")] = Field(
        default=300.0, description="time between two rounds of queries to Prometheus and Alertmanager, from 1m to 10m"
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
        default=(), description="ids of controls that are required too"
    )
    remove: Annotated[tuple[RemovedControl, ...], Field(max_length=300)] = Field(
        default=(), description="controls that are not required"
    )


class ProfileSettings(BaseModel):
    """What is required of the agents of some namespaces."""

    model_config = _FROZEN

    name: Word = Field(description="name of the profile, shown with each verdict")
    namespaces: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=_MOST)] = Field(
        description="patterns of namespaces, such as `prod-*`"
    )
    required: RequiredControls = Field(
        default_factory=RequiredControls, description="left out: the checklist's own criteria"
    )
    alerts: bool = Field(default=True, description="alert when a control that was met no longer is")

    def profile(self) -> Profile:
        """The same, as verdicts are formed by it."""
        removed = tuple(NotRequired(each.control, each.reason, each.by) for each in self.required.remove)
        return Profile(self.name, self.namespaces, self.required.add, removed, self.alerts)


class ChecklistSettings(BaseModel):
    """The production readiness checklist, judged all the time."""

    model_config = _FROZEN

    enabled: bool = Field(default=True, description="judge agents by the checklist")
    environment: Word = Field(default="production", description="name of the environment, as records give it")
    intervals: ChecklistIntervals = Field(
        default_factory=ChecklistIntervals,
        description="how often evidence is collected where changes are not reported by a watch",
    )
    profiles: Annotated[tuple[ProfileSettings, ...], Field(max_length=_MOST)] = Field(
        default=(),
        description="which controls are required in which namespaces; the first profile that matches counts; left "
        "out: the checklist's own criteria",
    )
    container_roles: Annotated[dict[Word, Literal["sidecar"]], Field(max_length=_MOST)] = Field(
        default_factory=dict,
        description="role of injected containers by name: `sidecar` means that they do not fail the agent",
        examples=[{"istio-proxy": "sidecar"}],
    )
    trust_domains: Annotated[
        tuple[Annotated[str, AfterValidator(check_trust_domain)], ...], Field(max_length=_MOST)
    ] = Field(
        default=(),
        description="trust domains in use here; left out: whether a config names the right one is unknown",
        examples=[["example.org"]],
    )
    secret_readers: Annotated[tuple[Pattern, ...], Field(max_length=_MOST)] = Field(
        default=(),
        description="patterns of users who may read secrets besides the agents; common controllers are known",
        examples=[["system:serviceaccount:argocd:*"]],
    )
    kubernetes: KubernetesEvidence = Field(
        default_factory=KubernetesEvidence,
        description="which objects of the cluster are listed and watched; a change needs a restart",
    )
    reports: bool = Field(
        default=False,
        description="write findings as objects of the cluster too: Report of openreports.io, or PolicyReport of "
        "wgpolicyk8s.io where only that is installed; a change needs a restart",
    )
    history: HistorySettings = Field(
        default_factory=HistorySettings,
        description="daily snapshots of all findings, for auditors; needs state_dir",
    )
    hostile_handshakes: bool = Field(
        default=False, description="also test agents with a forged and a foreign certificate"
    )
    records: RecordSettings = Field(
        default_factory=RecordSettings,
        description="where records of people and pipelines are read, and which are accepted",
    )
    review_every: Annotated[Seconds, AfterValidator(_review)] = Field(
        default=90 * 86400.0,
        description="how often people review the checklist of the fleet (a record of criteria.reviewed), at most 90d; "
        "an alert fires when it is overdue",
    )
    logs: LogsSettings | None = Field(
        default=None, description="where log lines of agents are read; left out: none are"
    )
    traces: TracesSettings | None = Field(
        default=None, description="where traces of agents are stored; left out: none are read"
    )
    document_links: DocumentLinksSettings = Field(
        default_factory=DocumentLinksSettings,
        description="check whether the links of records and the runbooks of alerts lead somewhere",
    )
    prometheus: PrometheusSettings | None = Field(
        default=None, description="the Prometheus that is queried for alert rules about agents; left out: none"
    )

    @property
    def required_by(self) -> tuple[Profile, ...]:
        """The profiles, in their order."""
        return tuple(each.profile() for each in self.profiles)

    @property
    def roles(self) -> Mapping[str, str]:
        """What a container is, by its name."""
        return dict(self.container_roles)
