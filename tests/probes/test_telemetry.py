"""Whether metrics can be read, and whether the process stays up."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from probes.contract import Evaluation, Fault, Target, TargetKey, Unknown
from probes.history.process import PROCESS
from probes.readings.conformance import REASONS, Conformance
from probes.readings.metrics_page import MetricsPage, PageTrouble
from probes.telemetry import PROBE, TelemetryHistory, TelemetryLimits
from tests.probes.judged import T0, page_context
from tests.servers.metrics_pages import page_of

UNAVAILABLE, NONCONFORMANT, RESTARTING = "MetricsUnavailable", "MetricsNonconformant", "AgentRestarting"
SCRAPABLE = Conformance()


def _moment(started: float | str) -> float | str:
    return started if isinstance(started, str) else T0 + started


def page(started: float | str | None = 1, conformance: Conformance | None = SCRAPABLE) -> MetricsPage:
    read = page_of(
        "first 1\n" + ("" if started is None else f"process_start_time_seconds {_moment(started)}"), *PROCESS
    )
    return replace(read, conformance=conformance)


def failed(fault: Fault | None = None, trouble: PageTrouble | None = None, error: str = "It failed.") -> MetricsPage:
    return replace(page(), fault=fault, trouble=trouble, error=error)


@dataclass
class Engine:
    """Judges page after page."""

    limits: TelemetryLimits = field(default_factory=TelemetryLimits)
    interval: float = 30.0
    history: TelemetryHistory = field(default_factory=TelemetryHistory)
    last: Evaluation[TelemetryHistory] | None = None

    def look(
        self,
        at: float,
        page: MetricsPage,
        *,
        inferred: bool = False,
        reached: bool = True,
        isolated: bool = False,
        held_up: bool = False,
    ) -> dict[str, str]:
        target = Target(
            key=TargetKey("prod", "search", "search-0"),
            metrics="http://127.0.0.1:1/metrics",
            inferred=frozenset({"metrics"}) if inferred else frozenset(),
        )
        told = {"reached": reached, "isolated": isolated, "held_up": held_up}
        context = page_context(target, self.limits, at, self.interval, **told)
        self.last = PROBE.judge(page, self.history, context)
        self.history = self.last.history
        return {each.kind.name: each.reason or each.status.value for each in self.last.verdicts}

    def messages(self) -> dict[str, str]:
        assert self.last is not None
        return {each.kind.name: each.text for each in self.last.verdicts}


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (page(), "false"),
        (page(None), "false"),
        (failed(Fault.REFUSED), "ConnectionRefused"),
        (failed(Fault.SILENT), "Lost"),
        (failed(Fault.STALLED), "Timeout"),
        (failed(Fault.RESET), "HTTPError"),
        (failed(trouble=PageTrouble.HTTP_ERROR), "HTTPError"),
        (failed(trouble=PageTrouble.MALFORMED), "Malformed"),
        (failed(trouble=PageTrouble.TOO_LARGE), "TooLarge"),
        (failed(trouble=PageTrouble.UNAUTHORIZED), "Unauthorized"),
        (failed(Fault.OURS), "WatcherImpaired"),
    ],
)
def test_why_a_page_cannot_be_read_is_its_reason(page: MetricsPage, told: str) -> None:
    assert Engine().look(0, page)[UNAVAILABLE] == told


@pytest.mark.parametrize(
    ("fault", "circumstances", "told"),
    [
        (Fault.SILENT, {"reached": False}, "NeverReached"),
        (Fault.REFUSED, {"reached": False}, "ConnectionRefused"),
        (Fault.REFUSED, {"reached": False, "inferred": True}, "NeverReached"),
        (Fault.REFUSED, {"inferred": True}, "ConnectionRefused"),
        (Fault.SILENT, {"isolated": True}, "WatcherImpaired"),
        (Fault.STALLED, {"held_up": True}, "WatcherImpaired"),
    ],
)
def test_silence_is_blamed_on_the_agent_only_where_that_is_sure(
    fault: Fault, circumstances: dict[str, bool], told: str
) -> None:
    assert Engine().look(0, failed(fault), **circumstances)[UNAVAILABLE] == told


def test_a_failed_look_says_nothing_of_restarts_and_forgets_none() -> None:
    watch = Engine()
    for turn in range(4):
        watch.look(turn * 30, page(turn * 30))
    assert watch.look(120, failed(Fault.RESET))[RESTARTING] == "SourceFailed"
    assert watch.look(150, page(150))[RESTARTING] == RESTARTING


def test_more_new_processes_than_allowed_are_told_at_once() -> None:
    watch = Engine()
    told = [watch.look(turn * 60, page(turn * 60))[RESTARTING] for turn in range(6)]
    assert told == ["WarmingUp"] * 4 + [RESTARTING] * 2


def test_how_many_new_processes_were_seen_is_exported_while_there_is_one_in_the_window() -> None:
    watch = Engine()
    assert [restarts(watch, turn * 60, page(turn * 60)) for turn in range(6)] == [None, 1, 2, 3, 4, 5]
    assert restarts(watch, 330, failed(Fault.RESET)) is None
    assert [restarts(watch, at, page(300)) for at in (360, 1800, 1920, 2100, 2101)] == [5, 5, 4, 1, None]


def restarts(watch: Engine, at: float, page: MetricsPage) -> float | None:
    watch.look(at, page)
    assert watch.last is not None
    return next((each.value for each in watch.last.samples if each.metric.name == "process_restarts"), None)


def test_of_very_many_restarts_the_newest_are_counted_and_the_operators_limit_holds() -> None:
    for limits, counted in ((TelemetryLimits(), 100), (TelemetryLimits(restarts=100), 101)):
        watch = Engine(limits.model_copy(update={"restart_window": 86400.0}))
        told = [restarts(watch, turn * 60, page(turn * 60)) for turn in range(150)][-1]
        assert (told, watch.messages()[RESTARTING]) == (counted, f"At least {counted} new processes within 1d0h.")


def test_restarts_are_unknown_until_the_window_was_watched_and_forgotten_when_it_has_passed() -> None:
    watch = Engine()
    assert [watch.look(at, page(1))[RESTARTING] for at in (0, 900, 1799, 1800)] == ["WarmingUp"] * 3 + ["false"]
    for turn in range(4):
        told = watch.look(2000 + turn * 60, page(2000 + turn * 60))
    assert told[RESTARTING] == RESTARTING
    assert watch.look(3800, page(2180))[RESTARTING] == RESTARTING
    assert watch.look(3801, page(2180))[RESTARTING] == "false"


@pytest.mark.parametrize(
    "starts", [[100 + turn % 2 for turn in range(10)], [100, 500] * 5, [100, 50, 100, 50, 100, 50, 100]]
)
def test_a_start_time_that_wavers_or_goes_back_is_no_new_process(starts: list[float]) -> None:
    watch = Engine()
    assert RESTARTING not in [watch.look(turn * 30, page(start))[RESTARTING] for turn, start in enumerate(starts)]


def test_a_gap_in_which_the_process_stayed_the_same_is_no_gap() -> None:
    watch = Engine()
    watch.look(0, page(1))
    assert watch.look(7200, page(1))[RESTARTING] == "false"


def test_a_gap_after_which_another_process_runs_may_have_hidden_more() -> None:
    watch = Engine()
    watch.look(0, page(1))
    watch.look(1800, page(1))
    assert watch.look(7200, page(7000))[RESTARTING] == "WarmingUp"


@pytest.mark.parametrize(
    ("started", "told"),
    [(None, "SignalAbsent"), ("NaN", "Malformed"), ("1\nprocess_start_time_seconds 1", "Malformed")],
)
def test_without_a_start_time_nothing_is_known_of_restarts(started: str | None, told: str) -> None:
    assert Engine().look(0, page(started)) == {UNAVAILABLE: "false", NONCONFORMANT: "false", RESTARTING: told}


def test_an_absent_start_time_can_be_ignored() -> None:
    assert Engine(limits=TelemetryLimits(when_absent="ignore")).look(0, page(None)) == {
        UNAVAILABLE: "false",
        NONCONFORMANT: "false",
    }


REFUSED = "The metrics page refused the connection."


@pytest.mark.parametrize(
    ("condition", "pages", "sentence"),
    [
        (UNAVAILABLE, [failed(Fault.REFUSED, error=REFUSED)], REFUSED),
        (UNAVAILABLE, [failed(Fault.OURS, error="Too many open files.")], "Too many open files."),
        (UNAVAILABLE, [failed(trouble=PageTrouble.TOO_LARGE, error="It is too large.")], "It is too large."),
        (
            UNAVAILABLE,
            [failed(trouble=PageTrouble.UNAUTHORIZED, error="The metrics endpoint answered 403.")],
            "The metrics endpoint answered 403.",
        ),
        (RESTARTING, [page(30 * turn - 5) for turn in range(6)], "At least 5 new processes within 30m0s."),
        (RESTARTING, [page(None)], "The metrics endpoint has no process_start_time_seconds."),
        (RESTARTING, [page("+Inf")], "process_start_time_seconds is inf"),
        (RESTARTING, [page('1\nprocess_start_time_seconds{a="b"} 2')], "process_start_time_seconds has 2 series"),
    ],
)
def test_every_verdict_says_exactly_this(condition: str, pages: list[MetricsPage], sentence: str) -> None:
    watch = Engine()
    for turn, seen in enumerate(pages):
        watch.look(turn * 30, seen)
    assert watch.messages()[condition] == sentence


def test_an_agent_that_stays_up_is_said_to_do_so() -> None:
    watch = Engine()
    watch.look(0, page(-900))
    watch.look(1800, page(-900))
    assert watch.messages() == {kind.name: kind.all_clear for kind in PROBE.conditions}


BOM = Conformance("ByteOrderMark", "The metrics endpoint begins with a byte order mark.")
ONE = TelemetryLimits(failures=1)
UNSEEN = Conformance(
    unknown=Unknown.SOURCE_FAILED, why="The whole metrics endpoint could not be inspected: It was late."
)


@pytest.mark.parametrize("reason", REASONS)
def test_a_page_that_prometheus_refuses_is_told_with_its_reason(reason: str) -> None:
    assert Engine().look(0, page(conformance=Conformance(reason, "It is so.")))[NONCONFORMANT] == reason


def test_between_two_inspections_the_verdict_stays_and_says_its_age() -> None:
    watch = Engine(ONE)
    watch.look(0, page(conformance=BOM))
    assert watch.messages()[NONCONFORMANT] == (
        "A current Prometheus refuses the whole page. The metrics endpoint begins with a byte order mark."
    )
    assert watch.look(2040, page(conformance=None))[NONCONFORMANT] == "ByteOrderMark"
    assert watch.messages()[NONCONFORMANT] == (
        "A current Prometheus refuses the whole page. The metrics endpoint begins with a byte order mark. "
        "That was 34m0s ago; the whole page is requested about once an hour."
    )
    assert watch.look(3600, page())[NONCONFORMANT] == "false"
    assert watch.look(3630, page(conformance=None))[NONCONFORMANT] == "false"


def test_one_refused_page_is_one_bad_look_however_often_it_is_told() -> None:
    watch = Engine(TelemetryLimits(failures=2))
    assert watch.look(0, page(conformance=BOM))[NONCONFORMANT] == "ByteOrderMark", "the first of two"
    for at, found in ((30, UNSEEN), (60, None)):
        assert watch.look(at, page(conformance=found))[NONCONFORMANT] == "WarmingUp", "neither counts nor forgives"
        assert watch.messages()[NONCONFORMANT] == (
            "Refused 1 of 2 whole pages in a row, and the next could not be read. The metrics endpoint begins with a "
            "byte order mark."
        )
    assert watch.look(90, page(conformance=BOM))[NONCONFORMANT] == "ByteOrderMark"
    assert watch.look(120, page(conformance=None))[NONCONFORMANT] == "ByteOrderMark", "two pages were refused"


def test_an_inspection_that_fails_leaves_the_verdict_of_the_last_one_for_three_hours() -> None:
    watch = Engine(ONE)
    watch.look(0, page(conformance=BOM))
    assert watch.look(3 * 3600, page(conformance=UNSEEN))[NONCONFORMANT] == "ByteOrderMark"
    assert watch.look(3 * 3600 + 30, page(conformance=UNSEEN))[NONCONFORMANT] == "SourceFailed"
    assert watch.look(3 * 3600 + 60, page(conformance=None))[NONCONFORMANT] == "SourceFailed"
    assert watch.messages()[NONCONFORMANT] == UNSEEN.why
    assert watch.look(4 * 3600, page())[NONCONFORMANT] == "false"


@pytest.mark.parametrize("seen", [SCRAPABLE, BOM])
def test_what_was_seen_of_a_page_says_nothing_after_three_hours_without_an_inspection(seen: Conformance) -> None:
    watch, told = Engine(ONE), seen.reason or "false"
    watch.look(0, page(conformance=seen))
    assert watch.look(3 * 3600, page(conformance=None))[NONCONFORMANT] == told
    assert watch.look(3 * 3600 + 30, page(conformance=None))[NONCONFORMANT] == "Stale"
    assert watch.messages()[NONCONFORMANT] == "The whole page has not been read for more than three hours."
    assert watch.look(4 * 3600, page(conformance=seen))[NONCONFORMANT] == told


def test_that_a_page_was_scrapable_says_how_often_that_is_seen_and_when_it_is_late() -> None:
    watch = Engine()
    watch.look(0, page())
    usual = "A current Prometheus can scrape the metrics endpoint, which is read in full about once an hour."
    late = " That was more than two hours ago; since then the whole page could not be read."
    for at, text in ((0, usual), (7199, usual), (7200, usual + late), (3 * 3600, usual + late)):
        if at:
            watch.look(at, page(conformance=None))
        assert watch.messages()[NONCONFORMANT] == text


def test_of_a_page_that_was_never_inspected_nothing_is_known() -> None:
    watch = Engine()
    assert watch.look(0, page(conformance=None))[NONCONFORMANT] == "WarmingUp"
    assert watch.look(30, page(conformance=UNSEEN))[NONCONFORMANT] == "SourceFailed"


def test_a_look_that_fails_says_nothing_of_it_and_forgets_nothing() -> None:
    watch = Engine(ONE)
    watch.look(0, page(conformance=BOM))
    assert watch.look(30, failed(Fault.RESET))[NONCONFORMANT] == "SourceFailed"
    assert watch.look(60, page(conformance=None))[NONCONFORMANT] == "ByteOrderMark"


def test_the_start_of_the_process_is_asked_for() -> None:
    assert PROBE.wants(TelemetryLimits()) == PROCESS


def test_the_history_survives_the_state_file() -> None:
    watch = Engine()
    for turn in range(5):
        watch.look(turn * 60, page(turn * 60, BOM if turn == 3 else None))
    adapter = TypeAdapter(TelemetryHistory)
    assert adapter.validate_json(adapter.dump_json(watch.history)) == watch.history


@given(st.lists(st.tuples(st.floats(-100, 3000), st.one_of(st.none(), st.floats(0, 1e5), st.just("NaN"))), max_size=30))
def test_whatever_a_page_says_each_condition_is_told_once(looks: list[tuple[float, float | str | None]]) -> None:
    watch, at = Engine(), 0.0
    for pause, started in looks:
        at += pause
        assert set(watch.look(at, page(started))) == {UNAVAILABLE, NONCONFORMANT, RESTARTING}
        assert len(watch.history.restarts) <= 100
