"""What a judge of scanners' reports is handed: one control, and the report of each image that an agent runs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing, RunningImage, ScannerReports
from probes.controls.evidence.witnesses.scanner_reports import CLOCK_SKEW
from probes.controls.judges.kubernetes_object.case import short
from probes.controls.judging import Facts, Says, Statement, judge

SOURCE = SourceName.SCANNER_REPORT
_LONGEST, _DAY = 200, 86400.0


class Report(Protocol):
    """A report of one image."""

    @property
    def at(self) -> float:
        """Unix seconds: when the scanner wrote it."""

    @property
    def ref(self) -> str:
        """Where it stands."""


T = TypeVar("T", bound=Report)


@dataclass(frozen=True, slots=True)
class ImageCase(Generic[T]):
    """One control, one container, and the report of what it runs."""

    control: Control
    image: RunningImage
    report: T

    @property
    def container(self) -> str:
        """Its name, as a sentence can have it."""
        return short(self.image.container)

    def good(self, message: str) -> Statement:
        """The report speaks for the control."""
        return Statement(SOURCE, Says.GOOD, _cut(message), self.report.ref, self.report.at)

    def bad(self, message: str) -> Statement:
        """The report speaks against it."""
        return Statement(SOURCE, Says.BAD, _cut(message), self.report.ref, self.report.at)

    def unclear(self, reason: UnknownReason, message: str) -> Statement:
        """The report leaves it open."""
        return Statement(SOURCE, Says.UNCLEAR, _cut(message), self.report.ref, reason=reason)


def unclear(reason: UnknownReason, message: str, ref: str = "") -> Statement:
    """There is no report that could tell."""
    return Statement(SOURCE, Says.UNCLEAR, _cut(message), ref, reason=reason)


def reports_of(evidence: EvidenceSet) -> ScannerReports:
    """All reports of the agent; a judge of them is asked only where there are some."""
    found = evidence.of(SOURCE, ScannerReports)
    if isinstance(found, Missing):
        raise TypeError("expected the reports of scanners")
    return found.value


ImageJudge = Callable[[ImageCase[T]], Iterable[Statement]]


def image_judge(part: str, *controls: str) -> Callable[[ImageJudge[T]], ImageJudge[T]]:
    """Register a judge of this part of each running image: what is missing, too old or of tomorrow is unclear.

    Containers that are injected, by the operator's list, are nobody's to mend here.
    """
    read = attrgetter(part)

    def register(function: ImageJudge[T]) -> ImageJudge[T]:
        @judge(*controls, of=[SOURCE])
        def of_images(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
            for image in reports_of(evidence).images:
                if facts.container_roles.get(image.container) == "sidecar":
                    continue
                report = read(image)
                if isinstance(report, Missing):
                    yield unclear(report.reason, report.message)
                elif (said := _not_of_now(control, image, report, facts.now)) is not None:
                    yield said
                else:
                    yield from function(ImageCase(control, image, report))

        return function

    return register


def _not_of_now(control: Control, image: RunningImage, report: Report, now: float) -> Statement | None:
    spec = control.spec(SOURCE)
    longest = spec.max_age if spec is not None else None
    name = short(image.container)
    if report.at > now + CLOCK_SKEW:
        told = f"The report on container {name} is dated in the future."
        return unclear(UnknownReason.UNPARSEABLE, told, report.ref)
    if longest is not None and now - report.at > longest:
        told = f"The report on container {name} is {(now - report.at) / _DAY:.0f} days old, over {longest / _DAY:.0f}."
        return unclear(UnknownReason.STALE, told, report.ref)
    return None


def _cut(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"
