"""Which process of an agent answered a look, by all that its page says of it and never by a start time alone."""

from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple, TypeVar
from zlib import crc32

from probes.contract import ConditionKind, EvaluationContext, Limits, Unknown, Verdict
from probes.contract.signal import CPU_SECONDS, REQUESTS, START_TIME, Signal
from probes.readings.metrics_page import MetricsPage

PROCESS = (START_TIME, CPU_SECONDS)
"""What a probe that follows the process must want."""

IN_TURN = (
    "Several processes answer in turn: their start times and counters jump back and forth, so the agent cannot be "
    "judged. "
    "Serve one page for all of them, with the multiprocess mode of its metrics library."
)
"""What is said of counters that are not those of one process."""

ONE_OF_SEVERAL = "Several processes answer in turn: this is about the one that answered; others may differ."
"""What is said where one process has no trouble of its own."""

L = TypeVar("L", bound=Limits)

_WAVERS = 1.0  # seconds: where the boot time is read anew, it is rounded in another way
_DATE_IS_ROUNDED = 2.0  # seconds, of an HTTP date and of a start time together
_CLOCKS_DIFFER = 60.0  # seconds, where a page has no date of its own
_SOON = 20  # looks: as long as several processes are remembered after one that shows them
_TWICE = 2  # times that an older process answered after a younger one
_SUMS = 4  # of the counter of requests: what two workers have handled alike differs in one of them
_MANY_CORES, _FEW_CORES = 64.0, 4.0  # where no limit is known: more is not possible, more is not likely in a young one
_BURST = 5.0  # seconds of CPU beyond the limit, for looks are not made on the second


class Answered(Enum):
    """Who answered, compared with the look before."""

    SAME = auto()
    NEW = auto()  # a process that has started since then
    OTHER = auto()  # a process that was there before, beside the one of then


class Process(NamedTuple):
    """The process that answered the latest look, and what was seen of others."""

    started: float | None = None  # Unix seconds by the agent's clock
    latest: float | None = None  # the same, of the youngest process seen
    cpu: float | None = None  # seconds
    requests: tuple[float, ...] = ()  # sums of some series each, where they were wanted to tell two processes apart
    at: float = 0.0  # the look, in seconds that only time moves; 0: none yet
    quiet: int = _SOON  # looks since one that showed another process
    steady: int = _SOON  # looks since one with another start time
    returns: int = 0  # looks that showed an older process, while several are remembered

    @property
    def in_turn(self) -> bool:
        """Whether several processes answer in turn, so that no counter is that of the agent."""
        return self.returns >= _TWICE


NOBODY = Process()
"""No look was made yet."""


class _Look(NamedTuple):
    started: float
    cpu: float | None
    requests: tuple[float, ...]
    at: float
    date: float  # Unix seconds by the watcher's clock
    their_date: float | None
    cores: float | None  # that the process may have


class Followed(NamedTuple):
    """What one more look showed."""

    process: Process
    answered: Answered


def follow(before: Process, page: MetricsPage, context: EvaluationContext[L]) -> Followed:
    """Who answered a look at `page`, and what to remember of it; `before` is what was remembered until then."""
    known = page.reader.concluded  # all probes of a look ask, mostly with the same memory
    if known is None or known[0] != before:
        known = page.reader.concluded = before, _followed(before, page, context)
    followed: Followed = known[1]  # type: ignore[assignment]  # nobody else writes there
    return followed


def _followed(before: Process, page: MetricsPage, context: EvaluationContext[L]) -> Followed:
    started, cpu = _number(page, START_TIME), _number(page, CPU_SECONDS)
    if started is None:  # of such a page nobody knows who answered
        return Followed(before, Answered.SAME)
    if _goes_on(before, started, cpu):  # nearly all looks, so nothing more is asked
        return Followed(Process(started, before.latest, cpu, (), context.now), Answered.SAME)
    # They may have a hundred series, so they are added up only where the start alone or no CPU tells two apart.
    counts = cpu is None or started != before.started or before.steady < _SOON
    requests = _requests(page) if counts else ()
    cores = context.target.cpu_limit
    return _judged(before, _Look(started, cpu, requests, context.now, context.date, page.their_date, cores))


@lru_cache(maxsize=64)
def in_turn(kind: ConditionKind, subject: str = "") -> Verdict:
    """What a condition that needs the counters of one process says while several answer in turn."""
    return kind.unknown(Unknown.MALFORMED, IN_TURN, subject)


