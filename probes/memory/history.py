"""What is judged of an agent's memory, by which limits, and what is remembered of it."""

from dataclasses import dataclass

from pydantic import Field

from probes.contract import ConditionKind, Limits, Metric, Seconds, Severity
from probes.contract.condition import Window
from probes.history.process import NOBODY, Process
from probes.memory.drift import BLOCK, LEAST_FOR_DRIFT, LEAST_FOR_EXHAUSTION
from probes.memory.floors import Floors


class MemoryLimits(Limits):
    """When the memory of an agent's process is trouble."""

    high_ratio: float = Field(
        default=0.90, gt=0, lt=1, description="failing when resident memory / memory_limit is above this"
    )
    drift_hold: Seconds = Field(default=3600.0, ge=0, description="how long the floor of memory must have been rising")
    exhaustion_within: Seconds = Field(
        default=86400.0, gt=0, description="how far ahead reaching the limit is forecast"
    )


HIGH = ConditionKind(
    name="MemoryHigh",
    severity=Severity.CRITICAL,
    true_when="The process holds more of its memory limit than `high_ratio`.",
    all_clear="The process uses at most `high_ratio` of its memory limit.",
    repeated=True,
    needs=("memory_limit",),
)
DRIFT = ConditionKind(
    name="MemoryDrift",
    severity=Severity.WARNING,
    true_when="The floor of memory rises day over day, and has done so for `drift_hold`.",
    all_clear="No sustained memory growth.",
    window=Window(seconds=LEAST_FOR_DRIFT * BLOCK),
)
PREDICTED = ConditionKind(
    name="MemoryExhaustionPredicted",
    severity=Severity.WARNING,
    true_when="Memory rises without slowing down and will reach the limit within `exhaustion_within`.",
    all_clear="Memory will not reach its limit within `exhaustion_within`.",
    needs=("memory_limit",),
    window=Window(seconds=LEAST_FOR_EXHAUSTION * BLOCK),
)
RSS_BYTES = Metric(name="memory_rss_bytes", help="Resident memory of one process of the agent.")
LIMIT_BYTES = Metric(name="memory_limit_bytes", help="Memory limit of the agent, as configured.")
SLOPE = Metric(
    name="memory_drift_bytes_per_second", help="How fast the floor of memory rises; absent where it does not."
)
FULL_AT = Metric(
    name="memory_exhaustion_timestamp_seconds",
    help="When memory will reach its limit; absent without a forecast.",
    moment=True,
)


@dataclass(frozen=True, slots=True)
class MemoryHistory:
    """Two days of one process's memory, and what they said when the last block ended."""

    floors: Floors = b""
    block: int = 0  # number of the current block since 1970; 0: none yet
    lowest: float = 0.0  # bytes, in the current block
    process: Process = NOBODY
    rising_since: float | None = None  # in seconds that only time moves
    slope: float | None = None  # bytes a second
    full_at: float | None = None  # the same
    missed: int = 0  # blocks in a row that did not foretell it again

    @property
    def blocks(self) -> int:
        """How much history there is."""
        return len(self.floors) // 4
