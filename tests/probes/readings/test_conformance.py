"""What a current Prometheus refuses is told, with its reason, and what it takes raises nothing: asked of a real one."""

import random
import time
import tracemalloc
from collections.abc import Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from probes.readings.conformance import REASONS, Conformance, PageInspector
from tests.servers.process import eventually
from tests.servers.prometheus_server import Scrape, run_prometheus
from tests.servers.tools import need

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Page(NamedTuple):
    """A page, and why a current Prometheus refuses it; empty where it takes it."""

    body: bytes
    reason: str = ""
    content_type: str = TEXT


def registry() -> CollectorRegistry:
    found = CollectorRegistry()
    requests = Counter("agentweave_requests", 'R "quoted" \\', ["capability", "status"], registry=found)
    requests.labels("search", "success").inc(3, {"trace_id": "a"})
    requests.labels('a"b\\c', "err\nor").inc()
    durations = Histogram("agentweave_request_duration_seconds", "D", ["capability"], registry=found)
    durations.labels("search").observe(0.3, {"trace_id": "4bf92f3577b34da6", "span_id": "00f0"})
    Gauge("agentweave_size_bytes", "S", unit="bytes", registry=found).set(float("nan"))
    Gauge("agentweave.dotted", "With a name that is no old one", registry=found).set(float("inf"))
    Info("agentweave_build", "B", registry=found).info({"version": "1"})
    return found


PRINTED = generate_latest(registry())
PRINTED_OPEN: bytes = generate_openmetrics(registry())  # type: ignore[no-untyped-call]  # ships no types


def _open(body: bytes, reason: str = "") -> Page:
    return Page(body + b"# EOF\n", reason, OPEN)


