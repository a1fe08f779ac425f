"""What a row of the fleet's page says: the conditions of an agent, over all of its pods."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from probes.contract import TargetKey, Unknown
from probes.contract.condition import Status
from watcher.engine.board import Board, ConditionStatus
from watcher.web.fleet.agent_rows import AgentRow, SharedRow
from watcher.web.fleet.learning import Judged, judged
from watcher.web.fleet.selection import Candidate
from watcher.web.fleet.target_health import Cause, TargetHealth, health_of_verdict

SHOWN_PODS = 4
"""Pods that unfold below one agent; the rest is on the page of the agent alone."""

SHOWN_AGENTS = 10
"""Agents that unfold below what many have in common."""

_READ_PODS = 30
"""Pods of one agent of which the conditions are read; a row counts all by their causes."""

_PARTS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WRITTEN = {"NoURISAN": "no URI SAN", "SeveralURISANs": "several URI SANs", "NotSPIFFEID": "not a SPIFFE ID"}


@dataclass(slots=True)
class Told:
    """One condition of an agent, on as many of its pods as have it for the same reason."""

    condition: ConditionStatus  # of the first of these pods
    key: TargetKey
    health: TargetHealth
    pods: int
    others: list[ConditionStatus] = field(default_factory=list)  # unknown on as many pods for the very same reason


@dataclass(slots=True)
class Said:
    """All that a row says of an agent."""

    told: list[Told]  # the worst first
    left_out: int  # of these
    judged: Judged
    looked_at: float | None  # Unix seconds of the newest probe result; None where there is none
    unevaluated: int  # conditions that are unknown because the probe failed; another one says why
    read: int  # pods that all this is of: of an agent with very many not all are read


def said_of(board: Board, row: AgentRow, most: int, now: float) -> Said:
    """What a row says at `now`, steady seconds; at most so many conditions."""
    row.worst_first()
    pods = row.pods[:_READ_PODS]
    states = [each.state for each in pods]
    told = sorted(_told(board, pods), key=lambda each: (each.health.rank, -each.condition.since))
    shown = _merged(each for each in told if each.condition.verdict.reason != Unknown.SOURCE_FAILED)
    unevaluated = sum(each.condition.verdict.reason == Unknown.SOURCE_FAILED for each in told)
    moments = [look.at for state in states for look in state.looks.values()]
    newest = board.date_of(max(moments)) if moments else None
    return Said(shown[:most], len(shown[most:]), judged(board, states, now), newest, unevaluated, len(pods))


def _told(board: Board, pods: Sequence[Candidate]) -> list[Told]:
    found: dict[tuple[str, ...], Told] = {}
    for pod in pods:
        if not pod.health.in_trouble:
            continue
        for each in board.conditions(pod.state):
            verdict = each.verdict
            health = health_of_verdict(verdict)
            if verdict.status is Status.FALSE or not health.in_trouble:
                continue
            place = (verdict.kind.name, verdict.subject, verdict.status, verdict.reason)
            known = found.get(place)
            if known is None:
                found[place] = Told(each, pod.state.target.key, health, 1)
            else:
                known.pods += 1
    return list(found.values())


def _merged(told: Iterable[Told]) -> list[Told]:
    """What is unknown for one reason that says nothing of each is said once: a metric that lacks, a missing bundle."""
    found: dict[object, Told] = {}
    for each in told:
        unknown = each.health is TargetHealth.UNKNOWN
        place = (each.condition.verdict.text, each.pods, each.key) if unknown else each.condition
        if place in found:
            found[place].others.append(each.condition)
        else:
            found[place] = each
    return list(found.values())


def reasons_of(row: AgentRow, cause: Cause) -> list[str]:
    """Why its pods have this cause, in words; of what is unknown the reason is the cause itself."""
    if cause.reason:
        return [reason_words(cause.reason)]
    reasons = {
        reason
        for pod in row.pods
        for kind, status, reason in pod.summary.outcomes
        if kind.name == cause.condition and status is Status.TRUE and reason != kind.name
    }
    return sorted(map(reason_words, reasons))


def others_of(row: AgentRow, shared: SharedRow) -> list[str]:
    """What else its pods have, by name."""
    return sorted({each.condition or reason_words(each.reason) for each in row.causes - {shared.cause}})


def reason_words(reason: str) -> str:
    """`ConnectionRefused` as `connection refused`; what is an abbreviation stays as it is."""
    words = _WRITTEN.get(reason) or _PARTS.sub(" ", reason)
    return " ".join(word.lower() if word.istitle() else word for word in words.split())
