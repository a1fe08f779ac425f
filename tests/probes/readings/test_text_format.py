"""Reading pages: the same samples as the library reads, and never more than the caps."""

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from probes.contract.signal import Absent, Row, Series, Signal, SignalValues, Unreadable
from probes.readings.text_format import MAX_LINES, Names, NotAPageError, Scan
from probes.sources.pages.whole_lines import WholeLines
from tests.servers.metrics_pages import BINARY, HTML, page_of

WANTED = Signal(name="test_wanted", rows=(Row(metric="wanted", subject=("callee", "peer_id")),))

LABELS = st.sampled_from(["callee", "peer_id", "a", "le", "_b"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
NUMBERS = st.one_of(
    st.floats(), st.integers(-(10**20), 10**20).map(float), st.sampled_from([0.0, 1.0, float("inf"), float("nan")])
)


def read(text: str | bytes) -> list[tuple[str, dict[str, str], str]]:
    found = page_of(text, WANTED).series(WANTED)
    assert not isinstance(found, Unreadable), found
    return [] if isinstance(found, Absent) else [plain(one) for one in found[1]]


def plain(one: Series) -> tuple[str, dict[str, str], str]:
    return one.name, dict(one.labels), repr(float(one.value))


def by_library(text: str, parse: object = parse_text) -> list[tuple[str, dict[str, str], str]]:
    assert callable(parse)
    samples = [sample for family in parse(text) for sample in family.samples]
    return [(one.name, one.labels, repr(float(one.value))) for one in samples if one.name == "wanted"]


@st.composite
def registries(draw: st.DrawFn) -> CollectorRegistry:
    registry = CollectorRegistry()
    for name in draw(st.lists(st.sampled_from(["wanted", "wanted_too", "unwanted", "a_wanted", "z"]), unique=True)):
        labels = draw(st.lists(LABELS.filter(lambda label: label[0] != "_"), unique=True, max_size=3))
        gauge = Gauge(name, draw(TEXTS), labels, registry=registry)
        if not labels:
            gauge.set(draw(NUMBERS))
            continue
        for values in draw(st.lists(st.tuples(*[TEXTS for _ in labels]), max_size=4)):
            gauge.labels(*values).set(draw(NUMBERS))
    return registry


@given(registries())
def test_a_page_of_the_library_reads_as_the_library_reads_it(registry: CollectorRegistry) -> None:
    text = generate_latest(registry).decode()
    expected = by_library(text)
    if not re.search(r"^[^#]", text, re.MULTILINE):
        return
    assert read(text) == expected
    assert read(text.replace("\n", "\r\n")) == expected
    openmetrics = generate_openmetrics(registry).decode()  # type: ignore[no-untyped-call]  # ships no types
    assert read(openmetrics) == by_library(openmetrics, parse_openmetrics)


BLANK = st.sampled_from(["", "", "", " ", "\t", "  "])
GAP = st.sampled_from([" ", " ", "\t", "  "])
QUOTED = st.one_of(
    TEXTS.map(lambda text: text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")),
    st.text(st.sampled_from(list(r"a\{},=# ")), max_size=8).map(lambda text: text.replace("\\", r"\\")),
)
VALUES = st.one_of(NUMBERS.map(repr), st.sampled_from(["1", "+Inf", "-Inf", "NaN", "1e3", "0x1", "1_0", "", "one"]))


@st.composite
def lines(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(["wanted", "wanted", "unwanted", "wanted_too", "# TYPE wanted", '{"wanted"}']))
    blank = [draw(BLANK) for _ in range(4)]
    labels = [f'{draw(LABELS)}{draw(BLANK)}="{draw(QUOTED)}"' for _ in range(draw(st.integers(0, 3)))]
    braces = f"{{{blank[1]}{draw(st.sampled_from([',', ', ', ' ,'])).join(labels)}{blank[2]}}}" if labels else ""
    stamp = draw(st.sampled_from(["", "", " 1700000000000", "\t17", " -5", ' # {trace="x"} 0.5']))
    return f"{blank[0]}{name}{braces}{draw(GAP)}{draw(VALUES)}{stamp}{blank[3]}"


@given(st.lists(lines(), max_size=5), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_lines_in_any_shape_read_as_the_library_reads_them_or_not_at_all(
    wanted: list[str],
    end: str,
    last: bool,
) -> None:
    text = end.join(["first 1", *wanted]) + (end if last else "")
    try:
        expected = [one for line in text.split("\n") for one in by_library(line)]
    except ValueError:
        return
    try:
        found = read(text)
    except AssertionError as unreadable:
        assert "unusual" in str(unreadable)  # noqa: PT017  the cap on what the library has to read
        return
    assert sorted(found, key=repr) == sorted(expected, key=repr)


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=60).map(lambda tail: b"a 1\nwanted{" + tail)))
def test_no_bytes_at_all_make_it_fail_in_another_way(page: bytes) -> None:
    with contextlib.suppress(NotAPageError):
        page_of(page, WANTED).values(WANTED)


@pytest.mark.parametrize(
    "page",
    [
        HTML,
        BINARY,
        b"a 1\nb\xff 2\n",
        b'{"status": "ok"}',
        b"a\0b 1\n",
        b"Not found",
        b"wanted 1 2 3 x\n",
        b"version 1.2.3\n",
        b"range 4-7\n",
        b'a{b="1",b="2"} 1\n',
        b"a 1\n" + b"x" * 300_000,
    ],
)
def test_what_is_no_page_is_told(page: bytes) -> None:
    with pytest.raises(NotAPageError):
        page_of(page, WANTED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wanted 1", {"": 1}),
        ("\ufeffwanted 1\n", {"": 1}),
        ("  wanted\t1\r\n", {"": 1}),
        ("wanted 1 1700000000000\n", {"": 1}),
        ("# EOF wanted 7\nwanted 1\n", {"": 1}),
        ('wanted{callee="a"} 1\nother 2\nwanted{callee="b"} 2', {"a": 1, "b": 2}),
        (r'wanted{callee="a\"},{\\\n"} 1', {'a"},{\\\n': 1}),
        ('wanted{callee="",peer_id="p"} 1', {"p": 1}),
        ('wanted{callee="ж",} 1', {"ж": 1}),
        ('wanted { callee = "a" } 1', {"a": 1}),
        ('{"wanted",callee="a"} 1', {"a": 1}),
        ('wanted{callee="a"} 1 # {trace_id="x",span_id="y"} 0.5 1.7e9', {"a": 1}),
        ("wanted 1 1.7e+09 # {} 0.5", {"": 1}),
        (r'wanted{callee="a # {x=\"1\"} 5"} 1 # {"trace.id"="\" # {"} 2', {'a # {x="1"} 5': 1}),
        ('wanted{callee="a # {} 5"} 1', {"a # {} 5": 1}),
        ('wanted{"http.route"="/x",callee="a"} 1', {"a": 1}),
        ('wanted_total 5\nwanted_too{callee="x"} 1\nunwanted 3\nwanted{callee="a"} 1', {"a": 1}),
    ],
)
def test_a_line_is_found_and_read(text: str, expected: dict[str, float]) -> None:
    assert page_of(text, WANTED).values(WANTED) == SignalValues(expected)


