"""What the probe `pool` says, to the word."""

import pytest

from probes.pool import PROBE, PoolLimits
from tests.probes.judged import Judged

SATURATED, EXHAUSTED, PREDICTED = "PoolSaturated", "PoolExhausted", "PoolExhaustionPredicted"
ACTIVE = "agentweave_connection_pool_active"
DB = ACTIVE + '{pool="db"} '
ABSENT = f"The metrics endpoint has no {ACTIVE} or agentweave_active_connections."
NO_CAPACITY = "No pool of the metrics endpoint has a capacity, such as cache."


def looked(text: str, until: int = 0) -> Judged:
    """Looks every 30 seconds at pages that say this; `MINUTES` is how many have passed since the first."""
    judged = Judged(PROBE, PoolLimits(), parts={"pool_capacity": {"db": 100}})
    for at in range(0, until + 1, 30):
        judged.read(at, text.replace("MINUTES", str(at // 60)))
    return judged


@pytest.mark.parametrize(
    ("condition", "text", "until", "sentence"),
    [
        (SATURATED, DB + "81", 0, "81 of 100 connections of pool db are in use."),
        (SATURATED, DB + "120", 0, "120 of 100 connections of pool db are in use."),
        (EXHAUSTED, DB + "100", 0, "100 of 100 connections of pool db are in use."),
        (PREDICTED, DB + "MINUTES", 5100, "Pool db has filled for 30m0s and is full in 15m30s."),
        (SATURATED, "", 0, ABSENT),
        (EXHAUSTED, f"# TYPE {ACTIVE} gauge", 0, f"The metrics endpoint has {ACTIVE}, but without a sample."),
        (PREDICTED, "", 0, ABSENT),
        (SATURATED, ACTIVE + '{pool="web"} 3\n' + ACTIVE + '{pool="cache"} NaN', 0, NO_CAPACITY),
        (EXHAUSTED, DB + "-1", 0, f"{ACTIVE} is -1"),
    ],
)
def test_every_verdict_says_exactly_this(condition: str, text: str, until: int, sentence: str) -> None:
    assert looked(text, until).message(condition) == sentence


def test_a_pool_with_room_is_said_to_have_it_by_name() -> None:
    assert looked(DB + "3", until=2000).messages() == [f"db: {kind.all_clear}" for kind in PROBE.conditions]
