"""A rollout, its record and its answer at a gate as JSON."""

from collections.abc import Iterator
from typing import Any

from probes.contract.units import utc
from watcher.rollouts.reports.gate_answer import Answer
from watcher.rollouts.reports.record import BLANK, Box, Record, Text
from watcher.rollouts.reports.way_back import way_back
from watcher.rollouts.rollout import Line, Rollout, verdict
from watcher.rollouts.terms import Window


def gate_json(answer: Answer, *, alone: bool) -> dict[str, Any]:
    """What a gate answers; `alone`: the verdict without its lines and reasons."""
    said: dict[str, Any] = {
        "verdict": answer.outcome.value,
        "revision": answer.revision,
        "image": answer.image,
        "until": answer.until.value,
        "reason": answer.reason,
    }
    if alone:
        return said
    phase = answer.rollout.phase.value if answer.rollout is not None else ""
    without = list(answer.verified_without)
    return said | {
        "phase": phase,
        "message": answer.why,
        "verified_without": without,
        "lines": [line_json(each) for each in answer.lines],
    }


def line_json(line: Line) -> dict[str, Any]:
    """One line of the checklist."""
    return {
        "line": line.name.value,
        "window": line.window.value,
        "state": line.state.value,
        "reason": line.reason,
        "message": line.message,
        "decided_at": _moment(line.decided_at),
        "evidence": list(line.evidence),
        "conditions": list(line.conditions),
    }


def summary_json(rollout: Rollout) -> dict[str, Any]:
    """A rollout in a list."""
    revision, before = rollout.revision, rollout.before
    return {
        "namespace": rollout.namespace,
        "agent": rollout.agent,
        "revision": revision.id,
        "image": revision.image,
        "config": revision.config,
        "reference": revision.reference,
        "templates": list(revision.templates),
        "phase": rollout.phase.value,
        "verdicts": {until.value: verdict(rollout, until).outcome.value for until in Window},
        "workload": rollout.workload,
        "managed_by": rollout.managed_by,
        "began_at": _moment(rollout.began_at),
        "ready_at": _moment(rollout.ready_at),
        "ended_at": _moment(rollout.ended_at),
        "ended_by": rollout.ended_by,
        "before": before.id if before is not None else "",
        "verified_before": rollout.verified_before,
    }


def rollout_json(rollout: Rollout, record: Record) -> dict[str, Any]:
    """One rollout in full."""
    pods, back = rollout.pods, way_back(rollout)
    return summary_json(rollout) | {
        "is_first": rollout.is_first,
        "is_canary": rollout.is_canary,
        "is_paused": rollout.is_paused,
        "stuck": rollout.stuck,
        "pods": {"wanted": pods.wanted, "updated": pods.updated, "ready": pods.ready, "old": pods.old},
        "previous_healthy_at": _moment(rollout.previous_healthy_at),
        "baseline": rollout.baseline,
        "verified_without": list(verdict(rollout, Window.SHORT).verified_without),
        "claimed": dict(rollout.claimed),
        "lines": [line_json(each) for each in rollout.lines],
        "fired": list(_fired(rollout)),
        "unseen": [{"from": utc(each.began), "to": utc(each.ended)} for each in rollout.unseen],
        "notes": list(rollout.notes),
        "way_back": {"says": list(back.says), "commands": list(back.commands)},
        "record": record_json(record),
    }


def _fired(rollout: Rollout) -> Iterator[dict[str, Any]]:
    for each in rollout.fired:
        yield {
            "condition": each.condition,
            "subject": each.subject,
            "pod": each.pod,
            "at": utc(each.at),
            "resolved_at": _moment(each.resolved_at),
        }


def record_json(record: Record) -> dict[str, Any]:
    """The template, filled in; null where it is left open."""
    return {
        "version": _text(record.version),
        "date": record.date,
        "engineer": _text(record.engineer),
        "environment": record.environment,
        "sections": [{"heading": each.heading, "boxes": list(map(_box, each.boxes))} for each in record.sections],
        "status": {name.lower().replace(" ", "_"): ticked for name, ticked in record.status.items()},
        "beside": record.beside,
        "notes": [_text(each) for each in record.notes],
    }


def _text(text: Text) -> dict[str, Any] | None:
    return None if text.said == BLANK else {"text": text.said, "claimed": text.claimed}


def _box(box: Box) -> dict[str, Any]:
    return {
        "box": box.words.replace("{}", BLANK),
        "ticked": box.ticked,
        "filled": _text(box.filled) if "{}" in box.words else None,
        "evidence": box.said,
        "by_person": box.by_person,
    }


def _moment(moment: float | None) -> str | None:
    return None if moment is None else utc(moment)
