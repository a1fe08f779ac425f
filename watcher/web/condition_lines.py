"""The lines of conditions in /metrics: made once for all targets of which the same is said."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain

from probes.contract import Metric
from probes.contract.condition import Status
from watcher.engine.board import Board, Exported
from watcher.engine.exported.shown_conditions import ShownConditions, shown
from watcher.engine.exported.subjects import ProbeResults
from watcher.engine.outcomes import Outcomes, SubjectOutcome
from watcher.metrics.families import CONDITION, CONDITION_REASON, CONDITION_UNKNOWN, CONDITIONS, PREFIX
from watcher.runtime.cooperative import TimeSlice
from watcher.text.exposition import escape

_IDENTITY = "\n\n"
"""Stands for a target's identity labels in a shared text: escaped labels never have two line ends in a row."""

LabelledOutcomes = tuple[str, str, Outcomes]
"""Identity labels of a target, a probe's name, and what it said of the target."""


class ConditionLines:
    """Of one page; what was said is counted, and those in trouble noted, while the lines of conditions are made."""

    def __init__(self, board: Board, oldest: Sequence[float]) -> None:
        """`oldest`: as Board.oldest says."""
        self._board, self._oldest = board, oldest
        self._names = [probe.name for probe in board.probes]
        self._said: Counter[ShownConditions] = Counter()
        self.troubled: list[LabelledOutcomes] = []  # of a healthy fleet few: two families are theirs alone

    def of(self, states: Sequence[Exported]) -> Sequence[bytes]:
        """The lines of these targets."""
        out, oldest, said = [], self._oldest, self._said
        for state, results, of_target in states:
            says = of_target if _is_fresh(results, oldest) else self._aged(results)
            said[says] += 1
            out.append(as_bytes(state.labels).join(says.parts or self._parts(says)))
            for place, outcomes in says.troubled:
                self.troubled.append((state.labels, self._names[place], outcomes))
        return [b"".join(out)]

    async def counts(self, time_slice: TimeSlice) -> str:
        """How many targets are told what, over those whose lines were made; long where each has subjects of its own."""
        probe_of = {kind: probe.name for probe in self._board.probes for kind in probe.conditions}
        total: Counter[tuple[str, str, str, str]] = Counter()
        for says, targets in self._said.items():
            for kind, status, reason in chain.from_iterable(
                each.distinct for each in says.by_probe if each is not None
            ):
                total[probe_of[kind], kind.name, status, reason if status is Status.UNKNOWN else ""] += targets
            await time_slice.checkpoint()
        names = ("probe", "condition", "status", "reason")
        return "".join(
            line(
                CONDITIONS, ",".join(f'{name}="{value}"' for name, value in zip(names, key, strict=True)), str(targets)
            )
            for key, targets in sorted(total.items())
        )

    def _aged(self, results: ProbeResults) -> ShownConditions:
        by_probe: list[Outcomes | None] = [None] * len(self._names)
        for place, _, verdicts in self._board.fresh(results, self._oldest):
            by_probe[place] = verdicts.outcomes
        return shown(tuple(by_probe))

    def _parts(self, says: ShownConditions) -> Sequence[bytes]:
        pairs = zip(self._names, says.by_probe, strict=True)
        texts = [_text(outcomes, name, CONDITION, _condition) for name, outcomes in pairs if outcomes is not None]
        says.parts = as_bytes("".join(texts)).split(as_bytes(_IDENTITY))
        return says.parts


def unknown_lines(troubled: Sequence[LabelledOutcomes]) -> Sequence[str]:
    """Why conditions are unknown."""
    return _lines(troubled, CONDITION_UNKNOWN, _condition_unknown)


def reason_lines(troubled: Sequence[LabelledOutcomes]) -> Sequence[str]:
    """Why conditions are true."""
    return _lines(troubled, CONDITION_REASON, _condition_reason)


def as_bytes(text: str) -> bytes:
    """Whatever a probe let through as a label, it must not cost everybody the page."""
    return text.encode(errors="replace")


def line(metric: Metric, labels: str, value: str) -> str:
    """One series."""
    return f"{PREFIX}{metric.name}{{{labels}}} {value}\n"


def _is_fresh(results: ProbeResults, oldest: Sequence[float]) -> bool:
    for result, least in zip(results, oldest, strict=True):  # noqa: SIM110  a generator takes twice as long
        if result is not None and result.at < least:
            return False
    return True


def _lines(
    troubled: Sequence[LabelledOutcomes], metric: Metric, text_of: Callable[[SubjectOutcome, str], str]
) -> Sequence[str]:
    texts = ((_text(outcomes, probe, metric, text_of), labels) for labels, probe, outcomes in troubled)
    return ["".join([text.replace(_IDENTITY, labels) for text, labels in texts if text])]


def _text(outcomes: Outcomes, probe: str, metric: Metric, text_of: Callable[[SubjectOutcome, str], str]) -> str:
    """The lines of equal outcomes, made once for the whole fleet."""
    made = outcomes.texts.get(metric)
    if made is None:
        made = outcomes.texts[metric] = "".join([text_of(each, probe) for each in outcomes.all])
    return made


def _condition(outcome: SubjectOutcome, probe: str) -> str:
    if outcome.status is Status.UNKNOWN:
        return ""
    return line(CONDITION, _outcome_labels(outcome, probe), "1" if outcome.status is Status.TRUE else "0")


def _condition_unknown(outcome: SubjectOutcome, probe: str) -> str:
    if outcome.status is not Status.UNKNOWN:
        return ""
    return line(CONDITION_UNKNOWN, f'{_outcome_labels(outcome, probe)},reason="{outcome.reason}"', "1")


def _condition_reason(outcome: SubjectOutcome, probe: str) -> str:
    if outcome.status is not Status.TRUE:
        return ""
    return line(CONDITION_REASON, f'{_outcome_labels(outcome, probe)},reason="{outcome.reason}"', "1")


def _outcome_labels(outcome: SubjectOutcome, probe: str) -> str:
    subject = f',subject="{escape(outcome.subject)}"' if outcome.subject else ""
    return f'{_IDENTITY},probe="{probe}",condition="{outcome.kind.name}"{subject}'
