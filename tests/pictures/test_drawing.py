"""Pictures as SVG: whatever is in them they are whole, stay within their frame, and show no more than there is."""

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract.picture import Band, Bar, Level, Mark, Origin, Picture, Point, Series, Tone, Unit
from watcher.pictures.drawing import WIDTH, drawn, drawn_bar
from watcher.pictures.labels import placed
from watcher.pictures.scales import Scale, time_ticks, value_ticks

SCRIPT = "</desc><script>alert(1)</script>\"'&"
NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")

words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60) | st.just(SCRIPT)


def _in_order(points: list[Point]) -> tuple[Point, ...]:
    return tuple(sorted(points, key=lambda each: each.at))


moments = st.floats(-1e9, 1e9)
values = st.floats(0, 1e15) | st.floats(0, allow_infinity=False) | st.just(5e-324)
tones = st.sampled_from(Tone)
marks = st.sampled_from(["now", "opened", "limit met"])
series = st.builds(
    Series,
    words,
    st.lists(st.builds(Point, moments, st.none() | values), max_size=20).map(_in_order),
    st.sampled_from(Origin),
    tones,
)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    start = draw(moments)
    end = start + draw(st.floats(1, 1e9))
    spans = draw(st.lists(st.tuples(words, moments, st.floats(0, 1e6), tones), max_size=5))
    return Picture(
        title=draw(words),
        text=draw(words),
        conditions=(),
        start=start,
        end=end,
        subject=draw(words),
        unit=draw(st.none() | st.sampled_from(Unit)),
        series=tuple(draw(st.lists(series, max_size=3))),
        levels=tuple(draw(st.lists(st.builds(Level, words, values, tones), max_size=3))),
        bands=tuple(Band(name, begin, begin + length, tone) for name, begin, length, tone in spans),
        marks=tuple(draw(st.lists(st.builds(Mark, marks, moments), max_size=5))),
    )