@pytest.mark.parametrize(
    "line",
    [
        'wanted{callee="a} 1',
        'wanted{callee="a",callee="b"} 1',
        "wanted{callee=a} 1",
        'wanted{__name__="other"} 1',
        "wanted{} one",
        "wanted",
        "wanted ",
        'wanted{callee="' + "x" * 5000 + '"} 1',
        "wanted{" + ",".join(f'l{n}="x"' for n in range(65)) + "} 1",
        "\n".join(f'wanted{{ callee = "c{n}" }} 1' for n in range(500)),
    ],
)
def test_a_line_that_cannot_be_read_makes_its_signal_unreadable_and_no_other(line: str) -> None:
    other = Signal(name="test_other", rows=(Row(metric="other"),))
    page = page_of(f"first 1\n{line}\nother 2\n", WANTED, other)
    found = page.values(WANTED)
    assert isinstance(found, Unreadable | Absent)
    assert isinstance(found, Unreadable) or line in ("wanted", "wanted ")
    assert page.value(other) == 2


def test_a_long_page_with_crlf_is_nothing_unusual() -> None:
    found = page_of("\r\n".join(f'wanted{{callee="c{n}"}} 1' for n in range(900)), WANTED).values(WANTED)
    assert isinstance(found, SignalValues)
    assert len(found.by_subject) == 900


@pytest.mark.parametrize(
    "line",
    [
        'wanted{{callee="c{0}"}} 1 # {{trace_id="{0:032x}",span_id="{0:016x}"}} 0.25 1795424400.123',
        'wanted{{callee="c{0}"}} 1 1.795424400123e+09',
        'wanted{{callee="c{0}","http.route"="/v1/search"}} 1',
    ],
    ids=["exemplars", "times of OpenMetrics", "names in quotes"],
)
def test_a_page_full_of_what_libraries_print_is_nothing_unusual(line: str) -> None:
    found = page_of("\n".join(line.format(number) for number in range(900)), WANTED).values(WANTED)
    assert isinstance(found, SignalValues)
    assert len(found.by_subject) == 900


