"""What every judge of a metrics page says where there is none, and of a family that is not there."""

from collections.abc import Callable, Iterable, Iterator

from probes.contract.condition import Status
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import MetricsLook
from probes.controls.judges.looked import PodCase, judge_of_pods, worst
from probes.controls.judging import Statement

PageCase = PodCase[MetricsLook]
PageJudge = Callable[[PageCase], Iterable[Statement]]

ENOUGH = 20
"""Requests in an hour after which a family that counts them must have a sample."""

_UNREADABLE = ("Malformed", "TooLarge")


def page_judge(*controls: str) -> Callable[[PageJudge], PageJudge]:
    """Register a judge that is asked of each page that was read; of one that was not all is open."""

    def register(function: PageJudge) -> PageJudge:
        @judge_of_pods(SourceName.AGENT_METRICS, MetricsLook, *controls)
        def read(case: PageCase) -> Iterator[Statement]:
            if case.seen.error:
                yield unread(case)
            else:
                yield from function(case)

        return function

    return register


def unread(case: PageCase) -> Statement:
    """Open, because there is no page: for the reason for which the watcher does not know it, or that it was not had."""
    available = worst(case.seen.verdicts, "MetricsUnavailable")
    if available is not None and available.status is Status.UNKNOWN:
        return case.doubt(available)
    unreadable = available is not None and available.reason in _UNREADABLE
    return case.unclear(UnknownReason.UNPARSEABLE if unreadable else UnknownReason.UNREACHABLE, case.seen.error)


def sampled(case: PageCase, signal: str) -> tuple[str, ...]:
    """The names under which the page has samples of a signal; empty where it has none."""
    return case.seen.families.sampled.get(signal, ())


def lacking(case: PageCase, signal: str, family: str, requests: float | None, which: str) -> Statement:
    """Of a family without a sample: bad after enough requests, else open, for nothing may have been counted yet."""
    families = case.seen.families
    if signal not in families.asked:
        return case.unclear(UnknownReason.SOURCE_MISSING, f"{family} is not asked for: the probe of it is off.")
    if described := families.described.get(signal):
        return case.unclear(UnknownReason.NO_DATA, f"The metrics endpoint has {described}, but without a sample.")
    if requests is None or requests < ENOUGH:
        seen = "no" if requests is None else f"{requests:.0f}"
        return case.unclear(
            UnknownReason.NO_DATA, f"The metrics endpoint has no {family}, and {seen} {which} requests were seen."
        )
    return case.bad(f"The metrics endpoint has no {family} after {requests:.0f} {which} requests in the last hour.")
