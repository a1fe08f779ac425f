"""What is counted of a pod's looks, from what the probe of its requests remembers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes import load_probes
from probes.contract import Sample
from probes.history.counters import Growth
from probes.history.packed import pack
from probes.history.process import NOBODY, Process
from probes.slo import REQUEST_RATE, SLOHistory
from probes.slo.history import SLOW_RATIO
from tests.rollouts.test_course import pod
from watcher.engine.debounce import ProbeResult, share
from watcher.rollouts.lines.sight import Windows
from watcher.rollouts.lines.trial import Trial, begun
from watcher.rollouts.requests.agent_requests import AgentRequests
from watcher.rollouts.requests.minutes import GAP, Minutes, p95_bucket
from watcher.rollouts.requests.normal import Tally
from watcher.rollouts.rollout import Revision, Rollout

BEGAN = 7200.0 * 100
NEW, OLD = Revision(image="sha256:b", config="c1"), Revision(image="sha256:a", config="c1")


def looked(
    at: float,
    *failed: float,
    took: tuple[float, ...] = (),
    bounds: int = 0,
    process: Process = NOBODY,
    rate: float | None = None,
) -> ProbeResult:
    """What holds after a look."""
    history = SLOHistory(Growth(at, pack(failed)), Growth(at, pack(took)), bounds, process)
    samples = () if rate is None else (Sample(REQUEST_RATE, rate), Sample(SLOW_RATIO, 0.5))
    return ProbeResult(at, share(()), (), (), samples, history)


class Seen:
    """The requests of one new pod and one old, and their trial."""

    def __init__(self) -> None:
        self.requests = AgentRequests()
        pods = [pod("n-0", "b"), pod("o-0", "a")]
        found = {pods[0].uid: NEW, pods[1].uid: OLD}
        rollout = Rollout(namespace="prod", agent="search", revision=NEW, began_at=1.0, before=OLD)
        self.requests.place(pods, found, rollout)
        self.trial: Trial = begun(BEGAN, Windows(), cut=0, bounds=7)

    def look(self, *results: ProbeResult, name: str = "n-0") -> Minutes:
        for each in results:
            self.requests.looked(name, each, 300.0, self.trial)
        return self.trial.new if name == "n-0" else self.trial.old

    def errors(self, *results: ProbeResult, name: str = "n-0") -> tuple[float, float]:
        counted = self.look(*results, name=name).errors(BEGAN + 3600)
        return counted.requests, counted.bad


def test_what_counters_grow_by_counts_in_the_minute_of_the_look_and_once() -> None:
    seen, second = Seen(), looked(BEGAN + 60, 130.0, 7.0, 0.0)
    minutes = seen.look(looked(BEGAN + 30, 100.0, 5.0, 0.0), second, second, looked(BEGAN + 90, 150.0, 7.0, 0.0))
    assert minutes.errors(BEGAN + 3600) == Tally(50.0, 2.0, 4 / 50, 1, 1)
    assert minutes.errors(BEGAN + 90) == Tally(), "a minute counts when it is over"
    assert minutes.by_pod["n-0"][:2] == [50.0, 2.0]


def test_the_revision_before_is_counted_apart() -> None:
    seen = Seen()
    assert seen.errors(looked(BEGAN + 30, 0.0, 0.0, 0.0), looked(BEGAN + 60, 9.0, 1.0, 0.0), name="o-0") == (9.0, 1.0)
    assert seen.errors() == (0.0, 0.0)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        pytest.param(looked(BEGAN + 60, 20.0, 1.0, 0.0), (20.0, 1.0), id="a new process begins at nothing"),
        pytest.param(looked(BEGAN + 30 + GAP + 1, 200.0, 9.0, 0.0), (0.0, 0.0), id="too long ago"),
        pytest.param(looked(BEGAN + 60, 200.0), (0.0, 0.0), id="other counters"),
        pytest.param(
            looked(BEGAN + 60, 200.0, 9.0, 0.0, process=Process(returns=2)), (0.0, 0.0), id="processes in turn"
        ),
    ],
)
def test_looks_that_do_not_follow_each_other_count_nothing(second: ProbeResult, expected: tuple[float, float]) -> None:
    assert Seen().errors(looked(BEGAN + 30, 100.0, 5.0, 0.0), second) == expected


def test_slow_is_what_lies_beyond_the_bucket_of_the_baseline_and_nothing_is_told_of_other_buckets() -> None:
    seen = Seen()
    first = looked(BEGAN + 30, 0.0, 0.0, 0.0, took=(0.0, 0.0), bounds=7)
    second = looked(BEGAN + 60, 9.0, 0.0, 0.0, took=(6.0, 9.0), bounds=7)
    assert seen.look(first, second).slow(BEGAN + 3600)[:2] == (9.0, 3.0)
    other = looked(BEGAN + 90, 19.0, 0.0, 0.0, took=(6.0, 19.0), bounds=8)
    assert seen.look(other).slow(BEGAN + 3600)[:2] == (9.0, 3.0)


def test_a_counter_of_slow_requests_without_buckets_counts_as_it_is() -> None:
    seen = Seen()
    first = looked(BEGAN + 30, 0.0, 0.0, 0.0, took=(0.0, 0.0, 0.0))
    assert seen.look(first, looked(BEGAN + 60, 9.0, 0.0, 0.0, took=(9.0, 4.0, 0.0))).slow(BEGAN + 3600)[:2] == (
        9.0,
        4.0,
    )


def test_what_is_over_the_limit_counts_once_a_window() -> None:
    seen = Seen()
    looks = [looked(BEGAN + 30.0 * number, 10.0 * number, 0.0, 0.0, rate=1.0) for number in range(1, 23)]
    assert seen.look(*looks).over_limit(BEGAN + 3600) == Tally(600.0, 300.0, 2 * 150 * 150 / 300, 2, 2)


def test_the_bucket_of_the_p95_is_that_of_all_pods_together() -> None:
    assert p95_bucket([pack((90.0, 99.0, 100.0)), pack((0.0, 80.0, 100.0))]) == 2
    assert p95_bucket([pack((96.0, 99.0, 100.0))]) == 0
    assert p95_bucket([]) == p95_bucket([pack((0.0, 0.0))]) == p95_bucket([pack((1.0,)), pack((1.0, 2.0))]) == -1


def test_an_hour_is_given_when_the_next_begins_and_only_where_all_pods_run_the_same() -> None:
    seen = Seen()
    pods = [pod("n-0", "b")]
    seen.requests.place(pods, {pods[0].uid: NEW}, None)
    hours = [
        seen.requests.looked("n-0", looked(BEGAN + 60.0 * minute, 20.0 * minute, 1.0 * minute, 0.0), 300.0, None)
        for minute in range(1, 64)
    ]
    [hour] = [each for each in hours if each is not None]
    assert (hour.number, hour.revision, hour.errors.requests, hour.errors.bad) == (200, NEW.id, 58 * 20, 58)


def test_the_probe_of_requests_remembers_what_is_counted_here() -> None:
    [probe] = [each for each in load_probes() if each.name == "slo"]
    assert probe.history is SLOHistory
    assert {each.name for each in probe.metrics} >= {"slo_requests_per_second", "slo_slow_ratio"}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(1, 200), st.integers(0, 50), st.integers(0, 50)), max_size=12),
    st.lists(st.integers(0, 11), max_size=3),
)
def test_no_more_is_counted_than_there_was_whenever_it_is_looked_and_wherever_it_starts_anew(
    steps: list[tuple[float, int, int]], restarts: list[int]
) -> None:
    seen, at, requests, bad, total = Seen(), BEGAN, 0.0, 0.0, 0.0
    for number, (seconds, more, of_them_bad) in enumerate(steps):
        if number in restarts:
            requests = bad = 0.0
        at, requests, bad = at + seconds, requests + more, bad + min(more, of_them_bad)
        total += more
        seen.look(looked(at, requests, bad, 0.0))
    counted = seen.trial.new.errors(at + 3600)
    assert 0 <= counted.bad <= counted.requests <= total + 1e-3
