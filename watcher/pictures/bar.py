"""One bar: how much there is of what may be had, and where trouble begins."""

from probes.contract.picture import Bar
from watcher.pictures.scales import Scale
from watcher.pictures.svg import element, number

WIDTH, HEIGHT = 100.0, 10.0


def drawn(bar: Bar) -> str:
    """As SVG of few bytes, for a page has hundreds; its words stand beside it, so it needs none."""
    across = Scale(0.0, bar.full, 0.0, WIDTH)
    levels = (
        element("path", class_=f"level {each.tone}", d=f"M{number(across(each.value))}-2V{HEIGHT + 2:g}")
        for each in bar.levels
    )
    fill = element("rect", class_=f"fill {bar.tone}", width=across(bar.value), height=HEIGHT)
    return element("svg", fill, *levels, class_="bar", viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", aria_hidden="true")
