"""What the probe `memory` says, to the word."""

from dataclasses import replace

import pytest

from probes.memory import PROBE, MemoryHistory, MemoryLimits
from probes.memory.drift import BLOCK, LEAST_FOR_DRIFT
from tests.probes.judged import T0, Judged

HIGH, DRIFT, PREDICTED = "MemoryHigh", "MemoryDrift", "MemoryExhaustionPredicted"
NAME = "process_resident_memory_bytes"
MIB = 2**20
LEVEL = MemoryHistory(floors=bytes(4 * LEAST_FOR_DRIFT), block=int(T0 // BLOCK))
RISING = replace(LEVEL, rising_since=T0 - 7260, slope=1.5 * MIB / 3600, full_at=T0 + 5400)


def looked(rss: str, history: MemoryHistory = LEVEL) -> Judged:
    judged = Judged(PROBE, MemoryLimits(), parts={"memory_limit": 2048 * MIB}, history=history)
    judged.read(0, f"{rss}\nprocess_start_time_seconds {T0 - 200_000}")
    return judged


@pytest.mark.parametrize(
    ("condition", "rss", "history", "sentence"),
    [
        (
            HIGH,
            f"{NAME} {1945.6 * MIB}",
            LEVEL,
            "One process of the agent holds 1.9 GiB, 95% of the limit of 2.0 GiB.",
        ),
        (
            DRIFT,
            f"{NAME} {100 * MIB}",
            RISING,
            "The floor of one process's memory rises by 1.5 MiB an hour, day over day; this was first seen 2h1m ago.",
        ),
        (
            PREDICTED,
            f"{NAME} {1900 * MIB}",
            RISING,
            (
                "The memory of one process rises by 1.5 MiB an hour without slowing down, "
                "and reaches the limit of 2.0 GiB in 1h30m."
            ),
        ),
        (
            PREDICTED,
            f"{NAME} {1900 * MIB}",
            replace(RISING, full_at=T0 - 60),
            (
                "The memory of one process rises by 1.5 MiB an hour without slowing down, "
                "and should have reached its limit by now."
            ),
        ),
        (
            DRIFT,
            f"{NAME} {100 * MIB}",
            replace(LEVEL, floors=bytes(4 * 20)),
            "Has 3h20m of the 1d4h of one process that it needs.",
        ),
        (
            PREDICTED,
            f"{NAME} {100 * MIB}",
            replace(LEVEL, floors=bytes(4 * 3)),
            "Has 30m0s of the 3h0m of one process that it needs.",
        ),
        (
            PREDICTED,
            f"{NAME} {100 * MIB}",
            replace(LEVEL, floors=b""),
            "Has none of the 3h0m of one process that it needs.",
        ),
        *((condition, "", LEVEL, f"The metrics endpoint has no {NAME}.") for condition in (HIGH, DRIFT, PREDICTED)),
        *((condition, f"{NAME} NaN", RISING, f"{NAME} is nan") for condition in (HIGH, DRIFT, PREDICTED)),
    ],
)
def test_every_verdict_says_exactly_this(condition: str, rss: str, history: MemoryHistory, sentence: str) -> None:
    assert looked(rss, history).message(condition) == sentence


def test_memory_that_stays_where_it_is_is_said_to_do_so() -> None:
    assert looked(f"{NAME} {100 * MIB}").messages() == [kind.all_clear for kind in PROBE.conditions]
