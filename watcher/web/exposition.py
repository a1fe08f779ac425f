"""The page at /metrics: label text made once, values filled in at the scrape, in pieces that let looks go on.

prometheus_client's own rendering costs 4-7 us a series and stalls the loop for seconds at 100,000 of them
(research/performance.md, section 5); this costs 0.3. Only the daemon's own few series come from the library.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from math import inf
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.utils import floatToGoString

from probes.contract import Metric
from watcher.engine.board import Board, Exported
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
from watcher.web.condition_lines import ConditionLines, as_bytes, line, reason_lines, unknown_lines

_SLICE = 25
"""Targets rendered at a time: 80 kB of conditions, which the caches of a core hold."""

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
    conditions, time_slice = ConditionLines(board, oldest), TimeSlice()
    for families, texts in chain(_groups(board, states, oldest, conditions), beside):
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
    yield _head(CONDITIONS, openmetrics=openmetrics) + _bytes(await conditions.counts(time_slice))
    async for piece in render_own(own, openmetrics=openmetrics):
        yield piece


async def render_own(own: CollectorRegistry, *, openmetrics: bool) -> AsyncIterator[bytes]:
    """The end of the page, and all of it on standby: what the daemon says of itself and the fleet as a whole."""
    # The library's page ends with the `# EOF` that OpenMetrics asks for.
    yield generate_openmetrics(own) if openmetrics else generate_latest(own)  # type: ignore[no-untyped-call]  # theirs


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else as_bytes(text)


def _groups(
    board: Board, states: list[Exported], oldest: tuple[float, ...], conditions: ConditionLines
) -> Iterator[tuple[Sequence[Metric], Iterator[Sequence[str | bytes]]]]:
    yield [CONDITION], map(conditions.of, _slices(states))
    yield [CONDITION_UNKNOWN], map(unknown_lines, _slices(conditions.troubled))
    yield [CONDITION_REASON], map(reason_lines, _slices(conditions.troubled))
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


def _target_info(states: list[Exported]) -> Sequence[str]:
    return ["".join([line(TARGET_INFO, f"{state.labels},{_info_labels(*state.info)}", "1") for state, *_ in states])]


def _info_labels(node: str, workload: str, spiffe_id: str, carried: tuple[tuple[str, str], ...]) -> str:
    beside = "".join(f',label_{name}="{escape(value)}"' for name, value in carried)
    return f'node="{escape(node)}",workload="{escape(workload)}",spiffe_id="{escape(spiffe_id)}"{beside}'


def _subjects_dropped(states: list[Exported]) -> Sequence[str]:
    return [
        "".join([line(SUBJECTS_DROPPED, state.labels, str(state.dropped)) for state, *_ in states if state.dropped])
    ]


def _target_problems(states: list[Exported]) -> Sequence[str]:
    troubled = [(state.labels, problems) for state, *_ in states if (problems := state.target.problems)]
    return ["".join([line(TARGET_PROBLEMS, labels, str(len(problems))) for labels, problems in troubled])]


def _sample_lines(
    index: int, metrics: Sequence[Metric], oldest: float, ahead: float
) -> Callable[[list[Exported]], Sequence[str]]:
    """`ahead`: seconds by which the date is ahead of the steady scale, on which probes have their moments."""
    moments = {metric for metric in metrics if metric.moment} if ahead else frozenset()

    def lines(states: list[Exported]) -> Sequence[str]:
        out: dict[Metric, list[str]] = {metric: [] for metric in metrics}
        heads = {metric: (f"{PREFIX}{metric.name}{{", made.append) for metric, made in out.items()}
        for state, results, _ in states:
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
