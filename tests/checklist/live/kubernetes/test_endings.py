"""What is seen of pods that were asked to end, in time that a test sets."""

from collections.abc import Mapping
from typing import Any

import pytest

from probes.contract import Target, TargetKey
from probes.controls.evidence import AgentRef, Missing, Seen, Took
from tests.discovery.pods.test_target import pod
from watcher.checklist.live.kubernetes.objects.followed import Followed
from watcher.checklist.live.kubernetes.objects.kinds import Group, kinds
from watcher.checklist.live.kubernetes.objects.workloads import reduce_workload
from watcher.checklist.live.kubernetes.pods.endings import LATE, MOST_KEPT, Ending, Endings
from watcher.checklist.live.kubernetes.pods.pod_memory import PodMemory
from watcher.discovery.pod.kept.pod import keep_pod, seconds
from watcher.discovery.pod.pod import read_pod
from watcher.discovery.pods.scope import SeenPod
from watcher.discovery.pods.target import FoundPod, PodState
from watcher.kube.access import Access
from watcher.kube.errors import RefusedError
from watcher.kube.list_watch import Patience
from watcher.runtime.clock import Clock

SEARCH = AgentRef("prod", "search")
ASKED = seconds("2026-11-18T09:00:00Z")
DONE = {"terminated": {"exitCode": 0, "startedAt": "2026-11-18T08:00:00Z", "finishedAt": "2026-11-18T09:00:02Z"}}


class Ends:
    """The ends of pods, and the EndpointSlices of their namespace."""

    def __init__(self, groups: tuple[Group, ...] = tuple(Group)) -> None:
        self.now, self.reached, self.changed = ASKED + 0.5, True, list[str]()
        every = kinds(reduce_workload)
        clock = Clock(lambda: self.now, lambda: self.now)
        self.followed = Followed(
            Access(None),
            every,
            groups,
            [""],
            clock.steady,
            clock.date_of,
            lambda low, _: low,
            self.changed.append,
            Patience(),
        )
        for collection in self.followed.every(["EndpointSlice"]):
            collection.answered()
        self.memory = PodMemory()
        self.of = Endings(self.followed, clock, self.memory.has_ended)
        self.of.was_reached = lambda _: self.reached
        self.memory.on_ending, self.memory.on_gone = self.of.note, self.of.gone

    def slice(self, serving: Mapping[str, bool | None], name: str = "search-abc") -> None:
        """An EndpointSlice that names these pods."""
        ends = [
            {"addresses": ["10.0.0.1"], "conditions": {"serving": each}, "targetRef": {"kind": "Pod", "name": pod}}
            for pod, each in serving.items()
        ]
        [collection] = self.followed.every(["EndpointSlice"])
        collection.put({"metadata": {"name": name, "namespace": "prod", "uid": name}, "endpoints": ends})

    def end(
        self,
        number: int = 1,
        state: dict[str, Any] | None = None,
        target: Target | None = None,
        agent: AgentRef = SEARCH,
        *,
        ready: bool = True,
    ) -> None:
        """Pod p1 was asked to end, or has changed since."""
        asked: dict[str, Any] = {"metadata__deletionTimestamp": "2026-11-18T09:00:30Z"}
        asked |= {"metadata__deletionGracePeriodSeconds": 30, "metadata__name": f"p{number}"}
        raw: Any = pod(metadata__uid=f"uid-{number}", **asked)
        if not ready:
            raw["status"]["conditions"] = []
        if state is not None:
            raw["status"]["containerStatuses"][0]["state"] = state
        target = target or Target(key=TargetKey("prod", "search", f"p{number}"), address="10.0.0.1:8443")
        found = FoundPod(state=PodState.TARGET, target=target)
        self.memory.note(agent, SeenPod(read_pod(raw), found=found, kept=keep_pod(raw)), None)

    def wait(self, until: float) -> list[Ending]:
        """Look, so many seconds after it was asked to; gives those whose ports are to be tried."""
        self.now = ASKED + until
        self.of.look()
        return list(self.of.take_to_try())

    def served(self) -> list[bool]:
        """Of each pod that ended, by the EndpointSlices."""
        found = self.of.routed_of(SEARCH)
        assert isinstance(found, Seen)
        return [each.serving for each in found.value]

    def took(self) -> list[Took]:
        return [each.took for each in self.of.tries_of(SEARCH)]


@pytest.mark.parametrize(
    ("after", "expected"),
    [({"p1": True}, True), ({"p1": False}, False), ({"p2": True}, False), ({"p1": None}, True)],
)
def test_a_pod_that_ends_is_looked_up_five_seconds_later(after: Mapping[str, bool | None], expected: bool) -> None:
    ends = Ends()
    ends.slice({"p1": True})
    ends.end()
    assert ends.wait(5) == []
    ends.slice(after)
    [ending] = ends.wait(5.6)
    assert (ending.pod, ending.asked_at) == ("p1", ASKED)
    assert ends.served() == [expected]
    assert list(ends.of.take_changed()) == [SEARCH]
    assert ends.wait(7) == []
    ends.end()
    assert ends.wait(20) == []
    assert ends.served() == [expected]


