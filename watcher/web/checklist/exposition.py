"""The part of /metrics that tells of agents by the checklist: made in the same way as that of targets."""

from collections.abc import Callable, Iterator, Sequence

from probes.contract import Metric
from probes.controls.evidence import AgentRef
from probes.controls.finding import RecordRef, State
from watcher.checklist.live.agent_verdict import AgentVerdict
from watcher.checklist.live.turns import Regression
from watcher.checklist.live.view import ChecklistView
from watcher.metrics.families import (
    CONTROLS_DROPPED,
    NOT_MET,
    PREFIX,
    READINESS,
    READINESS_CONTROLS,
    READINESS_COVERAGE,
    READINESS_LOWER,
    READINESS_UPPER,
    RECORD_EXPIRING,
    RECORD_EXPIRY,
    REGRESSED,
)
from watcher.text.exposition import escape
from watcher.web.exposition import Families, Texts

_SLICE = 20
"""Agents whose lines are made at a time: about a millisecond."""

_WARNED = 14 * 86400.0
"""Seconds before its end in which a record is told to end soon, or a fifth of its validity where that is shorter."""

_RESTING = (State.ATTESTED, State.WAIVED)

Shown = tuple[str, AgentVerdict]
"""The labels of an agent, and what is kept of it."""


def agent_families(view: ChecklistView) -> Families:
    """All families of agents, as of now."""
    refs = view.agents()
    shown = [(_labels(ref), verdict) for ref in refs if (verdict := view.verdict(ref)) is not None]
    regressed = [(_labels(ref), found) for ref in refs if (found := _told(view, ref))]
    yield [READINESS], _texts(shown, _readiness)
    yield [READINESS_CONTROLS], _texts(shown, _controls)
    yield [READINESS_LOWER], _texts(shown, lambda each: _ratio(READINESS_LOWER, each, each[1].readiness.lower))
    yield [READINESS_UPPER], _texts(shown, lambda each: _ratio(READINESS_UPPER, each, each[1].readiness.upper))
    yield [READINESS_COVERAGE], _texts(shown, lambda each: _ratio(READINESS_COVERAGE, each, each[1].readiness.coverage))
    yield [NOT_MET], _texts(shown, _not_met)
    yield [CONTROLS_DROPPED], _texts(shown, _dropped)
    yield [REGRESSED], iter([["".join(_regressed(labels, found))] for labels, found in regressed])
    yield [RECORD_EXPIRY], _record_texts(view, refs, RECORD_EXPIRY, lambda _: True)
    yield [RECORD_EXPIRING], _record_texts(view, refs, RECORD_EXPIRING, lambda each: _expiring(each, view.now))


def _labels(ref: AgentRef) -> str:
    return f'namespace="{escape(ref.namespace)}",agent="{escape(ref.agent)}"'


def _told(view: ChecklistView, ref: AgentRef) -> dict[str, Regression]:
    verdict = view.verdict(ref)
    return dict(view.regressed(ref)) if verdict is not None and verdict.profile.alerts else {}


def _texts(shown: Sequence[Shown], lines: Callable[[Shown], Iterator[str]]) -> Texts:
    for start in range(0, len(shown), _SLICE):
        yield ["".join([line for each in shown[start : start + _SLICE] for line in lines(each)])]


def _record_texts(
    view: ChecklistView, refs: Sequence[AgentRef], metric: Metric, wanted: Callable[[RecordRef], bool]
) -> Texts:
    for start in range(0, len(refs), _SLICE):
        yield ["".join([line for ref in refs[start : start + _SLICE] for line in _ends(view, ref, metric, wanted)])]


def _ends(view: ChecklistView, ref: AgentRef, metric: Metric, wanted: Callable[[RecordRef], bool]) -> Iterator[str]:
    labels = _labels(ref)
    for control, state, record in view.resting(ref):
        if state in _RESTING and wanted(record):
            yield _line(metric, f'{labels},control="{control}",kind="{record.kind}"', repr(record.expires_at))


def _expiring(record: RecordRef, now: float) -> bool:
    return record.expires_at - now < min(_WARNED, (record.expires_at - record.at) / 5)


def _line(metric: Metric, labels: str, value: str) -> str:
    return f"{PREFIX}{metric.name}{{{labels}}} {value}\n"


def _readiness(each: Shown) -> Iterator[str]:
    labels, verdict = each
    beside = f'verdict="{verdict.readiness.verdict}",profile="{escape(verdict.profile.name)}"'
    yield _line(READINESS, f"{labels},{beside}", "1")


def _controls(each: Shown) -> Iterator[str]:
    labels, verdict = each
    for section, state, count in verdict.sections:
        yield _line(READINESS_CONTROLS, f'{labels},section="{section}",state="{state}"', str(count))


def _ratio(metric: Metric, each: Shown, value: float | None) -> Iterator[str]:
    if value is not None:
        yield _line(metric, each[0], repr(value))


def _not_met(each: Shown) -> Iterator[str]:
    labels, verdict = each
    for control, severity, state, reason in verdict.not_met:
        beside = f'control="{control}",severity="{severity}",state="{state}",reason="{reason}"'
        yield _line(NOT_MET, f"{labels},{beside}", "1")


def _dropped(each: Shown) -> Iterator[str]:
    if each[1].dropped:
        yield _line(CONTROLS_DROPPED, each[0], str(each[1].dropped))


def _regressed(labels: str, found: dict[str, Regression]) -> Iterator[str]:
    for control, (at, before, after) in found.items():
        yield _line(REGRESSED, f'{labels},control="{control}",from="{before}",to="{after}"', repr(at))
