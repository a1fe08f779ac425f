"""The conditions of a target for readers: of each that passes, with the numbers that its probe measured.

The board has one object for all that are equally healthy, so that looks which change nothing cost nothing; numbers are
put beside it when somebody reads, and are part of no history.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from probes.contract import Verdict
from probes.contract.condition import Status
from watcher.engine.board import ConditionStatus, TargetState
from watcher.engine.engine import Engine
from watcher.runtime.failures import FailuresLogger
from watcher.web.pictures.of_target import Remembered, remembered

log = logging.getLogger(__name__)

MOST = 150
"""Sentences of one probe on one target: three for each subject that is exported."""

Told = Callable[[TargetState], Sequence[ConditionStatus]]
"""All conditions of a target as of now, trouble first."""


def told_by(engine: Engine) -> Told:
    """What the engine knows of whatever target it looks at."""
    logger = FailuresLogger(log)

    def of(state: TargetState) -> Sequence[ConditionStatus]:
        numbers = {each.probe.name: _numbers(each, state, logger) for each in remembered(engine, state)}
        return [_with(each, numbers.get(each.probe, _NOTHING)) for each in engine.board.conditions(state)]

    return of


_Numbers = Mapping[tuple[str, str], str]
_NOTHING: _Numbers = {}


def _numbers(of: Remembered, state: TargetState, logger: FailuresLogger) -> _Numbers:
    """By condition and subject."""
    try:
        measured = islice(of.probe.measured(of.history, of.context), MOST)
        return {(each.kind.name, each.subject): each.said for each in measured}
    except Exception:  # the boundary: a probe that raises costs its numbers, never the page
        logger.exception("numbers cannot be had", probe=of.probe.name, target="/".join(state.target.key))
        return _NOTHING


def _with(condition: ConditionStatus, numbers: _Numbers) -> ConditionStatus:
    verdict = condition.verdict
    said = numbers.get((verdict.kind.name, verdict.subject)) if verdict.status is Status.FALSE else None
    if not said:
        return condition
    passes = Verdict(verdict.kind, verdict.status, verdict.reason, verdict.subject, f"{verdict.message} {said}")
    return condition._replace(verdict=passes)
