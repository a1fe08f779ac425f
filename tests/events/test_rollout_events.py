"""Events on workloads: each rollout that is verified or fails, once, and nothing of before."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from probes.controls.evidence import AgentRef
from tests.rollouts.made_rollouts import FAILED, GOING_ON, NOW, REVISION, ROLLED_BACK, rollout
from watcher.events.event import MAX_NOTE, new_object
from watcher.events.queue import EventQueue
from watcher.events.rollouts import RolloutEvents
from watcher.rollouts.follower import Figures
from watcher.rollouts.rollout import Rollout, verdict
from watcher.rollouts.seen.cluster import Workload
from watcher.rollouts.terms import Phase, Window
from watcher.rollouts.view import AgentFigures

DEPLOYMENT = Workload("Deployment", "prod", "search", "uid-1")


class Cluster:
    """The newest rollout of each agent, and what makes its pods."""

    def __init__(self, *found: Rollout) -> None:
        self.found = list(found)
        self.made_by: Workload | None = DEPLOYMENT
        self.queue = EventQueue()
        self.events = RolloutEvents(self, self.queue, lambda: NOW)

    def figures(self) -> Iterator[AgentFigures]:
        for each in self.found:
            outcomes = {window: verdict(each, window).outcome for window in Window}
            yield AgentFigures(
                each.namespace, each.agent, Figures(each.revision.id, each.phase, outcomes, each.began_at)
            )

    def newest(self, namespace: str, agent: str) -> Rollout | None:
        return next((each for each in self.found if (each.namespace, each.agent) == (namespace, agent)), None)

    @property
    def workload(self) -> Callable[[AgentRef], Workload | None]:
        return lambda agent: self.made_by if self.newest(*agent) is not None else None

    def told(self, *found: Rollout, active: bool = True) -> list[tuple[str, str, str]]:
        """Type, reason and note of what is told once these are the newest."""
        self.found = list(found)
        self.events.follow(active=active)
        told = []
        while (event := self.queue.take(lambda _: False)) is not None:
            made = new_object(event, "w-0")
            told.append((made["type"], made["reason"], made["note"]))
        return told


def test_what_is_decided_is_told_once_and_on_the_workload() -> None:
    cluster = Cluster()
    assert cluster.told(GOING_ON) == []
    good = replace(rollout(), began_at=GOING_ON.began_at)
    [told] = cluster.told(good)
    assert told == ("Normal", "RolloutVerified", f"Revision {REVISION.id} is verified. All lines passed.")
    assert cluster.told(good) == []
    [failed] = cluster.told(FAILED)
    assert failed[:2] == ("Warning", "RolloutFailed")
    assert failed[2].startswith(f"Revision {REVISION.id} failed. Error rate normal: 5.1% of 1,200 requests failed")
    assert cluster.told(ROLLED_BACK) == []
    assert FAILED.phase is Phase.FAILED


def test_the_event_is_about_the_workload_as_kubectl_describe_asks_for_it() -> None:
    for kind, version in (("Deployment", "apps/v1"), ("StatefulSet", "apps/v1"), ("Rollout", "argoproj.io/v1alpha1")):
        cluster = Cluster()
        cluster.made_by = DEPLOYMENT._replace(kind=kind)
        cluster.told()
        cluster.found = [FAILED]
        cluster.events.follow(active=True)
        event = cluster.queue.take(lambda _: False)
        assert event is not None
        assert new_object(event, "w-0")["regarding"] == {
            "apiVersion": version,
            "kind": kind,
            "namespace": "prod",
            "name": "search",
            "uid": "uid-1",
        }


def test_what_was_decided_before_this_process_or_while_it_was_on_standby_is_not_told() -> None:
    cluster = Cluster()
    assert cluster.told(FAILED) == []
    waiting = Cluster()
    waiting.told()
    assert waiting.told(FAILED, active=False) == []
    assert waiting.told(FAILED) == []


def test_where_no_workload_is_known_nothing_is_told_and_a_long_reason_is_cut() -> None:
    nobody = Cluster()
    nobody.told()
    nobody.made_by = None  # bare pods
    assert nobody.told(FAILED) == []
    long = replace(FAILED, lines=tuple(replace(each, message="é" * 3000) for each in FAILED.lines))
    cluster = Cluster()
    cluster.told()
    [told] = cluster.told(long)
    assert len(told[2].encode()) <= MAX_NOTE
