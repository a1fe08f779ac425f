"""The lines of conditions in /metrics: made once for all targets of which the same is said."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from probes.contract import Metric, Verdict
from probes.contract.condition import Status
from watcher.engine.board import Board, Exported
from watcher.engine.debounce import Verdicts
from watcher.engine.exported.shown_conditions import ShownConditions, shown
from watcher.engine.exported.subjects import ProbeResults
from watcher.metrics.families import CONDITION, CONDITION_REASON, CONDITION_UNKNOWN, CONDITIONS, PREFIX
from watcher.text.exposition import escape

_IDENTITY = "\n\n"
"""Stands for a target's identity labels in a shared text: escaped labels never have two line ends in a row."""

LabelledVerdicts = tuple[str, str, Verdicts]
"""Identity labels of a target, a probe's name, and what it said of the target."""


class ConditionLines:
    """Of one page; what was said is counted, and those in trouble noted, while the lines of conditions are made."""

    def __init__(self, board: Board, oldest: Sequence[float]) -> None:
        """`oldest`: as Board.oldest says."""
        self._board, self._oldest = board, oldest
        self._names = [probe.name for probe in board.probes]
        self._said: Counter[ShownConditions] = Counter()
        self.troubled: list[LabelledVerdicts] = []  # of a healthy fleet few: two families are theirs alone

    def of(self, states: Sequence[Exported]) -> Sequence[str]:
        """The lines of these targets."""
        out, oldest, said = [], self._oldest, self._said
        for state, results, of_target in states:
            says = of_target if _is_fresh(results, oldest) else self._aged(results)
            said[says] += 1
            out.append(state.labels.join(says.parts or self._parts(says)))
            for place, verdicts in says.troubled:
                self.troubled.append((state.labels, self._names[place], verdicts))
        return ["".join(out)]

    def counts(self) -> str:
        """How many targets are told what, over those whose lines were made."""
        probe_of = {kind: probe.name for probe in self._board.probes for kind in probe.conditions}
        total: Counter[tuple[str, str, str, str]] = Counter()
        for verdicts, targets in self._counted():
            for kind, status, reason in verdicts.outcomes:
                total[probe_of[kind], kind.name, status, reason if status is Status.UNKNOWN else ""] += targets
        names = ("probe", "condition", "status", "reason")
        return "".join(
            line(
                CONDITIONS, ",".join(f'{name}="{value}"' for name, value in zip(names, key, strict=True)), str(targets)
            )
            for key, targets in sorted(total.items())
        )

    def _counted(self) -> Iterator[tuple[Verdicts, int]]:
        for says, targets in self._said.items():
            for verdicts in says.by_probe:
                if verdicts is not None:
                    yield verdicts, targets

    def _aged(self, results: ProbeResults) -> ShownConditions:
        by_probe: list[Verdicts | None] = [None] * len(self._names)
        for place, _, verdicts in self._board.fresh(results, self._oldest):
            by_probe[place] = verdicts
        return shown(tuple(by_probe))

    def _parts(self, says: ShownConditions) -> Sequence[str]:
        pairs = zip(self._names, says.by_probe, strict=True)
        texts = [_text(verdicts, name, CONDITION, _condition) for name, verdicts in pairs if verdicts is not None]
        says.parts = "".join(texts).split(_IDENTITY)
        return says.parts


def unknown_lines(troubled: Sequence[LabelledVerdicts]) -> Sequence[str]:
    """Why conditions are unknown."""
    return _lines(troubled, CONDITION_UNKNOWN, _condition_unknown)


def reason_lines(troubled: Sequence[LabelledVerdicts]) -> Sequence[str]:
    """Why conditions are true."""
    return _lines(troubled, CONDITION_REASON, _condition_reason)


def line(metric: Metric, labels: str, value: str) -> str:
    """One series."""
    return f"{PREFIX}{metric.name}{{{labels}}} {value}\n"


def _is_fresh(results: ProbeResults, oldest: Sequence[float]) -> bool:
    for result, least in zip(results, oldest, strict=True):  # noqa: SIM110  a generator takes twice as long
        if result is not None and result.at < least:
            return False
    return True


def _lines(
    troubled: Sequence[LabelledVerdicts], metric: Metric, text_of: Callable[[Verdict, str], str]
) -> Sequence[str]:
    texts = ((_text(verdicts, probe, metric, text_of), labels) for labels, probe, verdicts in troubled)
    return ["".join([text.replace(_IDENTITY, labels) for text, labels in texts if text])]


def _text(verdicts: Verdicts, probe: str, metric: Metric, text_of: Callable[[Verdict, str], str]) -> str:
    """The lines of equal verdicts, made once for the whole fleet."""
    made = verdicts.texts.get(metric)
    if made is None:
        made = verdicts.texts[metric] = "".join([text_of(each, probe) for each in verdicts.all])
    return made


def _condition(verdict: Verdict, probe: str) -> str:
    if verdict.status is Status.UNKNOWN:
        return ""
    return line(CONDITION, _verdict_labels(verdict, probe), "1" if verdict.status is Status.TRUE else "0")


def _condition_unknown(verdict: Verdict, probe: str) -> str:
    if verdict.status is not Status.UNKNOWN:
        return ""
    return line(CONDITION_UNKNOWN, f'{_verdict_labels(verdict, probe)},reason="{verdict.reason}"', "1")


def _condition_reason(verdict: Verdict, probe: str) -> str:
    if verdict.status is not Status.TRUE:
        return ""
    return line(CONDITION_REASON, f'{_verdict_labels(verdict, probe)},reason="{verdict.reason}"', "1")


def _verdict_labels(verdict: Verdict, probe: str) -> str:
    subject = f',subject="{escape(verdict.subject)}"' if verdict.subject else ""
    return f'{_IDENTITY},probe="{probe}",condition="{verdict.kind.name}"{subject}'
