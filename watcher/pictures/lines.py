"""Lines, levels and the scale of values: the part of a picture that has them."""

from collections.abc import Iterator
from itertools import groupby

from probes.contract.picture import Level, Picture, Point, Series, Tone, Unit
from watcher.pictures.scales import Scale, top_of, value_ticks
from watcher.pictures.svg import element, number
from watcher.pictures.words import said

HEIGHT = 112.0
_NEAR = 13.0  # two names of levels that are nearer would cover each other


def drawn(picture: Picture, unit: Unit, across: Scale, top: float) -> Iterator[str]:
    """The elements of all of it, in the place that begins at `top`."""
    values = [each.value for line in picture.series for each in line.points if each.value is not None]
    scale = Scale(0.0, top_of([*values, *(each.value for each in picture.levels)]), top + HEIGHT, top)
    for tick in value_ticks(scale.last, unit):
        y = scale(tick.value)
        yield element("line", class_="grid", x1=across.near, x2=across.far, y1=y, y2=y)
        yield element("text", class_="tick end", x=across.near - 4, y=y + 3.5, text=tick.said)
    for level, below in _beside(picture.levels, scale):
        y = scale(level.value)
        yield element("line", class_=f"level {level.tone}", x1=across.near, x2=across.far, y1=y, y2=y)
        words = f"{level.name} {said(level.value, unit)}"
        yield element("text", class_="name", x=across.near + 3, y=y + 11 if below else y - 3, text=words)
    for line in picture.series:
        yield from _line(line, across, scale)


def _beside(levels: tuple[Level, ...], scale: Scale) -> Iterator[tuple[Level, bool]]:
    """Each level, and whether its name stands below it, for there is another one right above."""
    above: float | None = None
    for level in sorted(levels, key=lambda each: -each.value):
        place = scale(level.value)
        yield level, above is not None and place - above < _NEAR
        above = place


def _line(line: Series, across: Scale, scale: Scale) -> Iterator[str]:
    for is_there, run in groupby(line.points, key=lambda each: each.value is not None):
        places = [_place(each, across, scale) for each in run] if is_there else []
        if len(places) == 1 or line.tone is Tone.CRITICAL:
            yield from (_dot(line, x, y) for x, y in places)
        if len(places) > 1:
            path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places)
            yield element("path", class_=f"line {line.origin} {line.tone}", d=path)


def _place(point: Point, across: Scale, scale: Scale) -> tuple[float, float]:
    return across(point.at), scale(point.value or 0.0)


def _dot(line: Series, x: float, y: float) -> str:
    """Of a value that stands alone; a ring, where it is the only one of its line."""
    kind = "ring" if len(line.points) == 1 else "dot"
    return element("circle", class_=f"{kind} {line.tone}", cx=x, cy=y, r=2.4)


def key(line: Series) -> str:
    """What a line looks like, to stand before its name."""
    if len(line.points) == 1:
        return _dot(line, 11, 6)
    sample = element("path", class_=f"line {line.origin} {line.tone}", d="M0 6L22 6")
    return sample + _dot(line, 11, 6) * (line.tone is Tone.CRITICAL)
