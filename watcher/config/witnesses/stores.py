"""Where logs and traces of agents are kept: the sections `logs` and `traces` of the checklist."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from probes.contract import Seconds, say_duration
from watcher.text.addresses import base_url
from watcher.text.key_path import plain_name

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,127}")
_TENANT = re.compile(r"[A-Za-z0-9!._*'()|-]{1,150}")
_SERVICE = re.compile(r"(?:[A-Za-z0-9._/-]|\$\{(?:agent|namespace)\}){1,200}")
_MINUTE = 60.0

LONGEST = 3600.0
"""Seconds from one question to the next, at most: lines that are older than 3 h prove nothing."""


def _matching(pattern: re.Pattern[str], expected: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"expected {expected}, got {plain_name(text)}")
        return text

    return AfterValidator(check)


def _interval(seconds: float) -> float:
    if not 5 * _MINUTE <= seconds <= LONGEST:
        raise ValueError(f"expected a duration from 5m to 1h, got {say_duration(seconds)}")
    return seconds


Url = Annotated[str, AfterValidator(base_url)]
LabelName = Annotated[str, _matching(_LABEL, "the name of a label such as pod")]
Interval = Annotated[Seconds, AfterValidator(_interval)]


class _Server(BaseModel):
    """A server that is asked over HTTP."""

    model_config = _FROZEN

    bearer_token_file: Path | None = Field(
        default=None, description="file with a bearer token, sent over https only; re-read for each request"
    )
    ca_file: Path | None = Field(
        default=None, description="CA certificates (PEM) that verify an https server; left out: the system's"
    )
    tenant: Annotated[str, _matching(_TENANT, "the name of a tenant")] | None = Field(
        default=None, description="sent as X-Scope-OrgID, where the server has tenants"
    )

    def _check_token(self, url: str | None) -> None:
        if self.bearer_token_file is not None and not (url or "").startswith("https:"):
            raise ValueError("expected an https URL with bearer_token_file: a token is sent over verified TLS only")


class LogsSettings(_Server):
    """Where the lines of agents' logs are read. They are counted in memory, and neither kept nor shown."""

    kind: Literal["kubernetes", "loki"] = Field(
        description="`kubernetes`: one pod of each agent, which needs the right to get pods/log; `loki`: Loki"
    )
    url: Url | None = Field(default=None, description="URL of Loki", examples=["http://loki-gateway"])
    lines: Annotated[int, Field(ge=100, le=5000)] = Field(
        default=200, description="how many of the newest lines are read"
    )
    interval: Interval | None = Field(
        default=None, description="time between two reads of an agent; left out: checklist.intervals.logs"
    )
    namespace_label: LabelName = Field(
        default="namespace", description="label of Loki's streams that names a namespace"
    )
    pod_label: LabelName = Field(default="pod", description="label of Loki's streams that names a pod")

    @model_validator(mode="after")
    def _url_of_its_kind(self) -> Self:
        if (self.kind == "loki") != (self.url is not None):
            raise ValueError("expected url with kind: loki, and with no other kind")
        self._check_token(self.url)
        return self


class TracesSettings(_Server):
    """Where the traces of agents are."""

    kind: Literal["jaeger", "tempo"] = Field(description="which query API the server has")
    url: Url = Field(description="its URL, with its path prefix if it has one", examples=["http://jaeger-query:16686"])
    service: Annotated[str, _matching(_SERVICE, "a name such as ${agent}, with ${agent} and ${namespace} only")] = (
        Field(
            default="${agent}",
            description="service name of an agent in traces; `${agent}` and `${namespace}` are filled in",
        )
    )

    @model_validator(mode="after")
    def _token_over_https(self) -> Self:
        self._check_token(self.url)
        return self
