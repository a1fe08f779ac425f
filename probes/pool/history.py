"""What is judged of an agent's connection pools, by which limits, and what is remembered of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import Field

from probes.contract import ConditionKind, Limits, Metric, Seconds, Severity, Target
from probes.contract.condition import Window
from probes.history.process import NOBODY, Process
from probes.pool.trend import Rise


class PoolLimits(Limits):
    """When a connection pool is trouble."""

    saturated_ratio: float = Field(
        default=0.80, gt=0, lt=1, description="failing when connections in use / pool_capacity is above this"
    )
    exhaustion_within: Seconds = Field(
        default=1800.0, gt=0, description="length of the rise that is needed, and of the forecast"
    )


SATURATED = ConditionKind(
    name="PoolSaturated",
    severity=Severity.WARNING,
    subject="pool",
    true_when="More of a connection pool is in use than `saturated_ratio`.",
    all_clear="At most `saturated_ratio` of the pool is in use.",
    repeated=True,
    needs=("pool_capacity",),
)
EXHAUSTED = ConditionKind(
    name="PoolExhausted",
    severity=Severity.CRITICAL,
    subject="pool",
    true_when="All connections of a pool are in use: the next call waits or fails.",
    all_clear="The pool has connections left.",
    repeated=True,
    needs=("pool_capacity",),
)
PREDICTED = ConditionKind(
    name="PoolExhaustionPredicted",
    severity=Severity.WARNING,
    subject="pool",
    true_when="The use of a pool rose all through `exhaustion_within` and will reach its capacity within the same "
    "time again.",
    all_clear="The use of the pool does not rise steadily towards its capacity.",
    needs=("pool_capacity",),
    window=Window("exhaustion_within"),
)
IN_USE = Metric(name="pool_in_use", help="Connections of a pool in use.", labels=("pool",))
CAPACITY = Metric(name="pool_capacity", help="Size of a connection pool, as configured.", labels=("pool",))
EXHAUSTION = Metric(
    name="pool_exhaustion_timestamp_seconds",
    help="When a pool whose use rises will be full; absent without a forecast.",
    labels=("pool",),
    moment=True,
)


@dataclass(frozen=True, slots=True)
class PoolHistory:
    """How the use of each pool went."""

    pools: Mapping[str, Rise] = field(default_factory=dict)
    process: Process = NOBODY
    renewed: float | None = None  # when a new process was first seen, in seconds that only time moves


def capacity_of(target: Target, pool: str) -> int:
    """Connections that a pool of the target may have; 0 where that is not known."""
    given = target.pool_capacity
    return given if isinstance(given, int) else (given or {}).get(pool, 0)
