"""What is an Event: when is there one, what is it called, and what does it say? Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from probes.contract import Verdict, say_duration
from probes.contract.condition import Status
from watcher.engine.exported.subjects import ProbeResults
from watcher.kube.objects import REPORTER
from watcher.kube.pod_ref import PodRef
from watcher.text.printable import printable
from watcher.text.timestamps import micro_time

MAX_NOTE = 1024
"""Bytes (NoteLengthLimit of pkg/apis/core/validation/events.go)."""

_MAX_NAME = 253
_MAX_INSTANCE = 128


class ConditionSubject(NamedTuple):
    """Where in a target something is wrong."""

    condition: str
    subject: str


class ObjectKind(NamedTuple):
    """What kind of an object an Event is about."""

    api_version: str
    kind: str


POD = ObjectKind("v1", "Pod")


class Transition(NamedTuple):
    """A condition that turned true, or is resolved."""

    verdict: Verdict
    since: float  # Unix seconds at which it took its status
    began: float  # Unix seconds at which it turned true


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What is to be told of one condition of one pod, or of a rollout of a workload."""

    pod: PodRef  # or another object that it is about
    place: ConditionSubject
    resolved: bool
    note: str
    since: float  # Unix seconds at which the condition took this status
    observed: float  # Unix seconds at which we last saw that it has it
    kind: ObjectKind = POD
    good: bool = False  # no condition, but good news


def transitions(reported: Mapping[ConditionSubject, float], results: ProbeResults) -> Iterator[Transition]:
    """What turned, where these were told to be true since (steady seconds). Unknown neither begins nor ends one."""
    for result in results:
        if result is None or (result.verdicts.calm and not reported):
            continue
        for verdict, since in zip(result.verdicts.all, result.since, strict=True):
            place = condition_subject(verdict)
            if verdict.status is Status.TRUE and place not in reported:
                yield Transition(verdict, since, since)
            elif verdict.status is Status.FALSE and place in reported:
                yield Transition(verdict, since, reported[place])


def vanished(reported: Mapping[ConditionSubject, float], results: ProbeResults) -> list[ConditionSubject]:
    """What was told and no longer applies: a callee that the page does not name any more, a probe switched off.

    Where a condition is unknown as a whole, nothing is known of its subjects either, and they stay.
    """
    listed = {
        condition_subject(verdict): verdict.status for result in results if result for verdict in result.verdicts.all
    }
    left = (place for place in reported if place not in listed)
    return [place for place in left if listed.get(ConditionSubject(place.condition, "")) is not Status.UNKNOWN]


def condition_subject(verdict: Verdict) -> ConditionSubject:
    """Which condition and subject a verdict is about."""
    return ConditionSubject(verdict.kind.name, verdict.subject)


def event_of(pod: PodRef, turned: Transition, observed: float) -> Event:
    """What is told of it at `observed` (Unix seconds)."""
    verdict, resolved = turned.verdict, turned.verdict.status is Status.FALSE
    message = verdict.text or verdict.kind.true_when
    if resolved:
        message = f"Resolved after {say_duration(max(0.0, turned.since - turned.began))}. {message}"
    return Event(
        pod=pod,
        place=condition_subject(verdict),
        resolved=resolved,
        note=note(message),
        since=turned.since,
        observed=observed,
    )


def note(text: str) -> str:
    """In one line of printable characters, and at most 1024 bytes."""
    said = printable(text[:MAX_NOTE]).encode()
    return said.decode() if len(said) <= MAX_NOTE else said[: MAX_NOTE - 3].decode(errors="ignore") + "…"


def name_of(event: Event) -> str:
    """The same for the same pod, condition and subject; that it is resolved has a name of its own. A DNS subdomain."""
    place = event.place
    identity = "\0".join((event.pod.uid, *place)).encode(errors="backslashreplace")
    ending = f".{place.condition.lower()}{'-resolved' if event.resolved else ''}.{sha256(identity).hexdigest()[:16]}"
    return event.pod.name[: _MAX_NAME - len(ending)].rstrip("-.") + ending


def new_object(event: Event, instance: str) -> dict[str, Any]:
    """The Event as it is created; `instance`: which watcher tells it."""
    pod = event.pod
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name_of(event), "namespace": pod.namespace},
        "eventTime": micro_time(event.since),
        "type": "Normal" if event.resolved or event.good else "Warning",
        "reason": event.place.condition,
        "action": "Watching",
        "note": event.note,
        "regarding": {
            "apiVersion": event.kind.api_version,
            "kind": event.kind.kind,
            "namespace": pod.namespace,
            "name": pod.name,
            "uid": pod.uid,
        },
        "reportingController": REPORTER,
        "reportingInstance": instance[:_MAX_INSTANCE],
    }


def series(count: int, observed: float) -> dict[str, Any]:
    """The only change of an Event that the API server takes: told so often, last at that time (Unix seconds)."""
    return {"series": {"count": max(2, count), "lastObservedTime": micro_time(observed)}}
