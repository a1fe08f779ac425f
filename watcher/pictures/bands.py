"""Bands: spans of time in a strip, each with the number that its name has below the picture."""

from collections.abc import Iterator, Sequence

from probes.contract.picture import Band, Tone
from watcher.pictures.scales import Scale
from watcher.pictures.svg import element, number

HEIGHT = 22.0
_ROOM = 9.0  # what a number needs
_STROKES = 6.0  # from one stroke to the next in what is not known


def drawn(bands: Sequence[Band], across: Scale, top: float) -> Iterator[str]:
    """The elements of the strip, in the place that begins at `top`."""
    yield element("rect", class_="strip", x=across.near, y=top, width=across.far - across.near, height=HEIGHT)
    for place, band in enumerate(bands, 1):
        start, end = across(band.start), across(band.end)
        yield element(
            "rect", class_=f"band {band.tone}", x=start, y=top, width=max(1.0, end - start - 1), height=HEIGHT
        )
        if band.tone is Tone.UNKNOWN:
            yield element("path", class_="strokes", d=_strokes(start, end - 1, top))
        if end - start >= _ROOM * len(str(place)):
            at = {"x": (start + end - 1) / 2, "y": top + HEIGHT / 2 + 4}
            yield element("text", class_=f"number {band.tone}", text=str(place), **at)


def _strokes(start: float, end: float, top: float) -> str:
    """Slanting strokes across a band: what is not known does not look like any colour."""
    path, at = [], start + _STROKES
    while at < end:
        path.append(f"M{number(at)} {number(top)}L{number(max(start, at - _STROKES))} {number(top + HEIGHT)}")
        at += _STROKES
    return "".join(path)


def key(band: Band, place: int) -> str:
    """What a band looks like, to stand before its name."""
    strokes = element("path", class_="strokes", d="M8 0L3 12M14 0L9 12M20 0L15 12") if band.tone is Tone.UNKNOWN else ""
    number_ = element("text", class_=f"number {band.tone}", x=11, y=10, text=str(place))
    return element("rect", class_=f"band {band.tone}", x=0, y=0, width=22, height=12) + strokes + number_
