"""Decisions of an agent on its callers, as its own counters tell them: how many, and how many were denials."""

from typing import NamedTuple

from probes.contract.signal import SignalValues
from probes.readings.metrics_page import RememberedPage
from watcher.rollouts.requests.minutes import GAP

SIGNAL = "authz_decisions"
_ALLOWED = ("allow", "allowed", "permit", "permitted", "accept", "accepted", "success", "true")
_DENIED = ("deny", "denied", "reject", "rejected", "forbidden", "unauthorized", "false")


class Decisions(NamedTuple):
    """Counters of one pod at one look."""

    at: float  # steady seconds
    all: float
    denied: float


def decisions_of(reading: object, at: float) -> Decisions | None:
    """What a page says at `at` (steady seconds); None where it counts none, or not of all how they ended."""
    found = reading.kept.get(SIGNAL) if isinstance(reading, RememberedPage) and not reading.error else None
    if not isinstance(found, SignalValues) or found.unreadable:
        return None
    ends = {name: name.strip().lower() for name in found.by_subject}
    if not ends or not all(each in _ALLOWED or each in _DENIED for each in ends.values()):
        return None
    denied = sum(value for name, value in found.by_subject.items() if ends[name] in _DENIED)
    return Decisions(at, sum(found.by_subject.values()), denied)


def decided(before: Decisions | None, now: Decisions) -> tuple[float, float] | None:
    """How many there were between two looks, and how many were denials; None where they do not follow each other.

    A process whose counters fell is a new one, which began at nothing.
    """
    if before is None or not 0 < now.at - before.at <= GAP:
        return None
    if now.all < before.all or now.denied < before.denied:
        return now.all, now.denied
    return now.all - before.all, min(now.denied - before.denied, now.all - before.all)
