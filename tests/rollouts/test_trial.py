"""The windows of a rollout over virtual time: what is decided when, and what stays undecided."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from probes.contract.condition import Status
from watcher.rollouts.lines.sight import NO_LOGS, Former, Limits, Logs, Standing, Windows
from watcher.rollouts.lines.trial import Facts, Trial, begun
from watcher.rollouts.requests.log_lines import LogLines
from watcher.rollouts.requests.minutes import Grown
from watcher.rollouts.requests.normal import tally
from watcher.rollouts.rollout import Line, Pods, Revision, Rollout, verdict
from watcher.rollouts.seen.running import RunningPod
from watcher.rollouts.terms import LineName, LineState, Outcome, Phase, Undecided, Window

BEGAN, MINUTE = 5_000_000.0, 60.0
ALL_KNOWN = (
    *("AgentUnreachable", "AgentRestarting", "MetricsUnavailable", "OPAWrongAllow", "OPAUnreachable"),
    *("CircuitBreakerOpen", "MemoryHigh", "MemoryDrift", "CPUHigh", "PoolSaturated", "SVIDExpired"),
)


def standing(name: str, status: Status = Status.FALSE, since: float = BEGAN, reason: str = "Why") -> Standing:
    return Standing(name, "", status, reason, since)


def healthy() -> dict[str, Standing]:
    return {name: standing(name) for name in ALL_KNOWN}


def pod(name: str, *, restarts: int = 0, ready: bool = True, ended: str = "") -> RunningPod:
    return RunningPod(name, name, "t", "r", "sha256:b", "c", BEGAN, BEGAN if ready else None, ends=False,
                      restarts=restarts, ended=ended)  # fmt: skip


@dataclass
class Virtual:
    """One rollout whose clock is turned by hand; its pods are Ready after a minute."""

    trial: Trial = field(default_factory=lambda: begun(BEGAN, Windows(), cut=1, bounds=7))
    now: float = BEGAN
    rollout: Rollout = field(
        default_factory=lambda: Rollout(
            namespace="prod",
            agent="search",
            revision=Revision(image="sha256:b"),
            began_at=BEGAN,
            before=Revision(image="sha256:a"),
            pods=Pods(wanted=2, updated=2, ready=2),
        )
    )
    pods: Sequence[RunningPod] = (pod("n-0"), pod("n-1"))
    conditions: dict[str, Standing] = field(default_factory=healthy)
    impaired: str = ""
    rotated: frozenset[str] = frozenset()
    limits: Limits | None = field(default_factory=lambda: Limits(error_ratio=0.05))
    logs: Logs = NO_LOGS

    def until(self, minutes: float, each_minute: Callable[["Virtual"], None] = lambda _: None) -> "Virtual":
        """Turn the clock, looking twice a minute."""
        while self.now < BEGAN + minutes * MINUTE:
            self.now += MINUTE / 2
            if self.now - BEGAN >= MINUTE and self.rollout.ready_at is None and all(p.is_ready for p in self.pods):
                self.rollout = replace(self.rollout, ready_at=self.now)
            each_minute(self)
            self.judge()
        return self

    def judge(self) -> None:
        shown: Mapping[str, Sequence[Standing]] = {each.name: tuple(self.conditions.values()) for each in self.pods}
        self.rollout = self.trial.judge(
            self.rollout,
            Facts(now=self.now, date=self.now + 9, pods=self.pods, conditions=shown, limits=self.limits,
                  rotated=self.rotated, lifetime=86400.0, impaired=self.impaired, logs=self.logs),
        )  # fmt: skip

    def line(self, name: LineName, window: Window) -> Line:
        [found] = [each for each in self.rollout.of(window) if each.name is name]
        return found

    def said(self, until: Window = Window.SHORT) -> Outcome:
        return verdict(self.rollout, until).outcome


def traffic(
    per_second: float, bad: float, *, old: float | None = None, denied: float | None = 0.0, old_denied: float = 0.0
) -> Callable[[Virtual], None]:
    """Requests on both new pods, of which a share fails; and on a pod of the revision before, where `old` fails.

    Each is a decision, of which a share is `denied`; None: no page counts decisions.
    """

    def count(of: Virtual) -> None:
        requests = per_second * MINUTE / 4
        grown = Grown(requests, requests * bad, 0.0, (0.0, requests * 0.97, requests), in_buckets=True)
        for name in ("n-0", "n-1"):
            of.trial.new.add(name, of.now - 1, grown, of.trial.cut)
            if denied is not None:
                of.trial.new_decisions.decide(name, of.now - 1, requests, requests * denied)
        if old is not None:
            both = Grown(2 * requests, 2 * requests * old, 0.0, (0.0, 1.94 * requests, 2 * requests), in_buckets=True)
            of.trial.old.add("o-0", of.now - 1, both, of.trial.cut)
            if denied is not None:
                of.trial.old_decisions.decide("o-0", of.now - 1, 2 * requests, 2 * requests * old_denied)

    return count


GOOD = traffic(20, 0.01, old=0.01)


def test_a_good_rollout_is_verified_window_by_window() -> None:
    seen = Virtual().until(3, GOOD)
    assert (seen.rollout.phase, seen.said(Window.IMMEDIATE)) == (Phase.IMMEDIATE, Outcome.UNDECIDED)
    seen.until(8, GOOD)
    assert (seen.rollout.phase, seen.said(Window.IMMEDIATE)) == (Phase.SHORT_TERM, Outcome.VERIFIED)
    seen.until(50, GOOD)
    assert seen.line(LineName.ERROR_RATE, Window.SHORT).state is LineState.PASS
    assert seen.said() is Outcome.UNDECIDED, "breakers, memory and CPU are judged for the hour"
    seen.until(62, GOOD)
    assert (seen.rollout.phase, seen.said(), seen.said(Window.LONG)) == (
        Phase.LONG_TERM, Outcome.VERIFIED, Outcome.UNDECIDED
    )  # fmt: skip
    seen.until(362)
    assert (seen.rollout.phase, seen.said(Window.LONG)) == (Phase.VERIFIED, Outcome.VERIFIED)
    assert not seen.trial.is_done, "a rotation of the SVID is still to be seen"
    seen.rotated = frozenset({"n-0", "n-1"})
    seen.until(363)
    assert seen.trial.is_done
    assert seen.line(LineName.LOGS, Window.IMMEDIATE).state is LineState.NOT_APPLICABLE


def test_a_doubled_error_rate_fails_at_a_fixed_look_and_stays_failed() -> None:
    seen = Virtual().until(5, traffic(20, 0.02, old=0.01))
    assert seen.line(LineName.ERROR_RATE, Window.SHORT).state is LineState.UNDECIDED
    seen.until(17, traffic(20, 0.02, old=0.01))
    failed = seen.line(LineName.ERROR_RATE, Window.SHORT)
    assert (failed.state, failed.reason, failed.conditions) == (LineState.FAIL, "WorseThanBefore", ("ErrorRateHigh",))
    assert failed.message.startswith("2.00% of ")
    assert " of the revision before 1.00% of " in failed.message
    assert (seen.rollout.phase, seen.said()) == (Phase.FAILED, Outcome.FAILED)
    decided = failed.decided_at
    seen.until(30, GOOD)
    assert seen.line(LineName.ERROR_RATE, Window.SHORT).decided_at == decided
    assert seen.said(Window.IMMEDIATE) is Outcome.VERIFIED


def test_errors_over_the_limit_fail_also_where_there_is_nothing_to_compare_with() -> None:
    seen = Virtual().until(20, traffic(20, 0.2))
    assert seen.line(LineName.ERROR_RATE, Window.SHORT).reason == "OverTheLimit"


def test_a_failing_revision_before_excuses_no_more_than_the_limit() -> None:
    seen = Virtual().until(47, traffic(20, 0.04, old=0.04))
    assert seen.line(LineName.ERROR_RATE, Window.SHORT).state is LineState.PASS
    assert Virtual().until(20, traffic(20, 0.2, old=0.2)).line(LineName.ERROR_RATE, Window.SHORT).reason == (
        "OverTheLimit"
    )


def test_too_little_traffic_is_left_out_and_said_or_waited_for() -> None:
    seen = Virtual().until(65, traffic(0.02, 0.0))
    found = verdict(seen.rollout, Window.SHORT)
    assert found.outcome is Outcome.VERIFIED
    assert found.verified_without == (
        "error rate: 55 requests", "latency: 55 requests", "authorization working: 55 decisions and no baseline"
    )  # fmt: skip
    line = seen.line(LineName.ERROR_RATE, Window.SHORT)
    assert (line.state, line.reason) == (LineState.UNDECIDED, Undecided.NO_DATA)
    assert verdict(replace(seen.rollout, when_undecided="wait"), Window.SHORT).outcome is Outcome.UNDECIDED


def test_few_requests_that_nearly_all_fail_are_no_mere_lack_of_traffic() -> None:
    seen = Virtual().until(65, traffic(0.002, 1.0))
    assert seen.line(LineName.ERROR_RATE, Window.SHORT).lacks == ""
    assert seen.said() is Outcome.UNDECIDED


def test_no_request_on_the_new_pods_fails_where_there_were_many_before_and_is_unknown_where_there_were_few() -> None:
    def beside(of: Virtual) -> None:
        of.trial.old.add("o-0", of.now - 1, Grown(50.0, 0.0, 0.0, (), in_buckets=True), -1)

    seen = Virtual().until(65, beside)
    assert seen.line(LineName.TRAFFIC, Window.SHORT).reason == "NoTraffic"
    assert Virtual().until(65).line(LineName.TRAFFIC, Window.SHORT).lacks == "0 requests"


def test_former_days_are_compared_with_where_nothing_ran_beside_it() -> None:
    seen = Virtual()
    day = tally([(1200.0, 12.0)] * 60)
    seen.trial.former = tuple(Former(day, day) for _ in range(5))
    seen.until(20, traffic(20, 0.03))
    line = seen.line(LineName.ERROR_RATE, Window.SHORT)
    assert (line.state, line.reason) == (LineState.FAIL, "WorseThanBefore")
    assert line.message.endswith("in this hour of 5 former days.")
    assert seen.rollout.baseline == "Compared with the same hour of 5 former days."


def test_slow_requests_beyond_the_bucket_of_the_p95_fail_the_latency() -> None:
    def slower(of: Virtual) -> None:
        GOOD(of)
        of.trial.new.add("n-0", of.now - 1, Grown(60.0, 0.0, 0.0, (0.0, 0.0, 60.0), in_buckets=True), 1)
        of.trial.new.add("n-1", of.now - 1, Grown(60.0, 0.0, 0.0, (0.0, 0.0, 60.0), in_buckets=True), 1)

    assert Virtual().until(20, slower).line(LineName.LATENCY, Window.SHORT).reason == "WorseThanBefore"
    assert Virtual().until(50, GOOD).line(LineName.LATENCY, Window.SHORT).state is LineState.PASS


@pytest.mark.parametrize(
    ("condition", "name", "window"),
    [
        ("AgentUnreachable", LineName.HEALTH_CHECKS, Window.IMMEDIATE),
        ("MetricsUnavailable", LineName.METRICS, Window.IMMEDIATE),
        ("OPAWrongAllow", LineName.AUTHORIZATION, Window.SHORT),
        ("CircuitBreakerOpen", LineName.BREAKERS, Window.SHORT),
        ("MemoryHigh", LineName.MEMORY, Window.SHORT),
        ("CPUHigh", LineName.CPU, Window.SHORT),
        ("PoolSaturated", LineName.POOL, Window.LONG),
        ("OPAUnreachable", LineName.OPA, Window.LONG),
        ("SVIDExpired", LineName.SVID_ROTATION, Window.LONG),
    ],
)
def test_a_condition_that_holds_fails_its_line_and_one_that_held_before_or_for_a_moment_does_not(
    condition: str, name: LineName, window: Window
) -> None:
    def breaks(of: Virtual) -> None:
        of.conditions[condition] = standing(condition, Status.TRUE, since=BEGAN + 2 * MINUTE)

    seen = Virtual().until(2)
    seen.until(2.5, breaks)
    assert seen.line(name, window).state is LineState.UNDECIDED
    seen.until(4, breaks)
    failed = seen.line(name, window)
    assert (failed.state, failed.reason) == (LineState.FAIL, "Why")
    assert [(each.condition, each.pod) for each in seen.rollout.fired] == [(condition, "n-0"), (condition, "n-1")]
    before = Virtual()
    before.trial.true_before = frozenset({(condition, "")})
    before.until(4, breaks)
    assert before.line(name, window).state is not LineState.FAIL
    assert before.rollout.fired == ()


def test_a_condition_that_is_not_known_leaves_its_line_open_and_one_that_learns_is_left_out() -> None:
    seen = Virtual()
    seen.conditions["MemoryHigh"] = standing("MemoryHigh", Status.UNKNOWN, reason="SignalAbsent")
    seen.conditions["CPUHigh"] = Standing("CPUHigh", "", Status.UNKNOWN, "WarmingUp", BEGAN, learns=True)
    seen.conditions["MemoryDrift"] = Standing("MemoryDrift", "", Status.UNKNOWN, "WarmingUp", BEGAN, learns=True)
    seen.until(65, GOOD)
    memory = seen.line(LineName.MEMORY, Window.SHORT)
    assert (memory.state, memory.reason) == (LineState.UNDECIDED, Undecided.NO_DATA)
    assert memory.message == "MemoryHigh is not known: SignalAbsent."
    assert seen.line(LineName.CPU, Window.SHORT).state is LineState.UNDECIDED, "nothing but what it learns is told"
    seen.conditions["MemoryHigh"] = standing("MemoryHigh")
    seen.until(370)
    assert seen.line(LineName.MEMORY, Window.LONG).evidence == ("Without MemoryDrift: too little history.",)
    assert seen.line(LineName.MEMORY, Window.SHORT).state is LineState.UNDECIDED, "its window is over"
    assert seen.said() is Outcome.UNDECIDED


def test_nothing_is_verified_while_the_watcher_is_impaired_or_was_away_for_too_much_of_a_window() -> None:
    seen = Virtual()
    seen.impaired = "most targets fell silent at once"
    seen.until(65, GOOD)
    line = seen.line(LineName.BREAKERS, Window.SHORT)
    assert (line.state, line.reason) == (LineState.UNDECIDED, Undecided.WATCHER_IMPAIRED)
    assert line.message == "Not judged: most targets fell silent at once."
    assert {each.state for each in seen.rollout.until(Window.SHORT)} == {
        LineState.UNDECIDED, LineState.NOT_APPLICABLE
    }  # fmt: skip
    assert (seen.said(), seen.said(Window.IMMEDIATE)) == (Outcome.UNABLE, Outcome.UNABLE)
    away = Virtual().until(10, GOOD)
    away.now += 40 * MINUTE
    away.trial.away(40 * MINUTE)
    away.trial.seen_at = away.now
    away.until(65, GOOD)
    assert away.line(LineName.BREAKERS, Window.SHORT).reason == Undecided.WATCHER_IMPAIRED
    assert away.said(Window.IMMEDIATE) is Outcome.VERIFIED, "what was decided stays"
    assert away.said(Window.LONG) is Outcome.UNABLE


def test_a_short_trouble_of_the_watcher_costs_nothing() -> None:
    seen = Virtual().until(20, GOOD)
    seen.impaired = "looks are late or left out"
    seen.until(25, GOOD)
    assert seen.said() is Outcome.UNABLE
    seen.impaired = ""
    assert seen.until(62, GOOD).said() is Outcome.VERIFIED


def test_a_rollout_that_is_stuck_or_whose_pods_crash_fails_at_once() -> None:
    stuck = Virtual(rollout=replace(Virtual().rollout, stuck="Pod n-0 cannot start: ErrImagePull."))
    stuck.pods = (pod("n-0", ready=False),)
    stuck.until(1)
    assert stuck.line(LineName.PODS_RUNNING, Window.IMMEDIATE).message == "Pod n-0 cannot start: ErrImagePull."
    crashing = Virtual(pods=(pod("n-0", restarts=3), pod("n-1"))).until(1)
    assert crashing.line(LineName.HEALTH_CHECKS, Window.IMMEDIATE).reason == "Restarts"


def test_a_container_that_was_killed_for_want_of_memory_fails_the_line_of_memory() -> None:
    killed = Virtual(pods=(pod("n-0", restarts=1, ended="OOMKilled"), pod("n-1"))).until(3)
    line = killed.line(LineName.MEMORY, Window.SHORT)
    assert (line.state, line.reason) == (LineState.FAIL, "OOMKilled")
    assert line.message == "The agent's container of pod n-0 was killed for want of memory."


def test_more_denials_than_before_fail_the_line_of_authorization_and_as_many_pass() -> None:
    worse = Virtual().until(20, traffic(20, 0.01, old=0.01, denied=0.05, old_denied=0.01))
    line = worse.line(LineName.AUTHORIZATION, Window.SHORT)
    assert (line.state, line.reason, line.conditions) == (LineState.FAIL, "WorseThanBefore", ())
    assert line.message.startswith("5.00% of ")
    assert " decisions were denials; of the revision before 1.00% of " in line.message
    same = Virtual().until(62, traffic(20, 0.01, old=0.01, denied=0.05, old_denied=0.05))
    line = same.line(LineName.AUTHORIZATION, Window.SHORT)
    assert line.state is LineState.PASS
    assert line.message.startswith("Each canary was answered as it must be. 5.00% of ")
    assert same.said() is Outcome.VERIFIED


def test_denials_are_compared_with_former_days_too() -> None:
    seen = Virtual()
    day = tally([(1200.0, 12.0)] * 60)
    seen.trial.former = tuple(Former(day, day, day) for _ in range(5))
    seen.until(20, traffic(20, 0.01, denied=0.05))
    line = seen.line(LineName.AUTHORIZATION, Window.SHORT)
    assert (line.state, line.reason) == (LineState.FAIL, "WorseThanBefore")
    assert line.message.endswith("in this hour of 5 former days.")


def test_authorization_is_never_passed_where_denials_were_not_seen() -> None:
    unseen = Virtual().until(62, traffic(20, 0.01, old=0.01, denied=None))
    line = unseen.line(LineName.AUTHORIZATION, Window.SHORT)
    assert (line.state, line.reason, line.lacks) == (LineState.UNDECIDED, "NoData", "no decisions are counted")
    assert line.message == (
        "Each canary was answered as it must be. Its pages count no decisions, so denials were not seen."
    )
    found = verdict(unseen.rollout, Window.SHORT)
    assert (found.outcome, found.verified_without) == (
        Outcome.VERIFIED, ("authorization working: no decisions are counted",)
    )  # fmt: skip
    alone = Virtual().until(62, traffic(20, 0.01))
    line = alone.line(LineName.AUTHORIZATION, Window.SHORT)
    assert line.state is LineState.UNDECIDED, "nothing to compare with"
    assert line.lacks.endswith(" decisions and no baseline")
    neither = Virtual()
    del neither.conditions["OPAWrongAllow"], neither.conditions["OPAUnreachable"]
    neither.until(62, traffic(20, 0.01, denied=None))
    assert neither.line(LineName.AUTHORIZATION, Window.SHORT).state is LineState.NOT_APPLICABLE


def test_a_wrong_canary_fails_however_few_denials_there_are_and_one_that_is_not_known_leaves_it_open() -> None:
    def wrong(of: Virtual) -> None:
        GOOD(of)
        of.conditions["OPAWrongAllow"] = standing("OPAWrongAllow", Status.TRUE, since=BEGAN + MINUTE)

    line = Virtual().until(5, wrong).line(LineName.AUTHORIZATION, Window.SHORT)
    assert (line.state, line.conditions) == (LineState.FAIL, ("OPAWrongAllow",))
    unknown = Virtual()
    unknown.conditions["OPAWrongAllow"] = standing("OPAWrongAllow", Status.UNKNOWN, reason="SourceFailed")
    line = unknown.until(62, GOOD).line(LineName.AUTHORIZATION, Window.SHORT)
    assert (line.state, line.message) == (LineState.UNDECIDED, "OPAWrongAllow is not known: SourceFailed.")


def evenly(lines: int, bad: int) -> LogLines:
    """Bad ones that come each for itself."""
    return LogLines(lines, bad, tuple(bad * (part + 1) // 20 - bad * part // 20 for part in range(20)))


def logged(new: LogLines | None, before: LogLines | None, why: str = "", *, is_asked: bool = False) -> Line:
    """The line of logs after the immediate window."""
    seen = Virtual(logs=Logs(are_read=True, new=new, why=why, is_asked=is_asked))
    seen.trial.logs_before = before
    return seen.until(16, GOOD).line(LineName.LOGS, Window.IMMEDIATE)


QUIET = evenly(400, 4)


def test_logs_with_more_errors_than_before_fail_and_with_as_many_pass() -> None:
    worse = logged(evenly(400, 160), QUIET)
    assert (worse.state, worse.reason) == (LineState.FAIL, "WorseThanBefore")
    assert worse.message == "160 of the newest 400 lines are errors or warnings; before 4 of 400."
    assert logged(evenly(400, 4), QUIET).state is LineState.PASS
    groups = LogLines(400, 60, (20, 20, 20, *[0] * 17))
    assert logged(groups, QUIET).state is LineState.PASS, "lines come in groups"
    assert logged(evenly(400, 160), evenly(400, 160)).state is LineState.PASS


@pytest.mark.parametrize(
    ("new", "before", "why", "message", "lacks"),
    [
        (evenly(299, 60), QUIET, "", "60 of the newest 299 lines are errors or warnings; too few have a level.",
         "299 lines with a level"),
        (evenly(400, 160), None, "", "160 of the newest 400 lines are errors or warnings; nothing to compare with.",
         "no lines of the revision before"),
        (evenly(400, 160), evenly(299, 0), "",
         "160 of the newest 400 lines are errors or warnings; nothing to compare with.",
         "no lines of the revision before"),
        (None, QUIET, "", "No lines of the new pods were read.", ""),
        (None, QUIET, "The logs of its pods may not be read.", "The logs of its pods may not be read.", ""),
    ],
)  # fmt: skip
def test_logs_of_which_nothing_can_be_said_are_undecided(
    new: LogLines | None, before: LogLines | None, why: str, message: str, lacks: str
) -> None:
    line = logged(new, before, why)
    assert (line.state, line.reason, line.message, line.lacks) == (LineState.UNDECIDED, "NoData", message, lacks)


def test_lines_that_are_on_the_way_are_waited_for_beyond_the_window() -> None:
    assert logged(None, QUIET, is_asked=True).reason == "Settling"


def test_a_large_rollout_that_moves_on_is_waited_for_beyond_its_window() -> None:
    seen = Virtual(pods=(pod("n-0"), pod("n-1", ready=False))).until(40)
    assert (seen.rollout.phase, seen.said(Window.IMMEDIATE)) == (Phase.PROGRESSING, Outcome.UNDECIDED)
    seen.pods = (pod("n-0"), pod("n-1"))
    seen.until(46)
    assert seen.said(Window.IMMEDIATE) is Outcome.VERIFIED


def test_what_has_no_page_of_metrics_is_judged_without_it() -> None:
    seen = Virtual(limits=None)
    del seen.conditions["MetricsUnavailable"]
    seen.until(65)
    not_there = {each.name for each in seen.rollout.lines if each.state is LineState.NOT_APPLICABLE}
    assert not_there >= {LineName.METRICS, LineName.TRAFFIC, LineName.ERROR_RATE, LineName.LATENCY}
    assert seen.said() is Outcome.VERIFIED


def test_a_condition_that_ends_is_resolved_in_what_fired() -> None:
    seen = Virtual()
    seen.conditions["PoolSaturated"] = standing("PoolSaturated", Status.TRUE, since=BEGAN + 30)
    seen.until(1)
    seen.conditions["PoolSaturated"] = standing("PoolSaturated")
    seen.until(2)
    [fired] = seen.rollout.fired[:1]
    assert (fired.condition, fired.resolved_at) == ("PoolSaturated", BEGAN + 99)