def all_clear(kind: ConditionKind, process: Process, subject: str = "", remark: str = "") -> Verdict:
    """What a condition that one process alone may have says of one that has not; with a `remark` of the judge's."""
    return kind.false(subject, f"{remark} {ONE_OF_SEVERAL}".strip() if process.in_turn else remark)


def _number(page: MetricsPage, signal: Signal) -> float | None:
    found = page.value(signal) if signal in page.wanted.rows else None
    return found if isinstance(found, float) else None


def _goes_on(before: Process, started: float, cpu: float | None) -> bool:
    """Whether one process alone was seen lately, and this is it."""
    alone = before.quiet == before.steady == _SOON
    return alone and started == before.started and cpu is not None and before.cpu is not None and before.cpu <= cpu


def _requests(page: MetricsPage) -> tuple[float, ...]:
    """Sums that only rise in one process, in whatever order its series come."""
    found = page.series(REQUESTS) if _number(page, REQUESTS) is not None else None
    if not isinstance(found, tuple):
        return ()
    sums = [0.0] * _SUMS
    for one in found[1]:
        sums[crc32(repr(sorted(one.labels.items())).encode()) % _SUMS] += one.value
    return tuple(sums)


def _judged(before: Process, look: _Look) -> Followed:
    fell = _fell(before, look)
    answered = _answered(before, look, fell)
    shown = answered is Answered.OTHER or (fell is None and answered is Answered.SAME and _moved(before, look))
    remembered = before.returns if before.quiet < _SOON else 0
    return Followed(
        Process(
            started=look.started,
            latest=_latest(before, look, answered),
            cpu=look.cpu,
            requests=look.requests,
            at=look.at,
            quiet=0 if shown else min(_SOON, before.quiet + 1),
            steady=0 if before.started not in (None, look.started) else min(_SOON, before.steady + 1),
            returns=min(_TWICE, remembered + (shown and _went_back(before, look))),
        ),
        answered,
    )


def _answered(before: Process, look: _Look, fell: bool | None) -> Answered:
    if not _moved(before, look):
        return Answered.OTHER if fell else Answered.SAME
    if look.started > (before.latest or 0.0) and _has_begun_since(before, look, fell):
        return Answered.NEW
    if fell or before.quiet < _SOON or not _is_possible(before, look):
        return Answered.OTHER
    return Answered.SAME  # its clock was set, and the start of the same process is told by the new one


def _moved(before: Process, look: _Look) -> bool:
    return before.started is not None and abs(look.started - before.started) > _WAVERS


def _went_back(before: Process, look: _Look) -> bool:
    return not _moved(before, look) or look.started < (before.started or 0.0)


def _fell(before: Process, look: _Look) -> bool | None:
    """Whether a counter fell that one process only lets rise; None where there is none to compare."""
    known = [look.cpu < before.cpu] if look.cpu is not None and before.cpu is not None else []
    if look.started != before.started:  # one process may forget some series of a counter, but never its CPU
        known += [now < was for was, now in zip(before.requests, look.requests, strict=False)]
    return any(known) if known else None


def _has_begun_since(before: Process, look: _Look, fell: bool | None) -> bool:
    """Whether the process can have started after the look before, by all clocks there are and by its counters."""
    passed = look.at - before.at
    ages = [date - look.started for date in (look.their_date, look.date) if date is not None]
    if fell:
        return min(ages) <= passed + (_CLOCKS_DIFFER if look.their_date is None else _DATE_IS_ROUNDED)
    if max(ages) > passed + _DATE_IS_ROUNDED or min(ages) < -_DATE_IS_ROUNDED:
        return False
    # A process that ends again and again may have used more than the one before, but no more than it had time for.
    return fell is None or (look.cpu is not None and look.cpu <= 0.5 + max(0.0, *ages) * (look.cores or _FEW_CORES))


def _is_possible(before: Process, look: _Look) -> bool:
    """Whether one process can have used so much CPU since the look before."""
    if before.cpu is None or look.cpu is None:
        return True
    most = 2 * look.cores if look.cores else _MANY_CORES
    return look.cpu - before.cpu <= _BURST + most * (look.at - before.at)


def _latest(before: Process, look: _Look, answered: Answered) -> float:
    was_set = answered is Answered.SAME and _moved(before, look)
    return look.started if was_set or before.latest is None else max(before.latest, look.started)
