"""When the log of a rollout's pods is asked for, and whose lines count."""

from dataclasses import dataclass, field

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, LogSample, Missing, Seen
from tests.bench.rollouts import logs_worse
from tests.rollouts.test_trial import BEGAN, MINUTE, Virtual, evenly, pod
from watcher.rollouts.lines.sight import NO_LOGS, Logs
from watcher.rollouts.requests.log_lines import LogLines, is_worse, lines_of
from watcher.rollouts.seen.logs import RolloutLogs

AGENT = AgentRef("prod", "search")
SAMPLE = LogSample(420, 400, levels={"INFO": 350, "WARN": 30, "ERROR": 18, "FATAL": 2}, bad=(3, 2) * 10)
AHEAD = 9.0
"""Seconds by which the date is ahead of the steady clock in `Virtual`."""


@dataclass
class Witness:
    """What the checklist's reader of logs says, and what it was asked."""

    found: Seen[object] | Missing = field(default_factory=lambda: Seen(SAMPLE, BEGAN - 600, "pod/prod/o-0 container a"))
    asked: int = 0

    def newest(self, _: AgentRef) -> Seen[object] | Missing:
        return self.found

    def ask_soon(self, _: AgentRef) -> None:
        self.asked += 1


def of(logs: RolloutLogs, seen: Virtual, old: int = 0) -> Logs:
    """What is known of them at the moment of a rollout."""
    return logs.of(AGENT, seen.trial, seen.pods, old, seen.now, seen.now + AHEAD)


def test_lines_with_a_level_are_counted_by_it() -> None:
    assert lines_of(SAMPLE) == LogLines(400, 50, (3, 2) * 10)


def test_nobody_is_asked_where_logs_are_not_read() -> None:
    seen = Virtual().until(8)
    assert of(RolloutLogs(None), seen) == NO_LOGS
    off = Witness(Missing(UnknownReason.NOT_ENABLED, "Off."))
    assert of(RolloutLogs(off), seen) == NO_LOGS
    assert off.asked == 0


def test_lines_are_asked_for_once_the_new_pods_are_good_for_five_minutes_and_older_ones_do_not_count() -> None:
    witness = Witness()
    logs, seen = RolloutLogs(witness), Virtual().until(4)
    assert of(logs, seen).why == "The new pods are not good for long enough yet."
    assert witness.asked == 0
    seen.until(7)
    assert of(logs, seen) == Logs(are_read=True, is_asked=True)
    of(logs, seen)
    assert witness.asked == 1, "once a minute"
    seen.until(8)
    of(logs, seen)
    assert witness.asked == 2
    witness.found = Seen(SAMPLE, seen.now + AHEAD, "pod/prod/n-0 container agent")
    assert of(logs, seen).new == LogLines(400, 50, (3, 2) * 10)


def test_lines_of_both_revisions_together_tell_nothing_and_those_of_a_new_pod_do() -> None:
    seen = Virtual().until(8)
    both = Witness(Seen(SAMPLE, seen.now + AHEAD, "http://loki:3100 {namespace=prod}"))
    assert of(RolloutLogs(both), seen, old=1).new is None
    assert of(RolloutLogs(both), seen, old=0).new == LogLines(400, 50, (3, 2) * 10)
    own = Witness(Seen(SAMPLE, seen.now + AHEAD, "pod/prod/n-1 container agent"))
    assert of(RolloutLogs(own), seen, old=1).new == LogLines(400, 50, (3, 2) * 10)


def test_why_there_are_none_is_told() -> None:
    denied = Witness(Missing(UnknownReason.FORBIDDEN, "The logs of its pods may not be read."))
    seen = Virtual().until(8)
    assert of(RolloutLogs(denied), seen).why == "The logs of its pods may not be read."
    seen.now += 20 * MINUTE
    assert not of(RolloutLogs(denied), seen).is_asked


def test_what_was_read_before_the_rollout_is_compared_with() -> None:
    assert RolloutLogs(Witness()).before(AGENT, BEGAN) == LogLines(400, 50, (3, 2) * 10)
    assert RolloutLogs(Witness()).before(AGENT, BEGAN - 601) is None
    assert RolloutLogs(None).before(AGENT, BEGAN) is None


def test_a_pod_that_is_not_ready_is_waited_for() -> None:
    seen = Virtual(pods=(pod("n-0"), pod("n-1", ready=False))).until(8)
    assert of(RolloutLogs(Witness()), seen).is_asked is False


def test_more_errors_than_before_are_worse() -> None:
    assert is_worse(evenly(1000, 60), evenly(1000, 10))
    assert not is_worse(evenly(1000, 20), evenly(1000, 10)), "too few to tell"
    assert not is_worse(evenly(400, 80), evenly(400, 60))
    assert not is_worse(evenly(400, 0), evenly(400, 400))


def test_errors_that_lie_together_count_less_than_errors_each_for_itself() -> None:
    together = LogLines(1000, 60, (30, 0, 0, 0, 20, 0, 0, 0, 10, *[0] * 11))
    assert not is_worse(together, evenly(1000, 10))
    assert not is_worse(evenly(1000, 60), LogLines(1000, 10, (10, *[0] * 19))), "so they may have come before"
    assert not is_worse(LogLines(1000, 600), evenly(1000, 10)), "where they lie is not known"


@pytest.mark.parametrize("together", [1, 10])
def test_a_healthy_rollout_is_seldom_called_worse_by_its_log_and_five_times_as_many_errors_are(together: int) -> None:
    assert logs_worse(1, 300, 1000, 0.05, 1.0, together) <= 0.01
    assert logs_worse(1, 60, 1000, 0.05, 5.0, together) >= 0.4
