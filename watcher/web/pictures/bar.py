"""One bar: how much there is of what may be had, and where trouble begins."""

from probes.contract.picture import Bar
from watcher.web.pictures.scales import Scale
from watcher.web.pictures.svg import element

WIDTH, HEIGHT = 100.0, 10.0


def drawn(bar: Bar) -> str:
    """As SVG; its words stand beside it, so it needs none."""
    across = Scale(0.0, bar.full, 0.0, WIDTH)
    inner = [
        element("rect", class_="track", x=0, y=0, width=WIDTH, height=HEIGHT),
        element("rect", class_=f"fill {bar.tone}", x=0, y=0, width=across(bar.value), height=HEIGHT),
    ]
    for level in bar.levels:
        x = across(level.value)
        inner.append(element("line", class_=f"level {level.tone}", x1=x, x2=x, y1=-2, y2=HEIGHT + 2))
    box = f"0 0 {WIDTH:g} {HEIGHT:g}"
    return element("svg", *inner, class_="bar", viewBox=box, aria_hidden="true", focusable="false")
