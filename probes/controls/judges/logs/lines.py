"""Are lines structured, at a quiet level, traceable to requests, and without secrets?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Share
from probes.controls.judges.logs.case import LEAST_LINES, LEAST_REQUESTS, LogCase, log_judge
from probes.controls.judging import Statement

_STRUCTURED, _HAS_FIELD, _LOUD = 0.99, 0.95, 0.01
"""Shares of lines, of one."""

_FIELDS = {
    "logformat.timestamp": ("timestamp", LEAST_LINES, "JSON lines have an RFC 3339 timestamp with a zone"),
    "logformat.level": ("level", LEAST_LINES, "JSON lines have a known level"),
    "logformat.message": ("message", LEAST_LINES, "JSON lines have a message"),
    "logformat.request-id": ("request_id", LEAST_REQUESTS, "JSON lines of requests have a request_id"),
    "logformat.spiffe-id": ("spiffe_id", LEAST_LINES, "JSON lines have a valid spiffe_id"),
    "logformat.duration-ms": ("duration_ms", LEAST_REQUESTS, "JSON lines that end requests have a duration_ms"),
    "logformat.caller-id": ("caller_id", LEAST_REQUESTS, "JSON lines of requests have a SPIFFE ID as caller_id"),
}


@log_judge(*_FIELDS)
def has_field(case: LogCase) -> Iterator[Statement]:
    """Whether lines have one of the seven fields of the checklist, at top level."""
    name, least, what = _FIELDS[case.control.id]
    yield case.by_share(case.seen.fields.get(name, Share(0, 0)), least, _HAS_FIELD, what)


@log_judge("observability.logging.structured")
def structured(case: LogCase) -> Iterator[Statement]:
    """Whether lines are JSON objects; one that is longer than is read of a line may be one."""
    seen = case.seen
    whole = Share(seen.lines - seen.cut, seen.objects)
    yield case.by_share(whole, LEAST_LINES, _STRUCTURED, "lines are JSON objects")


@log_judge("observability.logging.request-id")
def names_requests(case: LogCase) -> Iterator[Statement]:
    """Whether lines of requests say of which."""
    yield case.by_share(
        case.seen.request_or_trace, LEAST_REQUESTS, _HAS_FIELD, "lines of requests have a request_id or trace_id"
    )


@log_judge("observability.logging.level-appropriate")
def quiet(case: LogCase) -> Iterator[Statement]:
    """Whether hardly any line is for debugging; of few lines nothing is said, and the config decides."""
    levels = case.seen.levels
    told, loud = sum(levels.values()), levels.get("DEBUG", 0) + levels.get("TRACE", 0)
    if told < LEAST_LINES:
        return
    if loud > _LOUD * told:
        yield case.bad(f"{loud / told:.0%} of {told} lines are of level DEBUG or TRACE.")
    else:
        yield case.good(f"{loud} of {told} lines are of level DEBUG or TRACE.")


@log_judge("observability.logging.sensitive-redacted")
def redacted(case: LogCase) -> Iterator[Statement]:
    """Whether a rule for secrets or personal data matches; never what it matched."""
    found = sorted(case.seen.found.items(), key=lambda each: (-each[1], each[0]))
    if found:
        told = ", ".join(f"{rule} in {count}" for rule, count in found[:5])
        yield case.bad(f"Of {case.seen.lines} lines some have what should be redacted: {told}.")
    elif case.seen.lines < LEAST_LINES:  # so few do not show that what was found is found no more
        yield case.unclear(UnknownReason.NO_DATA, f"Only {case.seen.lines} lines were read.")
