"""How are rollouts judged? The section `rollouts` of the config."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from probes.contract import Seconds, say_duration

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_SHORTEST, _LONGEST = 10.0, 7 * 86400.0


def _some_time(seconds: float) -> float:
    if not _SHORTEST <= seconds <= _LONGEST:
        raise ValueError(f"expected a duration from 10s to 7d, got {say_duration(seconds)}")
    return seconds


Time = Annotated[Seconds, AfterValidator(_some_time)]


class WindowSettings(BaseModel):
    """How long each part of the verification takes; the checklist's own times, which nobody need change."""

    model_config = _FROZEN

    immediate: Time = Field(default=900.0, description="from the first new pod: pods, health checks, metrics")
    good_for: Time = Field(
        default=300.0, description="that window ends early when all pods were Ready and healthy for this long"
    )
    short: Time = Field(
        default=3600.0,
        description="from when the last pod is Ready: traffic, errors, latency, authorization, breakers; errors and "
        "latency are judged after 1/12, 1/4, 1/2 and 3/4 of it",
    )
    long: Time = Field(default=21600.0, description="from when the last pod is Ready: memory, CPU, pools, OPA")

    @property
    def seconds(self) -> tuple[float, float, float, float]:
        """All of them."""
        return self.immediate, self.good_for, self.short, self.long


class RolloutsSettings(BaseModel):
    """Each rollout of an agent that is found in Kubernetes, verified by itself; needs the checklist's watches."""

    model_config = _FROZEN

    enabled: bool = Field(default=True, description="verify rollouts; a change needs a restart")
    when_undecided: Literal["limits_only", "wait"] = Field(
        default="limits_only",
        description="what happens to a line with too little traffic: `limits_only` verifies it by its limits and says "
        "so, `wait` leaves it undecided",
    )
    pod_events: bool = Field(
        default=False,
        description="show warnings in Events of new pods that are not Ready, as evidence beside the line of pods; "
        "needs the right to list events; a change needs a restart",
    )
    windows: WindowSettings = Field(default_factory=WindowSettings, description="length of each window")
    staging: tuple[str, ...] = Field(
        default=(),
        max_length=20,
        description="staging namespaces: the deployment record says when the same image ran there",
        examples=[["staging"]],
    )
