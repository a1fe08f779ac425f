"""The page at /metrics: label text made once, values filled in at the scrape, in pieces that let looks go on.

prometheus_client's own rendering costs 4-7 us a series and stalls the loop for seconds at 100,000 of them
(research/performance.md, section 5); this costs 0.3. Only the daemon's own few series come from the library.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from math import inf
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.utils import floatToGoString

from probes.contract import Metric, Verdict
from probes.contract.condition import Status
from watcher.engine.board import Board, TargetState
from watcher.engine.debounce import Verdicts
from watcher.engine.exported_subjects import ProbeResults
from watcher.metrics.families import (
    CONDITION,
    CONDITION_REASON,
    CONDITION_UNKNOWN,
    CONDITIONS,
    PREFIX,
    SUBJECTS_DROPPED,
    TARGET_INFO,
    TARGET_PROBLEMS,
)
from watcher.runtime.cooperative import TimeSlice
from watcher.text.exposition import escape

_IDENTITY = "\n\n"
"""Stands for a target's identity labels in a shared text: escaped labels never have two line ends in a row."""

_SLICE = 100
"""Targets rendered at a time: about a millisecond."""

Shown = tuple[TargetState, ProbeResults]
LabelledVerdicts = tuple[str, str, Verdicts]
"""Identity labels of a target, a probe's name, and what it said of the target."""

Texts = Iterator[Sequence[str]]
"""The text of some targets, by family, made when it is asked for."""

Families = Iterable[tuple[Sequence[Metric], Texts]]
"""Families that are made together, and their texts."""

T = TypeVar("T")


async def render(
    board: Board, own: CollectorRegistry, now: float, beside: Families = (), *, openmetrics: bool
) -> AsyncIterator[bytes]:
    """The whole page in pieces; one consistent view of every target, as of `now` (steady seconds), and `beside` it."""
    states, oldest = board.exported_states(), board.oldest(now)
    counts: Counter[Verdicts] = Counter()
    time_slice = TimeSlice()
    for families, texts in chain(_groups(board, states, oldest, counts), beside):
        first, *others = families
        later: dict[Metric, list[bytes]] = {metric: [] for metric in others}
        yield _head(first, openmetrics=openmetrics)
        for text, *others_of in texts:
            for kept, other in zip(later.values(), others_of, strict=True):
                kept.append(_bytes(other))
            yield _bytes(text)
            await time_slice.checkpoint()
        for metric, kept in later.items():
            yield _head(metric, openmetrics=openmetrics)
            for piece in kept:
                yield piece
                await time_slice.checkpoint()
    yield _head(CONDITIONS, openmetrics=openmetrics) + _bytes(_condition_counts(board, counts))
    async for piece in render_own(own, openmetrics=openmetrics):
        yield piece


async def render_own(own: CollectorRegistry, *, openmetrics: bool) -> AsyncIterator[bytes]:
    """The end of the page, and all of it on standby: what the daemon says of itself and the fleet as a whole."""
    # The library's page ends with the `# EOF` that OpenMetrics asks for.
    yield generate_openmetrics(own) if openmetrics else generate_latest(own)  # type: ignore[no-untyped-call]  # theirs


def _bytes(text: str) -> bytes:
    # Whatever a probe let through as a label, it must not cost everybody the page.
    return text.encode(errors="replace")


def _groups(
    board: Board, states: list[Shown], oldest: tuple[float, ...], counts: Counter[Verdicts]
) -> Iterator[tuple[Sequence[Metric], Texts]]:
    troubled: list[LabelledVerdicts] = []  # of a healthy fleet few: the two families after the first are theirs alone
    yield [CONDITION], map(_condition_lines(board, oldest, counts, troubled), _slices(states))
    yield [CONDITION_UNKNOWN], map(_verdict_lines(CONDITION_UNKNOWN, _condition_unknown), _slices(troubled))
    yield [CONDITION_REASON], map(_verdict_lines(CONDITION_REASON, _condition_reason), _slices(troubled))
    yield [TARGET_INFO], map(_target_info, _slices(states))
    yield [SUBJECTS_DROPPED], map(_subjects_dropped, _slices(states))
    yield [TARGET_PROBLEMS], map(_target_problems, _slices(states))
    for index, probe in enumerate(board.probes):
        metrics = [metric for metric in probe.metrics if not metric.fleet]
        if metrics:
            yield metrics, map(_sample_lines(index, metrics, oldest[index], board.date_of(0.0)), _slices(states))


def _slices(items: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), _SLICE):
        yield items[start : start + _SLICE]


def _head(metric: Metric, *, openmetrics: bool) -> bytes:
    family = PREFIX + metric.name
    if openmetrics and metric.kind == "counter":
        family = family.removesuffix("_total")
    return f"# HELP {family} {metric.help}\n# TYPE {family} {metric.kind}\n".encode()


def _condition_lines(
    board: Board, oldest: tuple[float, ...], counts: Counter[Verdicts], troubled: list[LabelledVerdicts]
) -> Callable[[list[Shown]], Sequence[str]]:
    names = [probe.name for probe in board.probes]

    def lines(states: list[Shown]) -> Sequence[str]:
        out = []
        for state, results in states:
            mine = []
            for index, _, verdicts in board.fresh(results, oldest):
                counts[verdicts] += 1
                mine.append(_text(verdicts, names[index], CONDITION, _condition))
                if not verdicts.healthy:
                    troubled.append((state.labels, names[index], verdicts))
            out.append("".join(mine).replace(_IDENTITY, state.labels))
        return ["".join(out)]

    return lines


