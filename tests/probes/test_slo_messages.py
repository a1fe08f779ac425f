"""What the probe `slo` says, to the word."""

import pytest

from probes.slo import PROBE, SLOLimits
from tests.probes.judged import Judged

ERROR_RATE, LATENCY = "ErrorRateHigh", "LatencyHigh"
TOTAL, TOOK = "agentweave_requests_total", "agentweave_request_duration_seconds"
BY_STATUS = 'REQUESTS{status="success"} 90 * N\nREQUESTS{status="STATUS"} 10 * N'.replace("REQUESTS", TOTAL)
HISTOGRAM = 'TOOK_bucket{le="BOUND"} 90 * N\nTOOK_bucket{le="+Inf"} 100 * N'.replace("TOOK", TOOK)
SUMMARY = 'TOOK{quantile="QUANTILE"} 0.4\nTOOK_count 100 * N'.replace("TOOK", TOOK)

NO_ENDINGS = "The metrics endpoint does not say how requests ended, by a label `status` or by a counter of errors."
UNCLEAR_STATUS = "Some requests have a status that is neither one of failed_statuses nor one of good_statuses."
UNCLEAR_DURATION = (
    "The metrics endpoint has no bucket or quantile that tells how many requests were slower than p95_limit."
)


def looked(text: str) -> Judged:
    """Twelve looks, every 30 seconds, at pages that say this; `90 * N` grows by 90 a look."""
    judged = Judged(PROBE, SLOLimits())
    for number in range(12):
        judged.read(30 * number, "\n".join(_of_look(line, number) for line in text.splitlines()))
    return judged


def _of_look(line: str, number: int) -> str:
    series, _, value = line.removesuffix(" * N").rpartition(" ")
    return f"{series} {int(value) * number}" if line.endswith(" * N") else line


ALL_SLOW = "The p95 of 100.0% of 1,100 requests"


@pytest.mark.parametrize(
    ("condition", "text", "sentence"),
    [
        (ERROR_RATE, BY_STATUS.replace("STATUS", "error"), "10.0% of 1,100 requests failed over 5m30s."),
        (ERROR_RATE, BY_STATUS.replace("STATUS", "strange"), UNCLEAR_STATUS),
        (ERROR_RATE, "", f"The metrics endpoint has no {TOTAL}."),
        (ERROR_RATE, f"{TOTAL} 100 * N", NO_ENDINGS),
        (ERROR_RATE, f"{TOTAL} NaN", f"{TOTAL} is nan"),
        (ERROR_RATE, f'{TOTAL}{{status="ok"}} 5\n' * 2, f"{TOTAL} has the same series twice"),
        (ERROR_RATE, f"{TOTAL} 5\nagentweave_errors_total -1", "agentweave_errors_total is -1"),
        (LATENCY, HISTOGRAM.replace("BOUND", "0.2"), "10.0% of 1,100 requests took longer than 200ms over 5m30s."),
        (
            LATENCY,
            SUMMARY.replace("QUANTILE", "0.95"),
            "The p95 of 100.0% of 1,100 requests over 5m30s is above 200ms.",
        ),
        (LATENCY, HISTOGRAM.replace("BOUND", "0.1"), UNCLEAR_DURATION),
        (LATENCY, SUMMARY.replace("QUANTILE", "0.99"), UNCLEAR_DURATION),
        (LATENCY, "", f"The metrics endpoint has no {TOOK}."),
        (LATENCY, f"{TOOK}_count 100 * N", f"{TOOK} has neither buckets nor quantiles."),
        (LATENCY, f'{TOOK}{{quantile="0.95"}} 0.1', f"{TOOK} has quantiles without a count"),
        (LATENCY, SUMMARY.replace("QUANTILE", "high"), f"{TOOK} has a quantile that is no number"),
        (LATENCY, f'{TOOK}_bucket{{le="0.1"}} 5', f"{TOOK} has buckets that do not add up"),
        (LATENCY, f'{TOOK}_bucket{{le="+Inf"}} -1', f"{TOOK}_bucket is -1"),
    ],
)
def test_every_verdict_says_exactly_this(condition: str, text: str, sentence: str) -> None:
    assert looked(text).message(condition) == sentence


def test_requests_that_end_well_and_soon_are_said_to_do_so() -> None:
    told = looked(BY_STATUS.replace("STATUS", "denied") + "\n" + HISTOGRAM.replace('"BOUND"} 90', '"0.2"} 100'))
    assert told.messages() == [kind.all_clear for kind in PROBE.conditions]
