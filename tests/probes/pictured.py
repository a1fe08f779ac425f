"""What a probe shows of a target that was judged, as a page would ask for it."""

from dataclasses import replace
from typing import Any

from probes.contract.picture import Bar, Origin, Picture, PictureContext
from tests.probes.judged import T0, Judged


def context_of(judged: Judged, at: float, **known: Any) -> PictureContext[Any]:
    """`at` seconds after the first moment, when the latest look was just made; `known`: what is otherwise."""
    moment = T0 + at
    context = PictureContext(
        target=judged.target,
        limits=judged.limits,
        now=moment,
        date=moment,
        interval=judged.interval,
        looked=moment,
        samples=judged.samples,
    )
    return replace(context, **known)


def pictures_of(judged: Judged, at: float, **known: Any) -> list[Picture]:
    """All pictures of what was judged."""
    return list(judged.probe.pictures(judged.history, context_of(judged, at, **known)))


def bars_of(judged: Judged, at: float, **known: Any) -> list[Bar]:
    """All bars of it."""
    return list(judged.probe.bars(judged.history, context_of(judged, at, **known)))


def line(picture: Picture, origin: Origin = Origin.MEASURED, place: int = 0) -> list[tuple[float, float | None]]:
    """The points of a line of the picture; times to the second, values to a tenth."""
    found = [each for each in picture.series if each.origin is origin][place]
    return [(round(at), value if value is None else round(value, 1)) for at, value in found.points]
