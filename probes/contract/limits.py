"""The thresholds of a probe and the settings of a source: each lives once, in a typed model."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from probes.contract.units import Seconds


class Limits(BaseModel):
    """When a reading is trouble. Each probe adds its own thresholds."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    enabled: bool = Field(default=True, description="use this probe")
    failures: int = Field(
        default=2,
        ge=1,
        le=3,
        description="failed probe results in a row until a condition is failing, from 1 to 3; conditions that need "
        "only one ignore it",
    )
    when_absent: Literal["unknown", "ignore"] = Field(
        default="unknown",
        description="what a missing signal or fact means: unknown, or the condition does not apply",
    )


class SourceSettings(BaseModel):
    """How often and how patiently one kind of look is made."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    interval: Seconds = Field(
        default=30.0, ge=0.05, le=86400, description="time between two probe attempts at a target"
    )
    timeout: Seconds = Field(default=5.0, gt=0, description="deadline for one probe attempt, without the DNS lookup")

    @model_validator(mode="after")
    def _a_look_ends_before_the_next(self) -> Self:
        if self.timeout >= self.interval:
            msg = f"timeout ({self.timeout:g}s) must be shorter than interval ({self.interval:g}s)"
            raise ValueError(msg)
        return self
