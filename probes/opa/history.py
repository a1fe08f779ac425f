"""By which limits an OPA is judged, and what is remembered of it."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from probes.contract import Limits, Seconds
from probes.opa.bundles import BundleHistory
from probes.readings.canary import BUILTIN, Canary


class OPALimits(Limits):
    """When an OPA is trouble."""

    canaries: tuple[Canary, ...] = Field(
        default=(), max_length=100, description="questions to OPA whose answer is known"
    )
    builtin_canaries: bool = Field(
        default=True, description="also ask the built-in canaries foreign-caller and empty-input"
    )
    bundle_stale_after: Seconds = Field(
        default=900.0, gt=0, description="longest time since the last successful bundle request"
    )
    slow_after: Seconds = Field(default=0.1, gt=0, description="limit for the p95 of the last 20 decisions")

    @model_validator(mode="after")
    def _a_name_means_one_canary(self) -> Self:
        taken = {builtin.canary for builtin in BUILTIN}
        for canary in self.canaries:
            if canary.name in taken:
                msg = f"expected canaries with names of their own, got {canary.name!r} again"
                raise ValueError(msg)
            taken.add(canary.name)
        return self


@dataclass(frozen=True, slots=True)
class OPAHistory:
    """What the next look wants to know."""

    ticks: tuple[int, ...] = ()  # tenths of a millisecond that the last decisions took, oldest first
    bundles: tuple[BundleHistory, ...] = ()
    counted: Annotated[tuple[str, ...], Field(exclude=True)] = ()  # canaries whose counters stand at 0 or more
