"""When a page is asked for whole to see whether a current Prometheus could scrape it, and what that may cost."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from probes.contract import SourceContext, Target, TargetKey, Unknown
from probes.contract.signal import REQUESTS, START_TIME
from probes.readings.conformance import Conformance
from probes.readings.metrics_page import MetricsPage, PageTrouble
from probes.sources.agent_metrics import KIND, AgentMetricsSettings
from probes.sources.names import Names
from tests.servers import metrics_pages as pages

GOOD = b"process_start_time_seconds 1\nagentweave_requests_total 2\n"
DIGIT = GOOD + b"1st_family 1\n"
OPENMETRICS = b"Content-Type: application/openmetrics-text; version=1.0.0\r\n"


@dataclass
class Agent:
    """Answers with the wanted names alone where they are asked for, else with the page that a test sets."""

    whole: bytes
    filtered: bytes = pages.ok(GOOD)
    kinds: str = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.kinds += "f" if "name%5B%5D=" in head else "w"
        writer.write(self.filtered if "name%5B%5D=" in head else self.whole)
        await writer.drain()


class NoIdentity:
    """None is configured."""

    current = None
    confirmed = False


@dataclass
class Watch:
    """Looks at one agent, with time as an argument."""

    agent: Agent
    now: float = 0.0
    cpu: float = 0.0
    may_fail: bool = False
    settings: dict[str, object] = field(default_factory=dict)

    def looks(
        self, *pauses: float, between: Callable[[int], None] = lambda _: None, pods: Sequence[str] = ("search-0",)
    ) -> list[MetricsPage]:
        def cpu_time() -> float:
            self.cpu_now += self.cpu
            return self.cpu_now

        async def main() -> list[MetricsPage]:
            context = SourceContext(NoIdentity(), lambda: self.now, lambda: self.now, Names(), cpu_time=cpu_time)
            source = KIND.open(AgentMetricsSettings.model_validate(self.settings), context)
            seen = []
            async with pages.serving(self.agent) as url:
                for number, pause in enumerate(pauses):
                    self.now += pause
                    between(number)
                    for pod in pods:
                        target = Target(key=TargetKey("prod", "search", pod), metrics=url)
                        page = await source.look(target, (START_TIME, REQUESTS))
                        assert isinstance(page, MetricsPage)
                        assert page.error or page.value(REQUESTS) == 2
                        assert self.may_fail or not page.error
                        seen.append(page)
            return seen

        self.cpu_now = 0.0
        return asyncio.run(main())


def test_a_page_is_asked_for_whole_at_first_and_then_about_once_an_hour() -> None:
    agent = Agent(pages.ok(GOOD))
    seen = Watch(agent).looks(*[30.0] * 360)
    assert agent.kinds.startswith("fwfff")
    inspected = [30 * number for number, page in enumerate(seen) if page.conformance is not None]
    pauses = [later - sooner for sooner, later in pairwise(inspected)]
    assert all(2700 <= pause <= 4530 for pause in pauses)
    assert 2 <= len(pauses) <= 3
    assert agent.kinds.count("w") == len(inspected)
    assert {page.conformance for page in seen} == {None, Conformance()}


def test_what_the_filter_hides_is_seen_and_looked_at_until_it_is_sure() -> None:
    agent = Agent(pages.ok(DIGIT))
    seen = Watch(agent).looks(*[30.0] * 6)
    assert agent.kinds == "fwfwfw" + "fff"
    refusal = Conformance("FamilyName", "Line 3 has a name that is none: '1st_family 1'.")
    assert [page.conformance for page in seen] == [refusal] * 3 + [None] * 3


def test_a_page_that_is_mended_is_good_after_the_next_inspection() -> None:
    agent = Agent(pages.ok(DIGIT))

    def mend(number: int) -> None:
        if number == 1:
            agent.whole = pages.ok(GOOD)

    seen = Watch(agent).looks(*[30.0] * 5, between=mend)
    assert agent.kinds == "fwfwfff"
    assert [page.conformance and page.conformance.refused for page in seen] == [True, False, None, None, None]


def test_a_page_that_is_asked_for_whole_anyway_is_asked_for_once() -> None:
    agent = Agent(pages.ok(DIGIT), filtered=pages.ok(b"other 1\n"))
    seen = Watch(agent).looks(*[30.0] * 4)
    assert agent.kinds == "fw" + "www"
    assert [page.conformance is not None for page in seen] == [True, True, True, False]


@pytest.mark.parametrize(
    ("whole", "reason"),
    [
        (pages.ok(b"\xef\xbb\xbf" + GOOD), "ByteOrderMark"),
        (pages.ok(GOOD.replace(b"\n", b"\r\n")), "LineEnds"),
        (pages.ok(DIGIT), "FamilyName"),
        (pages.ok(GOOD + b"# EOF\nother 1\n", OPENMETRICS), "EndInTheMiddle"),
        (pages.ok(GOOD + b"# EOF\nother 1\n# EOF\n", OPENMETRICS), "EndInTheMiddle"),
        (pages.ok(GOOD + b"other 1 -1\n"), "Timestamp"),
        (pages.ok(GOOD, b"Content-Type: text/html\r\n"), "ContentType"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD, "ContentType"),
        (pages.ok(GOOD + b"other{a=b} 1\n"), "Syntax"),
    ],
)
def test_each_reason_is_found_on_a_page_that_we_can_read(whole: bytes, reason: str) -> None:
    for filtered in (pages.ok(GOOD), whole):
        [page] = Watch(Agent(whole, filtered)).looks(0)
        assert page.conformance is not None
        assert page.conformance.reason == reason


def test_of_two_targets_with_one_page_each_is_told_what_it_is_like() -> None:
    agent = Agent(pages.ok(GOOD))
    seen = Watch(agent).looks(0, 30, pods=("search-0", "search-1"))
    assert [page.conformance for page in seen] == [Conformance(), Conformance(), None, None]


def test_a_page_that_comes_in_parts_is_inspected_to_its_end() -> None:
    many = GOOD + b"other 1\n" * 100_000
    for whole, reason in ((many, ""), (many + b"1st_family 1\n", "FamilyName"), (many + b"other 1 -1\n", "Timestamp")):
        for filtered in (pages.ok(GOOD), pages.ok(b"other 1\n")):
            [page] = Watch(Agent(pages.ok(whole), filtered)).looks(0)
            assert page.conformance is not None
            assert (page.conformance.reason, page.conformance.unknown) == (reason, None)
            assert not reason or page.conformance.why.startswith("Line 100003 ")


def test_a_page_of_which_the_end_is_bad_is_not_inspected_at_each_look() -> None:
    long = GOOD + b"other 1\n" * 100_000
    agent = Agent(pages.ok(long + b"\0"), filtered=pages.ok(b"other 1\n"))
    seen = Watch(agent, cpu=0.0001, may_fail=True).looks(*[30.0] * 8)
    assert {(page.trouble, page.conformance) for page in seen} == {(PageTrouble.MALFORMED, None)}
    costly = [page.cpu > 1.5 * seen[2].cpu for page in seen]
    assert costly == [True, True, False, True, False, False, True, False], [page.cpu for page in seen]


UNSEEN = "The whole metrics endpoint could not be inspected: "


@pytest.mark.parametrize(
    ("whole", "unknown", "why", "again_after"),
    [
        (pages.ok(GOOD + b"other 1\n" * 5000), Unknown.MALFORMED, "The answer is larger than 16.0 KiB.", 2700),
        (pages.ok(b"<html></html>"), Unknown.MALFORMED, "What was answered is not a metrics page: ", 300),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", Unknown.MALFORMED, "The metrics endpoint answered 503.", 300),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1", Unknown.SOURCE_FAILED, "127.0.0.1:", 300),
    ],
    ids=["too large", "html", "503", "cut"],
)
def test_a_whole_page_that_cannot_be_had_is_no_trouble_of_the_filtered_one(
    whole: bytes, unknown: Unknown, why: str, again_after: float
) -> None:
    agent = Agent(whole)
    seen = Watch(agent, settings={"max_bytes": "16Ki"}).looks(0, 30, 20, 10)
    assert agent.kinds == ("fwfff" if again_after > 300 else "fwfwff")
    assert seen[0].conformance is not None
    assert (seen[0].conformance.reason, seen[0].conformance.unknown) == ("", unknown)
    assert seen[0].conformance.why.startswith(UNSEEN + why)
    assert [page.conformance for page in seen[2:]] == [None, None]
    agent.kinds = ""
    Watch(agent, settings={"max_bytes": "16Ki"}).looks(*[30.0] * 400)
    assert (3 if again_after > 300 else 30) <= agent.kinds.count("w") <= (5 if again_after > 300 else 50)


def test_an_inspection_has_a_budget_of_its_own_and_is_charged() -> None:
    agent = Agent(pages.ok(GOOD + b"other 1\n" * 100_000))
    [page] = Watch(agent, cpu=0.0045).looks(0)
    assert page.conformance == Conformance(
        unknown=Unknown.MALFORMED,
        why="The whole page is too much to inspect: to read it takes more than 400 ms of CPU.",
    )
    assert (page.asked_in, page.result) == (1, "ok")
    assert 0.4 < page.cpu < 0.7