def test_a_counter_that_openmetrics_describes_without_a_sample_is_told_from_one_that_is_not_there() -> None:
    signal = Signal(name="test_bare", rows=(Row(metric="bare_total"),))
    for described in ("# TYPE bare counter", "# TYPE bare_total counter"):
        assert page_of(f"{described}\nfirst 1\n", signal).value(signal) == Absent(
            "The metrics endpoint has bare_total, but without a sample."
        )


def test_more_lines_than_are_read_are_neither_kept_nor_guessed_from() -> None:
    page = page_of("\n".join(f'wanted{{callee="c{n}"}} 0' for n in range(100_000)), WANTED)
    assert isinstance(page.values(WANTED), Unreadable)
    assert len(page.kept.lines[0]) < 1000


def test_more_subjects_than_are_judged_are_unreadable() -> None:
    page = page_of("\n".join(f'wanted{{callee="c{n}"}} 0' for n in range(1001)), WANTED)
    assert page.values(WANTED) == Unreadable("1001 subjects in wanted, at most 1000 are judged")


def test_a_thousand_subjects_in_three_states_are_all_read() -> None:
    states = ("closed", "open", "half_open")
    signal = Signal(
        name="test_states", rows=(Row(metric="wanted", subject=("callee",), state_label=("state",)),), states=states
    )
    text = "\n".join(
        f'wanted{{callee="c{n}",state="{state}"}} {state == "open":d}' for n in range(1000) for state in states
    )
    found = page_of(text, signal).values(signal)
    assert isinstance(found, SignalValues)
    assert (len(found.by_subject), set(found.by_subject.values()), found.unreadable) == (1000, {1.0}, {})
    assert len(text.splitlines()) < MAX_LINES


@pytest.mark.parametrize(
    "filler",
    [b"filler_total 1\n" * 500_000, b"# nothing\n" * 700_000, b"\n \n" * 2_000_000, b"wante " * 20_000 + b"\n"],
    ids=["samples", "comments", "blank", "a long line"],
)
def test_a_page_of_8_mib_is_scanned_in_steps_that_do_not_hold_others_up(filler: bytes) -> None:
    scan, steps = Scan(Names(["wanted", "another_one", "third"])), []
    for piece in WholeLines().cut(b"first 1\n" + filler, last=True):
        began = time.process_time()
        scan.feed(piece)
        steps.append(time.process_time() - began)
    assert sorted(steps)[len(steps) // 2] < 0.015
    assert scan.has_a_sample


@given(st.lists(st.integers(0, 90_000), max_size=6), st.sampled_from([b"", b"\xef\xbb\xbf"]), st.booleans())
def test_a_page_that_arrives_in_parts_is_cut_into_the_same_lines(cuts: list[int], mark: bytes, ended: bool) -> None:
    lines = b"".join(b"name_%d %d\n" % (number, number) for number in range(9000)) + (b"" if ended else b"last 1")
    page, places = mark + lines, sorted(cuts)
    parts = [page[a:b] for a, b in zip([0, *places], [*places, len(page)], strict=True)]
    whole = WholeLines()
    pieces = [piece for at, part in enumerate(parts, 1) for piece in whole.cut(part, last=at == len(parts))]
    assert b"".join(pieces) == lines
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])


def test_a_line_without_an_end_is_told_before_all_of_it_has_arrived() -> None:
    whole = WholeLines()
    for _ in range(2):
        assert list(whole.cut(b"x" * (1 << 16), last=False)) == []
    with pytest.raises(NotAPageError, match="it has a line of more than 131072 bytes"):
        list(whole.cut(b"x" * (1 << 16), last=False))


@pytest.mark.parametrize("letter", ["x", "\u0436", "\u20ac", "\U0001f600"])
@pytest.mark.parametrize("shift", ["", "y", "yy", "yyy"])
def test_a_line_that_is_too_long_says_so_whatever_its_letters_take(letter: str, shift: str) -> None:
    found = page_of(f'first 1\nwanted{{callee="{shift}{letter * 5000}"}} 1\n', WANTED).values(WANTED)
    assert found == Unreadable("wanted: its lines are too long, or too many are written in an unusual way")
