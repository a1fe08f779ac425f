"""What is asked of agents for the production readiness checklist? The section `checklist` of the config."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from probes.contract import Seconds, say_duration
from probes.contract.spiffe_id import check_trust_domain
from probes.controls.profile import NotRequired, Profile
from watcher.config.changes import HistorySettings
from watcher.config.records.authority import Pattern
from watcher.config.records.review import LONGEST_REVIEW, REVIEW_WORDS, ReviewEvery
from watcher.config.records.settings import RecordSettings
from watcher.config.witnesses.cluster import KubernetesEvidence
from watcher.config.witnesses.document_links import DocumentLinksSettings
from watcher.config.witnesses.stores import Interval, LogsSettings, TracesSettings
from watcher.text.addresses import base_url
from watcher.text.key_path import plain_name

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_MINUTE = 60.0
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_CONTROL = re.compile(r"[a-z0-9.-]{1,120}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,62}")
_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_MOST = 100

LONGEST_ROUND = 3600.0
"""Seconds in which all agents are seen to again, at most: an alert tells of rounds that take twice as long."""

LONGEST_HEALTH, LONGEST_TLS_POSTURE = 900.0, 3600.0
"""Seconds from one look to the next, at most: after them the catalogue takes what was seen for too old."""

LONGEST_PROMETHEUS = 600.0
"""The same of Prometheus and Alertmanager: one round that fails must not make all of it too old."""


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"expected 1 to 63 letters, digits and dashes, got {plain_name(text)}")
    return text


def _control(text: str) -> str:
    if not _CONTROL.fullmatch(text):
        raise ValueError(
            f"expected the id of a control such as deployment.resources.cpu-limits, got {plain_name(text)}"
        )
    return text


def _line(text: str) -> str:
    if not _LINE.fullmatch(text):
        raise ValueError(f"expected 1 to 200 characters on one line, got {plain_name(text)}")
    return text


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError(f"expected the name of a label such as cluster, got {plain_name(text)}")
    return text


def _at_most(longest: float, said: str) -> AfterValidator:
    def check(seconds: float) -> float:
        if not _MINUTE <= seconds <= longest:
            raise ValueError(f"expected a duration from 1m to {said}, got {say_duration(seconds)}")
        return seconds

    return AfterValidator(check)


Word = Annotated[str, AfterValidator(_word)]
ControlId = Annotated[str, AfterValidator(_control)]
Line = Annotated[str, AfterValidator(_line)]
LabelName = Annotated[str, AfterValidator(_label)]


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


class PrometheusSettings(BaseModel):
    """Which Prometheus is asked about agents, and how its rules and series are known."""

    model_config = _FROZEN

    url: Annotated[str, AfterValidator(base_url)] = Field(
        description="its address, with its path prefix if it has one", examples=["http://prometheus:9090"]
    )
    alerts: Annotated[dict[ControlId, Line], Field(max_length=_MOST)] = Field(
        default_factory=dict,
        description="your own alert for a control, where its rule has no label agentweave_control",
        examples=[{"alerts.svid-rotation-failing": "MyRotationAlert"}],
    )
    labels: Annotated[dict[LabelName, Line], Field(max_length=8)] = Field(
        default_factory=dict,
        description="labels of this watcher's own series there, such as cluster and job; left out: they are found by "
        "the series of this process",
        examples=[{"cluster": "eu-1", "job": "agentweave/watcher"}],
    )
    bearer_token_file: Path | None = Field(
        default=None, description="sent as a bearer token, over https only; read anew each round"
    )
    ca_file: Path | None = Field(
        default=None, description="verifies an https server; read anew each round; left out: the system's authorities"
    )

    @model_validator(mode="after")
    def _token_over_https(self) -> Self:
        if self.bearer_token_file is not None and not self.url.startswith("https:"):
            raise ValueError("expected an https URL beside bearer_token_file: a token is sent over verified TLS only")
        return self


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
        default=False, description="whether Report or PolicyReport objects are written; read at the start alone"
    )
    history: HistorySettings = Field(default_factory=HistorySettings, description="a snapshot a day of all findings")
    hostile_handshakes: bool = Field(
        default=False, description="whether agents are also shown a forged and a foreign certificate"
    )
    records: RecordSettings = Field(
        default_factory=RecordSettings, description="what people and pipelines say, and whom of them is believed"
    )
    review_every: ReviewEvery = Field(default=LONGEST_REVIEW, description=REVIEW_WORDS)
    logs: LogsSettings | None = Field(
        default=None, description="where the lines of agents' logs are read; left out: they are not"
    )
    traces: TracesSettings | None = Field(
        default=None, description="where the traces of agents are; left out: none are asked for"
    )
    document_links: DocumentLinksSettings = Field(
        default_factory=DocumentLinksSettings, description="whether the links of records are tried"
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
