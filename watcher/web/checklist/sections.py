"""The controls below the headings of the checklist, in its own order: the catalogue's files cut it otherwise."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from probes.controls.catalogue.control import Control

CHAPTERS = (
    "Security Checklist",
    "Reliability Checklist",
    "Observability Checklist",
    "Deployment Checklist",
    "Testing Checklist",
    "Documentation Checklist",
    "Pre-Deploy Verification",
    "Post-Deploy Verification",
    "Production-Ready Criteria",
    "Deployment Checklist Template",
    "Templates",
)
"""As they follow one another."""


class Section(NamedTuple):
    """What stands below one heading."""

    chapter: str
    heading: str  # below that of the chapter, its parts joined; "" where there is none
    controls: Sequence[Control]


def sections(controls: Iterable[Control]) -> list[Section]:
    """All of them; a heading within another one stands right after the lines of that one."""
    found: dict[tuple[str, ...], list[Control]] = {}
    for control in controls:
        found.setdefault(tuple(control.seed.section.split(" / ")), []).append(control)
    first = {heading: place for place, heading in reversed([(n, each[:2]) for n, each in enumerate(found)])}
    order = sorted(found, key=lambda each: (_place(each[0]), first[each[:2]], len(each)))
    return [Section(each[0], ": ".join(each[1:]), found[each]) for each in order]


def _place(chapter: str) -> int:
    return CHAPTERS.index(chapter) if chapter in CHAPTERS else len(CHAPTERS)