PAGES = (
    Page(PRINTED),
    Page(PRINTED_OPEN, content_type=OPEN),
    Page(PRINTED_OPEN, "ContentType", "application/openmetrics-text; version=2.0.0"),
    Page(b"a 1"),
    Page(b"a 1\n\n \n# anything\n#x\n# HELP\n# TYPE\n"),
    Page(b"# TYPE a gauge\na{b=\"c\" , d = 'e'} 1\n".replace(b"'", b'"')),
    Page(b'a{b="c" d="e"} 1\n{"a b",x="1"} 2\n{x="1","a c"} 3\n{"a d",} 4\n'),
    Page(b'a{b="over\ntwo lines"} 1\nb 2\n'),
    Page(b'a{"b.c"="d",} 1 1795424400000\na{b="",b="x"} 1\n'),
    Page(b"a +.5e-3\nb Infinity\nc nan\nd -INF\ne 5.\nf-1\ng 1e-999\n"),
    Page(b"# HELP foo.bar text\n# TYPE a-gauge\n"),
    Page(b"\xef\xbb\xbfa 1\n", "ByteOrderMark"),
    Page(b"\xef\xbb\xbf# HELP a x\n# EOF\n", "ByteOrderMark", OPEN),
    Page(b"a 1\r\nb 2\r\n", "LineEnds"),
    Page(b"# HELP a x\r\n# TYPE a gauge\r\na 1\r\n", "LineEnds"),
    Page(b"a 1\n\r\n", "LineEnds"),
    Page(b"# HELP a x\r\n# a comment\r\na 1\n"),
    Page(b"a 1\r\n# EOF\r\n", "LineEnds", OPEN),
    Page(b"a 1\n# EOF\r\n", "LineEnds", OPEN),
    Page(b"# TYPE 1a gauge\n1a 1\n", "FamilyName"),
    Page(b'b 1\n1a{x="y"} 1\n', "FamilyName"),
    Page(b"http.requests 1\n", "FamilyName"),
    Page(b'http-requests{a="b"} 1\n', "FamilyName"),
    Page(b"# TYPE http.requests counter\n", "FamilyName"),
    Page(b"# HELP 1a x\na 1\n", "FamilyName"),
    Page("# HELP a\u0436b x\n".encode(), "FamilyName"),
    _open(b"# TYPE 1a gauge\n1a 1\n", "FamilyName"),
    _open(b"a.b 1\n", "FamilyName"),
    _open(b"a 1\n# EOF\nb 1\n", "EndInTheMiddle"),
    Page(b"a 1\n# EOF\nb 1\n", "EndInTheMiddle", OPEN),
    Page(b"a 1\n# EOF\n\n", "EndInTheMiddle", OPEN),
    Page(b"a 1\n# EOF\nb 1\n# EOF\n"),
    Page(b"a 1\n# EOF", content_type=OPEN),
    Page(b"a 1 -5\n", "Timestamp"),
    Page(b"a 1 1.5\n", "Timestamp"),
    Page(b"a 1 1795424400e3\n", "Timestamp"),
    Page(b"a 1 99999999999999999999\n", "Timestamp"),
    Page(b"a 1 now\n", "Timestamp"),
    _open(b"a 1 -5\nb 1 1.5e9\nc 1 1795424400.123\n"),
    _open(b"a 1 NaN\n", "Timestamp"),
    _open(b"a 1 now\n", "Timestamp"),
    _open(b"a 1 1e999\n", "Timestamp"),
    Page(b"a 1\n", "ContentType", ""),
    Page(b"a 1\n", "ContentType", "text/html"),
    Page(b"a 1\n", "ContentType", "application/json; charset=utf-8"),
    Page(b"a 1\n", "ContentType", "text"),
    Page(b"a 1\n", "ContentType", "text/plain; charset"),
    Page(b"a 1\n", "ContentType", "text/plain; a=b; A=c"),
    Page(b"a 1\n", "", "Text/Plain;"),
    Page(b"a 1\n", "", 'text/plain; charset="utf-8" ; version=9'),
    Page(b"a 1\n", "", "text/plain ;x=y"),
    Page(b'a 1 # {trace_id="x"} 0.5\n', "Syntax"),
    Page(b'a{b="1",b="2"} 1\n', "Syntax"),
    Page(b'a{__name__="a"} 1\n', "Syntax"),
    Page(b'a{b.c="1"} 1\n', "Syntax"),
    Page(b'a{b="1",,} 1\n', "Syntax"),
    Page(b'a{b="say "x""} 1\n', "Syntax"),
    Page(b"a{b=1} 1\n", "Syntax"),
    Page(b'{""} 1\n', "Syntax"),
    Page(b'{x="1"} 1\n', "Syntax"),
    Page(b"a 1e999\n", "Syntax"),
    Page(b"a -nan\n", "Syntax"),
    Page(b"a 0x10\n", "Syntax"),
    Page(b"a 1_000\n", "Syntax"),
    Page(b"a 1,5\n", "Syntax"),
    Page(b"a\n", "Syntax"),
    Page(b"# TYPE a  gauge\n", "Syntax"),
    Page(b"# TYPE a gauge \n", "Syntax"),
    Page(b"# TYPE a unknown\n", "Syntax"),
    Page(b"Welcome to the agent\na 1\n", "Syntax"),
    _open(b"\na 1\n", "Syntax"),
    _open(b"# a comment\na 1\n", "Syntax"),
    _open(b"# TYPE a untyped\na 1\n", "Syntax"),
    _open(b"a  1\n", "Syntax"),
    _open(b'a{b="1", c="2"} 1\n', "Syntax"),
    _open(b"a 1 \n", "Syntax"),
    _open(b"# HELP a\na 1\n", "Syntax"),
    _open(b"# UNIT a_seconds seconds\n# UNIT b \n# HELP c \n"),
    _open(b"# UNIT a seconds\n", "Syntax"),
    _open(b'# UNIT "a b_seconds" seconds\n'),
    _open(b'# UNIT "a b" seconds\n', "Syntax"),
    Page(b"# UNIT\n# UNIT a\n# UNIT a seconds\na 1\n"),
    _open(b'a 1 # {x="1",y="2"} .5 1.7e9\nb 1 5 # {} 1\n{"c.d",x="1"} 1\n'),
    _open(b'a 1 # {x="1"}\n', "Syntax"),
    _open(b'a 1 # {x="1"} 1 NaN\n', "Syntax"),
    _open(b'a 1 # {x="1"} 1e999\n', "Syntax"),
    _open(b'a 1 # {x="1"} +Inf 1e999\n', "Syntax"),
    _open(b'a 1 # {x="1",x="2",""="3"} +Inf 5\nb 1 99999999999999999999\n'),
    _open(b'a 1 5 # {"x\ny"="1"} 1\n', "Syntax"),
    _open(b'{"a",b="1",b="2"} 1\n', "Syntax"),
    Page(b'{"a",b="1",b="2"} 1\n', "Syntax"),
    Page(b'{"a",__name__="1"} 1\n', "Syntax"),
    Page(b'a{"__name__"="b"} 1\n', "Syntax"),
    Page(b'a{b="",c="=",d="1",d="2"} 1\n', "Syntax"),
    Page(b'{"a",b="1",b=""} 1\na{b="1",b="",b="2"} 1 000000000000000000000009\n'),
    Page(b"a 1 00000000000000000000099999999999999999999\n", "Timestamp"),
    Page(b"a 1 5 6\n", "Syntax"),
)  # fmt: skip


