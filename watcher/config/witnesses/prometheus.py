"""The Prometheus that is asked which alerts watch agents: the section `prometheus` of the checklist."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from watcher.text.addresses import base_url
from watcher.text.short_texts import ControlId, LabelName, Line

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_MOST = 100


class PrometheusSettings(BaseModel):
    """Which Prometheus is asked about agents, and how its rules and series are known."""

    model_config = _FROZEN

    url: Annotated[str, AfterValidator(base_url)] = Field(
        description="its URL, with its path prefix if it has one", examples=["http://prometheus:9090"]
    )
    alerts: Annotated[dict[ControlId, Line], Field(max_length=_MOST)] = Field(
        default_factory=dict,
        description="name of your own alert by control, where its rule has no label agentweave_control",
        examples=[{"alerts.svid-rotation-failing": "MyRotationAlert"}],
    )
    labels: Annotated[dict[LabelName, Line], Field(max_length=8)] = Field(
        default_factory=dict,
        description="labels of this watcher's own series there, such as cluster and job; left out: found by the "
        "series of this process",
        examples=[{"cluster": "eu-1", "job": "agentweave/watcher"}],
    )
    bearer_token_file: Path | None = Field(
        default=None, description="file with a bearer token, sent over https only; re-read each round"
    )
    ca_file: Path | None = Field(
        default=None,
        description="CA certificates (PEM) that verify an https server; re-read each round; left out: the system's",
    )

    @model_validator(mode="after")
    def _token_over_https(self) -> Self:
        if self.bearer_token_file is not None and not self.url.startswith("https:"):
            raise ValueError("expected an https URL with bearer_token_file: a token is sent over verified TLS only")
        return self
