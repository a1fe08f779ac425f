"""What people or pipelines say of controls: records, how they are written, and whether one is valid at all."""

from probes.controls.records.listed import listed
from probes.controls.records.record import HOLDS_AFTER_REVISION, Record, Verified, WaiverReason
from probes.controls.records.times import parse_time
from probes.controls.records.validity import (
    CLOCK_SKEW,
    LONGEST_WAIVER,
    Authority,
    Invalid,
    Problem,
    Verify,
    may_count,
    problems,
)

__all__ = [
    "CLOCK_SKEW",
    "HOLDS_AFTER_REVISION",
    "LONGEST_WAIVER",
    "Authority",
    "Invalid",
    "Problem",
    "Record",
    "Verified",
    "Verify",
    "WaiverReason",
    "listed",
    "may_count",
    "parse_time",
    "problems",
]