def told(page: Page, lengths: Iterable[int] = ()) -> Conformance:
    """What is made of a page that arrives in parts of these lengths, and the rest at once."""
    inspector, at = PageInspector(page.content_type), 0
    for length in lengths:
        list(inspector.feed(page.body[at : at + length], last=False))
        at += length
    list(inspector.feed(page.body[at:], last=True))
    assert inspector.found is not None
    return inspector.found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: repr(page.body[:40]))
def test_why_a_current_prometheus_refuses_a_page_is_told(page: Page) -> None:
    found = told(page)
    assert (found.reason, found.unknown) == (page.reason, None)
    assert found.why.endswith(".") or not page.reason


@given(st.sampled_from(PAGES), st.sampled_from([0, 9, 32_760, 65_530]), st.lists(st.integers(1, 40_000), max_size=5))
@settings(max_examples=60)
def test_in_parts_of_any_length_the_same_is_told(page: Page, before: int, lengths: list[int]) -> None:
    filler = b"# HELP a x\n" * (before // 11)
    long = page._replace(body=page.body[:3].replace(b"\xef\xbb\xbf", b"") + page.body[3:])
    for each in (page._replace(body=page.body + filler), long._replace(body=filler + long.body)):
        assert told(each, lengths) == told(each)


def test_no_more_than_a_line_and_a_part_is_held_of_a_page_that_arrives() -> None:
    page, inspector = PRINTED * 2000, PageInspector(TEXT)
    tracemalloc.start()
    for at in range(0, len(page), 1 << 16):
        list(inspector.feed(page[at : at + (1 << 16)], last=False))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(page) > 1 << 20, inspector.found) == (True, None)
    assert peak < 1 << 19


MARKS = [*' \t\n\r"{}=,#\\.-+eE019aNnI_:ж', "\r\n", " 5", '"x"', "# EOF\n", "# TYPE ", ' # {x="1"} 1', 'b="c"']


def mutated(count: int, seed: int) -> list[Page]:
    chance, found = random.Random(seed), list[Page]()
    bases = [page for page in PAGES if not page.reason]
    while len(found) < count:
        base = chance.choice([*bases, PAGES[0], PAGES[1]])
        text = base.body.decode()
        for _ in range(chance.choice([1, 1, 2])):
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice([*MARKS, ""]) + text[at + chance.choice([0, 0, 1, 3]) :]
        found.append(base._replace(body=text.encode()))
    return found


LABELS = [
    *('{a="b"}', '{a="b",}', '{"foo"}', '{"foo",a="b",c="d",}', '{a="b","foo"}', '{"foo",a="b",a="c"}', '{a="x",a=""}'),
    *('{"a"="x",a="y"}', '{"foo","__name__"="z"}', '{"foo",a="=",b="x",b="y"}', '{a="\\"",b="\\\\"}', '{a="x,y={}"}'),
]
VALUES = [
    "1",
    "0",
    "-1.5",
    "1e5",
    "NaN",
    "+Inf",
    "-inf",
    ".5",
    "1.",
    "infinity",
    "1e999",
    "0x1p2",
    "1_0",
    "+nan",
    "1e-999",
]
TIMES = ["5", "1795424400000", "007", "9223372036854775807", "9223372036854775808", "-5", "1.5", "1e3", "1e999", "NaN"]
TRACES = ["{}", '{x="1"}', '{x="1",y="2"}', '{x="1",x="2"}', '{x="1",}', '{"x y"="1"}', '{"x"}', '{__name__="x"}']
KINDS = [
    "counter",
    "gauge",
    "histogram",
    "summary",
    "untyped",
    "unknown",
    "info",
    "stateset",
    "gaugehistogram",
    "seconds",
]