def _verdict_lines(
    metric: Metric, text_of: Callable[[Verdict, str], str]
) -> Callable[[list[LabelledVerdicts]], Sequence[str]]:
    def lines(labelled: list[LabelledVerdicts]) -> Sequence[str]:
        texts = ((_text(verdicts, probe, metric, text_of), labels) for labels, probe, verdicts in labelled)
        return ["".join([text.replace(_IDENTITY, labels) for text, labels in texts if text])]

    return lines


def _text(verdicts: Verdicts, probe: str, metric: Metric, text_of: Callable[[Verdict, str], str]) -> str:
    """The lines of equal verdicts, made once for the whole fleet."""
    made = verdicts.texts.get(metric)
    if made is None:
        made = verdicts.texts[metric] = "".join([text_of(each, probe) for each in verdicts.all])
    return made


def _condition(verdict: Verdict, probe: str) -> str:
    if verdict.status is Status.UNKNOWN:
        return ""
    return _line(CONDITION, _verdict_labels(verdict, probe), "1" if verdict.status is Status.TRUE else "0")


def _condition_unknown(verdict: Verdict, probe: str) -> str:
    if verdict.status is not Status.UNKNOWN:
        return ""
    return _line(CONDITION_UNKNOWN, f'{_verdict_labels(verdict, probe)},reason="{verdict.reason}"', "1")


def _condition_reason(verdict: Verdict, probe: str) -> str:
    if verdict.status is not Status.TRUE:
        return ""
    return _line(CONDITION_REASON, f'{_verdict_labels(verdict, probe)},reason="{verdict.reason}"', "1")


def _verdict_labels(verdict: Verdict, probe: str) -> str:
    subject = f',subject="{escape(verdict.subject)}"' if verdict.subject else ""
    return f'{_IDENTITY},probe="{probe}",condition="{verdict.kind.name}"{subject}'


def _line(metric: Metric, labels: str, value: str) -> str:
    return f"{PREFIX}{metric.name}{{{labels}}} {value}\n"


def _condition_counts(board: Board, counts: Counter[Verdicts]) -> str:
    probe_of = {kind: probe.name for probe in board.probes for kind in probe.conditions}
    total: Counter[tuple[str, str, str, str]] = Counter()
    for verdicts, targets in counts.items():
        for kind, status, reason in verdicts.outcomes:
            total[probe_of[kind], kind.name, status, reason if status is Status.UNKNOWN else ""] += targets
    names = ("probe", "condition", "status", "reason")
    return "".join(
        _line(CONDITIONS, ",".join(f'{name}="{value}"' for name, value in zip(names, key, strict=True)), str(targets))
        for key, targets in sorted(total.items())
    )


def _target_info(states: list[Shown]) -> Sequence[str]:
    return ["".join([_line(TARGET_INFO, f"{state.labels},{_info_labels(*state.info)}", "1") for state, _ in states])]


def _info_labels(node: str, workload: str, spiffe_id: str, carried: tuple[tuple[str, str], ...]) -> str:
    beside = "".join(f',label_{name}="{escape(value)}"' for name, value in carried)
    return f'node="{escape(node)}",workload="{escape(workload)}",spiffe_id="{escape(spiffe_id)}"{beside}'


def _subjects_dropped(states: list[Shown]) -> Sequence[str]:
    return [
        "".join([_line(SUBJECTS_DROPPED, state.labels, str(state.dropped)) for state, _ in states if state.dropped])
    ]


def _target_problems(states: list[Shown]) -> Sequence[str]:
    troubled = [(state.labels, problems) for state, _ in states if (problems := state.target.problems)]
    return ["".join([_line(TARGET_PROBLEMS, labels, str(len(problems))) for labels, problems in troubled])]


def _sample_lines(
    index: int, metrics: Sequence[Metric], oldest: float, ahead: float
) -> Callable[[list[Shown]], Sequence[str]]:
    """`ahead`: seconds by which the date is ahead of the steady scale, on which probes have their moments."""
    moments = {metric for metric in metrics if metric.moment} if ahead else frozenset()

    def lines(states: list[Shown]) -> Sequence[str]:
        out: dict[Metric, list[str]] = {metric: [] for metric in metrics}
        heads = {metric: (f"{PREFIX}{metric.name}{{", made.append) for metric, made in out.items()}
        for state, results in states:
            result = results[index]
            if result is None or result.at < oldest:
                continue
            identity = state.labels
            for metric, value, labels in result.samples:
                if metric in heads:  # what a probe did not declare must not cost everybody the page
                    head, add = heads[metric]
                    beside = _label_text(metric, labels) if labels else ""
                    # The library's own function takes ten times as long, and is needed only for what has no digits.
                    if metric in moments:
                        value += ahead  # noqa: PLW2901  the loop is the hot one of a scrape
                    number = repr(value) if -inf < value < inf else floatToGoString(value)  # type: ignore[no-untyped-call]  # theirs
                    add(f"{head}{identity}{beside}}} {number}\n")
        return ["".join(made) for made in out.values()]

    return lines


@lru_cache(maxsize=8192)
def _label_text(metric: Metric, values: tuple[str, ...]) -> str:
    return "".join(f',{name}="{escape(value)}"' for name, value in zip(metric.labels, values, strict=True))
