"""Spans of an agent, whichever store they came from, counted."""

from collections.abc import Iterable
from typing import NamedTuple

from probes.contract.spiffe_id import parse_spiffe_id
from probes.controls.evidence import Missing, Retention, TraceSample
from probes.controls.evidence.gathered import NOT_GIVEN

HOUR = 3600.0
MOST_TRACES, MOST_SPANS = 20, 20
"""That are asked for, and that are looked at."""


class Span(NamedTuple):
    """One server or client span of the agent."""

    is_call: bool  # a client's
    failed: bool
    values: tuple[str, ...]  # texts of its attributes


def counted(
    traces: int, spans: Iterable[Span], retention: Retention | Missing = NOT_GIVEN, *, heard: bool
) -> TraceSample:
    """What is said of these; `heard`: whether the store had a trace of any agent."""
    seen = list(spans)[:MOST_SPANS]
    calls = [each for each in seen if each.is_call]
    return TraceSample(
        traces,
        more=traces >= MOST_TRACES,
        spans=len(seen),
        with_spiffe_id=sum(any(parse_spiffe_id(value) for value in each.values) for each in seen),
        calls=len(calls),
        failed_calls=sum(each.failed for each in calls),
        heard=heard,
        retention=retention,
    )


def service_of(template: str, namespace: str, agent: str) -> str:
    """The name of an agent as a service."""
    return template.replace("${namespace}", namespace).replace("${agent}", agent)
