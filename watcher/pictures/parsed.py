"""The pictures of a target as a daemon gives them in its API, drawn: the inverse of what the API writes.

1. Read the document; what is not as the API writes it is refused whole.
2. Turn its dates into seconds from the moment at which it was made.
3. Draw them by probe, as many of each as a page shows.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from probes.contract.picture import Band, Bar, Level, Mark, Origin, Picture, Point, Series, Tone, Unit
from watcher.pictures.drawing import drawn
from watcher.pictures.shown import SHOWN, PicturedAgent, ProbePictures

_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Series(BaseModel):
    name: str
    points: list[tuple[datetime, _Number | None]]
    origin: Origin
    tone: Tone


class _Level(BaseModel):
    name: str
    value: _Number
    tone: Tone


class _Band(BaseModel):
    name: str
    start: datetime
    end: datetime
    tone: Tone


class _Mark(BaseModel):
    name: str
    at: datetime


class _Bar(BaseModel):
    name: str
    said: str
    value: _Number
    full: _Number
    levels: list[_Level]
    tone: Tone


class _Picture(BaseModel):
    agent: str
    probe: str
    title: str
    subject: str
    text: str
    start: datetime
    end: datetime
    unit: Unit | None
    series: list[_Series]
    levels: list[_Level]
    bands: list[_Band]
    marks: list[_Mark]
    bars: list[_Bar]


class _Document(BaseModel):
    generated_at: datetime
    pictures: list[_Picture]
    failed: list[str]


def pictured_by(answer: bytes, agent: str, pod: str, pods: int, page: str) -> PicturedAgent:
    """Of one pod of an agent that has so many; ValueError. `page`: tells it from others in the same place."""
    document = _Document.model_validate_json(answer)
    by_probe: dict[str, list[Picture]] = {}
    for each in document.pictures:
        if each.agent == agent:
            by_probe.setdefault(each.probe, []).append(_picture(each, document.generated_at.timestamp()))
    probes = {probe: _shown(pictures, f"{page}-{place}") for place, (probe, pictures) in enumerate(by_probe.items())}
    failed = {probe: ProbePictures((), failed=True) for probe in document.failed if probe not in probes}
    return PicturedAgent(pod, pods, {**probes, **failed})


def _shown(pictures: Sequence[Picture], page: str) -> ProbePictures:
    some = (drawn(each, f"{page}-{place}") for place, each in enumerate(pictures[:SHOWN]))
    return ProbePictures(tuple(some), more=len(pictures) > SHOWN)


def _picture(of: _Picture, now: float) -> Picture:
    def at(moment: datetime) -> float:
        return moment.timestamp() - now

    return Picture(
        title=of.title,
        text=of.text,
        conditions=(),
        start=at(of.start),
        end=at(of.end),
        subject=of.subject,
        unit=of.unit,
        series=tuple(
            Series(each.name, tuple(Point(at(when), value) for when, value in each.points), each.origin, each.tone)
            for each in of.series
        ),
        levels=_levels(of.levels),
        bands=tuple(Band(each.name, at(each.start), at(each.end), each.tone) for each in of.bands),
        marks=tuple(Mark(each.name, at(each.at)) for each in of.marks),
        bars=tuple(Bar(one.name, one.said, one.value, one.full, _levels(one.levels), one.tone) for one in of.bars),
    )


def _levels(levels: Sequence[_Level]) -> tuple[Level, ...]:
    return tuple(Level(each.name, each.value, each.tone) for each in levels)
