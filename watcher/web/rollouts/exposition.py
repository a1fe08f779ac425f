"""The part of /metrics that tells of the newest rollout of each agent."""

from collections.abc import Sequence

from probes.contract import Metric
from watcher.metrics.families import (
    PREFIX,
    ROLLOUT_FAILING,
    ROLLOUT_FAMILIES,
    ROLLOUT_INFO,
    ROLLOUT_STARTED,
    ROLLOUT_VERDICT,
)
from watcher.rollouts.terms import Outcome
from watcher.rollouts.view import AgentFigures
from watcher.text.exposition import escape
from watcher.web.exposition import Families, Texts
from watcher.web.rollouts.followed import Followed

_SLICE = 50
"""Agents whose lines are made at a time: about a millisecond."""

_VALUES = {Outcome.VERIFIED: "1", Outcome.FAILED: "0", Outcome.UNDECIDED: "0.5", Outcome.UNABLE: "0.5"}


def rollout_families(rollouts: Followed) -> Families:
    """All families of rollouts, as of now."""
    yield ROLLOUT_FAMILIES, _texts(list(rollouts.figures()))


def _texts(shown: Sequence[AgentFigures]) -> Texts:
    for start in range(0, len(shown), _SLICE):
        lines = [_lines(each) for each in shown[start : start + _SLICE]]
        yield ["".join(family) for family in zip(*lines, strict=True)]


def _lines(shown: AgentFigures) -> tuple[str, str, str, str]:
    labels = f'namespace="{escape(shown.namespace)}",agent="{escape(shown.agent)}"'
    found = shown.figures
    info = _line(ROLLOUT_INFO, f'{labels},revision="{found.revision}",phase="{found.phase}"', "1")
    verdicts = (
        _line(ROLLOUT_VERDICT, f'{labels},until="{until}"', _VALUES[outcome])
        for until, outcome in found.outcomes.items()
    )
    failing = _line(ROLLOUT_FAILING, labels, str(int(found.failing))) if found.failing is not None else ""
    return info, "".join(verdicts), _line(ROLLOUT_STARTED, labels, repr(found.began_at)), failing


def _line(metric: Metric, labels: str, value: str) -> str:
    return f"{PREFIX}{metric.name}{{{labels}}} {value}\n"
