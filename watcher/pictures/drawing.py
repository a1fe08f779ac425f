"""A picture drawn: SVG with a title and a text, and a legend that says what each shape in it is."""

from collections.abc import Iterator
from typing import NamedTuple

from probes.contract.picture import Bar, Picture
from watcher.pictures import bands, bar, lines
from watcher.pictures.labels import ROW, placed
from watcher.pictures.scales import Scale, time_ticks
from watcher.pictures.svg import element
from watcher.text.printable import printable

WIDTH = 360.0
_LEFT, _RIGHT = 53.0, 8.0  # of lines, for the words of their scale; a strip needs none
_AXIS = 20.0
_TICK_ROOM = 26.0  # half of what the words of a tick may take


class Entry(NamedTuple):
    """A shape of the legend and its words."""

    svg: str
    said: str


class DrawnBar(NamedTuple):
    """A bar and its words."""

    svg: str
    name: str
    said: str


class Drawn(NamedTuple):
    """What a page shows of a picture."""

    title: str
    text: str
    svg: str
    legend: tuple[Entry, ...]
    bars: tuple[DrawnBar, ...]


def drawn(picture: Picture, name: str) -> Drawn:
    """`name`: one for each picture of a page, of letters, digits, `.` and `-`."""
    title = printable(f"{picture.title}: {picture.subject}" if picture.subject else picture.title)
    return Drawn(
        title=title,
        text=picture.text,
        svg=_svg(picture, title, name),
        legend=tuple(_legend(picture)),
        bars=tuple(map(drawn_bar, picture.bars)),
    )


def drawn_bar(given: Bar) -> DrawnBar:
    """One bar with its words."""
    return DrawnBar(bar.drawn(given), given.name, given.said)


def _svg(picture: Picture, title: str, name: str) -> str:
    left = _RIGHT if picture.unit is None else _LEFT
    across = Scale(picture.start, picture.end, left, WIDTH - _RIGHT)
    labels = placed(((each.name, across(each.at)) for each in picture.marks), WIDTH)
    top = 6 + ROW * (1 + max(each.row for each in labels)) if labels else 6.0
    if picture.unit is not None and not labels:
        top += 6  # for the words of the uppermost tick
    bottom = top + (bands.HEIGHT if picture.unit is None else lines.HEIGHT)
    box = f"0 0 {WIDTH:g} {bottom + _AXIS:g}"
    return element(
        "svg",
        element("title", id=f"{name}-title", text=title),
        element("desc", id=f"{name}-text", text=picture.text),
        *_body(picture, across, top, bottom),
        *(element("text", class_="name", x=each.start, y=top - 4 - ROW * each.row, text=each.said) for each in labels),
        *_axis(picture, across, bottom),
        class_="picture",
        viewBox=box,
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-text",
    )


def _body(picture: Picture, across: Scale, top: float, bottom: float) -> Iterator[str]:
    """Moments lie over bands, and under lines: what hides a piece of a line looks like a gap."""
    if picture.unit is None:
        yield from bands.drawn(picture.bands, across, top)
        yield from _moments("halo", picture, across, top, bottom)
    elif picture.end > 0:
        now = across(0.0)
        yield element("rect", class_="future", x=now, y=top, width=across.far - now, height=lines.HEIGHT)
    yield from _moments("moment", picture, across, top, bottom)
    if picture.unit is not None:
        yield from lines.drawn(picture, picture.unit, across, top)


def _moments(look: str, picture: Picture, across: Scale, top: float, bottom: float) -> Iterator[str]:
    for each in picture.marks:
        x = across(each.at)
        yield element("line", class_=look, x1=x, x2=x, y1=top - 2, y2=bottom + 2)


def _axis(picture: Picture, across: Scale, bottom: float) -> Iterator[str]:
    yield element("line", class_="axis", x1=across.near, x2=across.far, y1=bottom, y2=bottom)
    for tick in time_ticks(picture.start, picture.end):
        x = across(tick.value)
        yield element("line", class_="axis", x1=x, x2=x, y1=bottom, y2=bottom + 3)
        side = "end" if x > WIDTH - _TICK_ROOM else "start" if x < _TICK_ROOM else "middle"
        yield element("text", class_=f"tick {side}", x=x, y=bottom + 17, text=tick.said)


def _legend(picture: Picture) -> Iterator[Entry]:
    for line in picture.series:
        yield Entry(_key(lines.key(line)), line.name)
    for place, band in enumerate(picture.bands, 1):
        yield Entry(_key(bands.key(band, place)), band.name)


def _key(shape: str) -> str:
    return element("svg", shape, class_="key", viewBox="0 0 22 12", aria_hidden="true")