def test_one_slice_of_several_that_says_it_serves_is_enough() -> None:
    ends = Ends()
    ends.slice({"p1": True})
    ends.slice({"p1": True}, "search-headless")
    ends.end()
    ends.slice({"p1": False})
    ends.wait(6)
    assert ends.served() == [True]


@pytest.mark.parametrize(
    ("before", "ready"), [({}, True), ({"p2": True}, True), ({"p1": False}, False), ({"p2": True}, False)]
)
def test_nothing_is_learnt_of_a_pod_that_served_nobody_before(before: Mapping[str, bool | None], ready: bool) -> None:
    ends = Ends()
    ends.slice(before)
    ends.end(ready=ready)
    ends.wait(6)
    assert ends.served() == []


def test_a_slice_that_is_told_of_before_the_pod_is_counts_as_quick() -> None:
    ends = Ends()
    ends.slice({"p1": False})
    ends.end()
    ends.wait(6)
    assert ends.served() == [False]


def test_nothing_is_learnt_too_late_or_while_slices_are_not_known() -> None:
    ends = Ends()
    ends.slice({"p1": True})
    ends.end()
    assert ends.wait(5.5 + LATE + 1) == []
    assert ends.served() == []
    ends = Ends()
    ends.slice({"p1": True})
    ends.now = ASKED - 60  # the clock of the API server is ahead of ours
    ends.end()
    assert ends.wait(-60 + 5 + LATE + 1) == []
    assert ends.served() == []
    ends = Ends()
    ends.slice({"p1": True})
    ends.now = ASKED + 60  # it was seen late
    ends.end()
    assert ends.wait(66) == []
    assert ends.served() == []
    ends = Ends()
    ends.slice({"p1": True})
    ends.end()
    [collection] = ends.followed.every(["EndpointSlice"])
    collection.failed("it does not answer", TimeoutError())
    assert [each.pod for each in ends.wait(6)] == ["p1"]
    assert ends.served() == []


def test_without_the_right_to_slices_it_is_said_and_what_was_seen_stays() -> None:
    ends = Ends()
    ends.slice({"p1": True})
    ends.end()
    ends.slice({"p1": False})
    ends.wait(6)
    [collection] = ends.followed.every(["EndpointSlice"])
    collection.failed("403: no", RefusedError(403, "no"))
    denied = ends.of.routed_of(SEARCH)
    assert isinstance(denied, Missing)
    assert (denied.reason, denied.message) == ("Forbidden", "EndpointSlice objects may not be listed.")
    collection.answered()
    assert ends.served() == [False]
    off = Ends(groups=(Group.WORKLOADS,)).of.routed_of(SEARCH)
    assert isinstance(off, Missing)
    assert off.reason == "NotEnabled"


def test_a_process_that_ended_in_time_took_nothing_and_is_not_tried() -> None:
    ends = Ends()
    ends.end()
    ends.end(state=DONE)
    ends.memory.forget("uid-1")
    assert ends.wait(6) == []
    assert ends.took() == [Took.ENDED]


def test_a_pod_that_is_gone_by_force_tells_nothing_and_is_not_tried() -> None:
    ends = Ends()
    ends.end()
    ends.memory.forget("uid-1")
    assert ends.wait(6) == []
    assert ends.took() == []


def test_a_port_that_never_answered_is_not_tried() -> None:
    ends = Ends()
    ends.reached = False
    ends.end()
    assert ends.wait(6) == []


def test_the_newest_ends_are_remembered_and_those_of_long_ago_forgotten() -> None:
    ends = Ends()
    ends.slice({f"p{number}": True for number in range(MOST_KEPT + 3)})
    for number in range(MOST_KEPT + 3):
        ends.end(number)
    for number, ending in enumerate(ends.wait(6)):
        ends.of.tried(ending, Took.NOTHING if number else Took.REQUEST)
    assert ends.took() == [Took.NOTHING] * MOST_KEPT
    assert ends.served() == [True] * MOST_KEPT
    ends.wait(31 * 86400)
    [collection] = ends.followed.every(["EndpointSlice"])
    collection.answered()
    assert ends.took() == []
    assert ends.served() == []


def test_an_endpoint_slice_changes_no_verdict_by_itself() -> None:
    ends = Ends()
    ends.changed.clear()
    ends.slice({"p1": True})
    ends.slice({"p1": False})
    assert ends.changed == []


@pytest.mark.parametrize(
    ("spec", "sleeps"),
    [({}, 0.0), ({"lifecycle": {"preStop": {"sleep": {"seconds": 10}}}}, 10.0)],
)
def test_the_pre_stop_hook_of_the_agent_is_known_for_it_comes_before_sigterm(
    spec: dict[str, Any], sleeps: float
) -> None:
    raw: Any = pod(metadata__deletionTimestamp="2026-11-18T09:00:30Z", metadata__deletionGracePeriodSeconds=30)
    raw["spec"]["containers"][0] |= spec
    ends = Ends()
    target = Target(key=TargetKey("prod", "search", "p1"), address="10.0.0.1:8443")
    seen = SeenPod(read_pod(raw), found=FoundPod(state=PodState.TARGET, target=target), kept=keep_pod(raw))
    ends.memory.note(SEARCH, seen, None)
    [ending] = ends.wait(6)
    assert ending.sleeps == sleeps