def _tree(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  it is our own


def _places(each: ET.Element) -> list[tuple[float, float]]:
    """All corners of a shape."""
    have = {name: float(value) for name, value in each.attrib.items() if name in _PLACES}
    if each.tag == "path":
        numbers = [float(found) for found in NUMBERS.findall(each.attrib["d"])]
        return list(zip(numbers[::2], numbers[1::2], strict=True))
    x, y = have.get("x", have.get("cx", have.get("x1", 0.0))), have.get("y", have.get("cy", have.get("y1", 0.0)))
    beyond = have.get("x2", x + have.get("width", 0.0)), have.get("y2", y + have.get("height", 0.0))
    return [(x, y), beyond]


_PLACES = {"x", "y", "cx", "cy", "x1", "x2", "y1", "y2", "width", "height"}


@given(pictures())
def test_any_picture_is_whole_says_what_it_is_and_stays_within_its_frame(picture: Picture) -> None:
    made = drawn(picture, "p")
    tree = _tree(made.svg)
    _, _, width, height = map(float, tree.attrib["viewBox"].split())
    assert width == WIDTH
    title, text = tree.find("title"), tree.find("desc")
    assert title is not None
    assert text is not None
    assert (tree.attrib["role"], tree.attrib["aria-labelledby"], title.attrib["id"]) == ("img", "p-title", "p-title")
    assert (tree.attrib["aria-describedby"], text.attrib["id"], text.text or "") == ("p-text", "p-text", picture.text)
    assert (title.text or "") == made.title
    assert {each.tag for each in tree.iter()} <= {"svg", "title", "desc", "line", "text", "rect", "path", "circle"}
    for each in tree.iter():
        for x, y in _places(each) if each.tag not in ("svg", "title", "desc") else ():
            assert -0.1 <= x <= width + 1, each.attrib
            assert -0.1 <= y <= height + 0.1, each.attrib
    assert [entry.said for entry in made.legend] == [
        *(each.name for each in picture.series),
        *(each.name for each in picture.bands),
    ]
    for entry in made.legend:
        _tree(entry.svg)


@given(series)
def test_no_line_is_drawn_where_nothing_was_seen(line: Series) -> None:
    picture = Picture("", "", (), -1e9, 1e9, unit=Unit.BYTES, series=(line,))
    runs = "".join("." if each.value is not None else " " for each in line.points).split()
    paths = list(_tree(drawn(picture, "p").svg).iter("path"))
    assert [len(_places(each)) for each in paths] == [len(run) for run in runs if len(run) > 1]
    dots = list(_tree(drawn(picture, "p").svg).iter("circle"))
    assert len(dots) == sum(len(run) for run in runs if len(run) == 1 or line.tone is Tone.CRITICAL)
    assert {each.attrib["class"] for each in paths} <= {f"line {line.origin} {line.tone}"}


@given(pictures())
def test_nothing_is_drawn_over_a_line_that_would_look_like_a_gap_in_it(picture: Picture) -> None:
    looks = [each.attrib.get("class", "").split(" ")[0] for each in _tree(drawn(picture, "p").svg)]
    if picture.unit is not None:
        after = looks[looks.index("line") :] if "line" in looks else []
        assert {"halo", "moment", "future"} & {*after} == set()
        assert "halo" not in looks
    else:
        assert looks.count("halo") == looks.count("moment") == len(picture.marks)


@given(st.lists(st.tuples(st.sampled_from(["now", "opened", "last rotation"]), st.floats(0, WIDTH)), max_size=12))
def test_no_two_names_of_moments_cover_each_other(wanted: list[tuple[str, float]]) -> None:
    found = placed(wanted, WIDTH)
    assert {each.said for each in found} == {said for said, _ in wanted}
    for each in found:
        assert 0 <= each.start < each.end <= WIDTH
        others = [other for other in found if other is not each and other.row == each.row]
        assert all(other.end < each.start or each.end < other.start for other in others)


@given(st.floats(1, 1e11), st.floats(0, 1))
def test_times_on_the_axis_are_few_and_round(length: float, past: float) -> None:
    ticks = time_ticks(-length * past, length * (1 - past))
    assert len(ticks) <= 6
    assert [each.said for each in ticks if each.value == 0] == ["now"]
    assert len({each.said for each in ticks}) == len(ticks)


@given(st.floats(1e-6, 1e15), st.sampled_from(Unit))
def test_values_on_the_axis_are_few_begin_at_nothing_and_stay_below_its_end(top: float, unit: Unit) -> None:
    ticks = value_ticks(top, unit)
    assert 1 <= len(ticks) <= 6
    assert ticks[0].value == 0
    assert all(0 <= each.value <= top * (1 + 1e-6) for each in ticks)
    assert len({each.said for each in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("top", "unit", "said"),
    [
        (512 * 2**20, Unit.BYTES, ["0 MiB", "128 MiB", "256 MiB", "384 MiB", "512 MiB"]),
        (3 * 2**30, Unit.BYTES, ["0 GiB", "1 GiB", "2 GiB", "3 GiB"]),
        (3, Unit.CONNECTIONS, ["0", "1", "2", "3"]),
        (0.5, Unit.SHARE, ["0 %", "20 %", "40 %"]),
        (0.9, Unit.CORES, ["0", "0.5"]),
    ],
)
def test_values_on_the_axis_have_their_unit(top: float, unit: Unit, said: list[str]) -> None:
    assert [each.said for each in value_ticks(top, unit)] == said


def test_times_on_the_axis_are_told_from_now() -> None:
    assert [each.said for each in time_ticks(-172800, 43200)] == ["-48 h", "-36 h", "-24 h", "-12 h", "now", "+12 h"]
    assert [each.said for each in time_ticks(-1800, 0)] == ["-30 min", "-20 min", "-10 min", "now"]


def test_a_picture_of_two_lines_to_the_word() -> None:
    picture = Picture(
        title="Memory",
        subject="<b>",
        text="It is full.",
        conditions=(),
        start=-60,
        end=60,
        unit=Unit.BYTES,
        series=(
            Series("seen", (Point(-60, 1), Point(-30, None), Point(-20, 2), Point(0, 4))),
            Series("forecast", (Point(0, 4), Point(60, 8)), Origin.FORECAST),
        ),
        levels=(Level("limit", 8, Tone.CRITICAL),),
        marks=(Mark("now", 0),),
    )
    shown = [each.text for each in _tree(drawn(picture, "p").svg).iter("text")]
    assert shown == ["0 B", "4 B", "8 B", "limit 8 B", "now", "-60 s", "-30 s", "now", "+30 s", "+60 s"]
    assert '<path class="line forecast plain" d="M202.5 79.1L352 27.3"></path>' in drawn(picture, "p").svg
    assert "&lt;b&gt;" in drawn(picture, "p").svg


@given(st.floats(0, 1e15), st.floats(1e-3, 1e15))
def test_a_bar_is_as_long_as_its_share_and_never_longer_than_all(value: float, full: float) -> None:
    bar = drawn_bar(Bar(SCRIPT, SCRIPT, value, full, (Level("high", full / 2),)))
    [fill], [level] = _tree(bar.svg).iter("rect"), _tree(bar.svg).iter("path")
    assert _tree(bar.svg).attrib["viewBox"] == "0 0 100 10"
    assert level.attrib["d"] == "M50-2V12"
    assert len(bar.svg) < 200
    assert math.isclose(float(fill.attrib["width"]), 100 * min(1.0, value / full), abs_tol=0.06)
    assert (bar.name, bar.said) == (SCRIPT, SCRIPT)


def test_what_a_stranger_named_is_printable_in_the_title_too() -> None:
    picture = Picture("Pool", "", (), -1, 0, subject="a\x1b[31m\x00\u202eb")
    made = drawn(picture, "p")
    assert made.title == _tree(made.svg).findtext("title") == "Pool: a\\x1b[31m\\x00\\u202eb"


def test_what_lies_beyond_a_scale_stands_at_its_end() -> None:
    scale = Scale(0, 10, 100, 0)
    assert [scale(each) for each in (-5, 0, 5, 10, 50)] == [100, 100, 50, 0, 0]
    assert Scale(3, 3, 7, 9)(3) == 7