def composed(count: int, seed: int) -> list[Page]:
    """Pages of lines that are put together of what lines have, most of them well."""
    chance, found = random.Random(seed), list[Page]()

    def often(words: Sequence[str]) -> str:
        return chance.choice([*words, *list(words[: len(words) // 2]) * 3])

    def sample(is_open: bool) -> str:
        labels = often(["", *LABELS]) if chance.random() < 0.3 else ""
        name = "" if '"foo"' in labels else chance.choice(["foo", "a_total", "a:b", "_x"])
        # Of a sample that is too old to be stored Prometheus does not look at the labels.
        time = f" {often(TIMES)}" if not labels and chance.random() < 0.4 else ""
        trace = f" # {often(TRACES)} {often(VALUES)}{time}" if is_open and chance.random() < 0.3 else ""
        line = f"{name}{labels} {often(VALUES)}{time}{trace}"
        return line if is_open or chance.random() < 0.8 else chance.choice([f"\t{line} ", line.replace(" ", " \t")])

    def described() -> str:
        name = chance.choice(["foo", '"a b"', "a_seconds", '"a\\"_seconds"'])
        return f"# {chance.choice(['HELP', 'TYPE', 'UNIT'])} {name} {chance.choice(KINDS)}"

    while len(found) < count:
        is_open = chance.random() < 0.5
        lines = [sample(is_open) if chance.random() < 0.7 else described() for _ in range(chance.randint(1, 4))]
        text = "\n".join([*lines, *(["# EOF"] if is_open else [])])
        found.append(Page(text.encode(), "", OPEN if is_open else TEXT))
    return found


def scraped(pages: Sequence[Page]) -> list[str]:
    """What Prometheus says against each page, empty where it took it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages[int(self.path[1:])]
            self.send_response(200)
            if page.content_type:
                self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
            """Nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 500

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        urls = [f"http://127.0.0.1:{server.server_port}/{number}" for number in range(len(pages))]
        with run_prometheus(*urls, interval=5, pinned=True) as prometheus:
            eventually(lambda: len(told_of(prometheus.scrapes())) == len(pages), within=60)
            errors = told_of(prometheus.scrapes())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    return [errors[number] for number in range(len(pages))]


def told_of(scrapes: Sequence[Scrape]) -> dict[int, str]:
    """The error of each page that came, whatever this machine does beside."""
    came = [each for each in scrapes if each.health != "unknown" and not each.last_error.startswith("Get ")]
    return {int(each.url.rpartition("/")[2]): each.last_error for each in came}


def test_a_real_prometheus_refuses_these_pages_and_no_other() -> None:
    need("prometheus")
    pages = [*PAGES, *mutated(300, seed=7), *composed(200, seed=8)]
    errors = scraped(pages)
    wrong = {
        (page.body, page.content_type): (error, told(page))
        for page, error in zip(pages, errors, strict=True)
        if bool(error) != told(page).refused
    }
    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())
    assert 100 < sum(map(bool, errors)) < len(pages) - 50


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Page(b"a 1", "", ""), "The metrics endpoint has no Content-Type."),
        (Page(b"a 1", "", "text/html; charset=utf-8"), "Its Content-Type is 'text/html; charset=utf-8'."),
        (Page(b"\xef\xbb\xbfa 1\n"), "The metrics endpoint begins with a byte order mark."),
        (Page(b"# HELP a x\r\n# TYPE a gauge\r\n"), "Line 2 ends in CR LF: '# TYPE a gauge'."),
        (Page(b"a 1\n\n1b 2\n"), "Line 3 has a name that is none: '1b 2'."),
        (Page(b"a 1\n# EOF\nb 1\n", "", OPEN), "Line 2 is the end, and more follows: '# EOF'."),
        (Page(b"a 1 -5\n"), "Line 1 has a timestamp that is none: 'a 1 -5'."),
        (Page(b"a{b=1} 1"), "Line 1 cannot be read: 'a{b=1} 1'."),
        (Page(b"a{b=1" + b"1" * 200), f"Line 1 cannot be read: '{'a{b=1' + '1' * 55}'."),
    ],
)  # fmt: skip
def test_each_reason_says_exactly_this(page: Page, why: str) -> None:
    assert told(page).why == why


def test_every_reason_is_met() -> None:
    assert {page.reason for page in PAGES} == {*REASONS, ""}


@given(st.binary(max_size=200), st.sampled_from([TEXT, OPEN]))
def test_no_bytes_at_all_make_it_fail(body: bytes, content_type: str) -> None:
    assert told(Page(body, "", content_type)).reason in {*REASONS, ""}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"m " + b"9" * 32_000 + b"!\n", "Syntax"),
        (b"m" + b" " * 32_000 + b"!\n", "Syntax"),
        (b'm{a="b"' + b" " * 32_000 + b"!\n", "Syntax"),
        (b"m{" + b'a="",' * 5000 + b"!\n", "Syntax"),
        (b'm{a="' + b"\\\\" * 2_000_000, ""),
        (b"m{" + b'a="",' * 50_000 + b"} 1\n", ""),
    ],
    ids=["digits", "spaces", "spaces in labels", "labels", "no end", "a long line"],
)
@pytest.mark.parametrize("content_type", [TEXT, OPEN])
def test_no_line_holds_anybody_up(body: bytes, reason: str, content_type: str) -> None:
    began = time.process_time()
    found = told(Page(body, "", content_type))
    assert time.process_time() - began < 0.2
    assert found.reason == reason
    assert reason or found.why == "Line 1 of the whole page is too long to inspect: more than 32768 bytes."


def test_no_content_type_holds_anybody_up() -> None:
    began = time.process_time()
    for content_type in ("text/plain" + " " * 60_000 + "!", 'text/plain;a="' + "\\" * 60_000, "a/b" + " ;" * 30_000):
        assert told(Page(b"a 1\n", "", content_type)).reason == "ContentType"
    assert time.process_time() - began < 0.2
