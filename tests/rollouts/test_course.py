"""How rollouts begin, go on and end, told by pods alone; time is given."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from watcher.rollouts.rollout import Rollout
from watcher.rollouts.seen.course import CANARY_AFTER, Course
from watcher.rollouts.seen.groups import PROGRESS_DEADLINE, Wanted
from watcher.rollouts.seen.running import RunningPod

BEGAN = 1_000_000.0


def digest(image: str) -> str:
    return f"sha256:{image * 8}"


def pod(
    name: str,
    image: str = "a",
    *,
    template: str | None = None,
    config: str = "c1",
    made: float = 0.0,
    ready: bool = True,
    told: bool = True,
    restarts: int = 0,
    waiting: str = "",
    ends: bool = False,
) -> RunningPod:
    """A pod; its uid is its name and image, as one that is made anew has another."""
    return RunningPod(
        uid=f"{name}/{image}/{config}",
        name=name,
        template=template if template is not None else f"t{image}{config}",
        reference=f"registry/agent:{image}",
        digest=digest(image) if told else "",
        config=config,
        created_at=BEGAN + made,
        ready_since=BEGAN + made if ready else None,
        ends=ends,
        restarts=restarts,
        waiting=waiting,
    )


@dataclass
class Seen:
    """A course, and its clock."""

    course: Course = field(default_factory=lambda: Course("prod", "search"))
    now: float = 0.0
    wanted: Wanted = field(default_factory=Wanted)

    def see(self, *pods: RunningPod, after: float = 1.0, is_new: bool = False, wanted: int | None = None) -> None:
        self.now += after
        told = self.wanted if wanted is None else self.wanted._replace(replicas=wanted)
        self.course.observe(pods, told, BEGAN + self.now, is_new=is_new)

    @property
    def rollout(self) -> Rollout:
        assert self.course.rollout is not None
        return self.course.rollout

    @property
    def image(self) -> str:
        return self.rollout.revision.image


def running(*pods: RunningPod) -> Seen:
    """An agent that ran before anybody looked."""
    seen = Seen()
    seen.see(*pods, wanted=len(pods))
    assert seen.course.rollout is None
    return seen


def test_what_ran_before_anybody_looked_is_no_rollout_and_a_new_agent_is_its_first() -> None:
    running(pod("s-0"), pod("s-1"))
    seen = Seen()
    seen.see(pod("s-0", ready=False), is_new=True)
    assert (seen.rollout.is_first, seen.rollout.before) == (True, None)


def test_a_rollout_begins_with_the_first_pod_of_another_image_and_is_ready_with_the_last() -> None:
    seen = running(pod("s-0"), pod("s-1"))
    seen.see(pod("s-0"), pod("s-1"), pod("s-2", "b", made=1, ready=False), wanted=2)
    assert seen.image == digest("b")
    assert seen.rollout.before is not None
    assert seen.rollout.before.image == digest("a")
    assert seen.rollout.began_at == BEGAN + 1
    seen.see(pod("s-1", ends=True), pod("s-2", "b", made=1), wanted=2)
    assert seen.rollout.ready_at is None
    seen.see(pod("s-2", "b", made=1), pod("s-3", "b", made=3), wanted=2)
    assert seen.rollout.ready_at == BEGAN + seen.now
    assert (seen.rollout.pods.updated, seen.rollout.pods.ready, seen.rollout.pods.old) == (2, 2, 0)


def test_a_config_that_pods_took_is_a_rollout_and_one_that_they_did_not_take_is_none() -> None:
    seen = running(pod("s-0"), pod("s-1"))
    seen.see(pod("s-0"), pod("s-1"))
    assert seen.course.rollout is None
    seen.see(pod("s-0"), pod("s-1"), pod("s-2", config="c2", made=2))
    assert (seen.image, seen.rollout.revision.config) == (digest("a"), "c2")


@pytest.mark.parametrize(
    "another",
    [
        pytest.param(pod("s-2", made=9), id="a pod more"),
        pytest.param(pod("s-2", made=9, template="with another sidecar"), id="another sidecar"),
        pytest.param(pod("s-2", made=9, config=""), id="a config that was not read yet"),
        pytest.param(pod("s-2", made=9, told=False, ready=False), id="an image that was not pulled yet"),
    ],
)
def test_what_runs_the_same_image_and_config_is_no_rollout(another: RunningPod) -> None:
    seen = running(pod("s-0"), pod("s-1"))
    seen.see(pod("s-0"), pod("s-1"), another)
    assert seen.course.rollout is None


def test_another_sidecar_is_noted_beside_the_rollout_that_stands() -> None:
    seen = running(pod("s-0"))
    seen.see(pod("s-1", "b", made=2), wanted=1)
    seen.see(pod("s-1", "b", made=2), pod("s-2", "b", made=9, template="t2"), wanted=1)
    assert seen.course.begun == 1
    assert seen.rollout.notes == ("Template t2 came later, with the same image and config: no rollout.",)


def test_a_name_of_an_image_whose_digest_turns_out_to_be_the_same_was_no_rollout() -> None:
    seen = running(pod("s-0"))
    renamed = pod("s-1", made=2, told=False, ready=False, template="renamed")._replace(reference="registry/agent:b")
    seen.see(pod("s-0"), renamed)
    assert seen.image == "registry/agent:b", "until somebody tells its digest it is known by its name"
    seen.see(pod("s-0"), renamed._replace(digest=digest("a")))
    assert seen.course.rollout is None
    assert seen.course.dropped is not None


def test_the_digest_takes_the_place_of_the_name_and_the_rollout_stays_the_same() -> None:
    seen = running(pod("s-0"))
    seen.see(pod("s-0"), pod("s-1", "b", made=2, told=False, ready=False))
    assert seen.image == "registry/agent:b"
    seen.see(pod("s-0"), pod("s-1", "b", made=2))
    assert (seen.image, seen.course.begun) == (digest("b"), 1)


def test_one_that_is_taken_back_is_rolled_back_and_the_revision_before_is_healthy_when_all_are_ready() -> None:
    seen = running(pod("s-0"), pod("s-1"))
    seen.see(pod("s-0"), pod("s-1"), pod("s-2", "b", made=2, ready=False), wanted=2)
    seen.see(pod("s-0"), pod("s-1", ready=False), pod("s-2", "b", made=2, ends=True), wanted=2)
    assert (seen.rollout.end, seen.rollout.previous_healthy_at) == ("rolled_back", None)
    seen.see(pod("s-0"), pod("s-1"), wanted=2)
    assert seen.rollout.previous_healthy_at == BEGAN + seen.now
    assert seen.course.current is not None
    assert seen.course.current.image == digest("a")
    seen.see(pod("s-0"), pod("s-1"), pod("s-3", "b", made=9), wanted=2)
    assert (seen.rollout.end, seen.course.begun) == ("", 2), "a second try is another rollout"


def test_one_that_was_ready_is_taken_back_also_while_no_kubelet_has_told_the_image_of_the_pods_that_come_back() -> None:
    seen = running(pod("s-0"))
    seen.see(pod("s-1", "b", made=2), wanted=1)
    assert seen.rollout.ready_at is not None
    back = pod("s-2", made=9, told=False, ready=False)._replace(config="")
    seen.see(pod("s-1", "b", made=2), back, wanted=1)
    assert (seen.course.begun, seen.rollout.end) == (1, "")
    seen.see(back, wanted=1)
    assert (seen.course.begun, seen.rollout.end) == (1, "rolled_back")


def test_one_that_is_taken_back_under_another_name_of_the_image_is_told_once_its_digest_is() -> None:
    seen = running(pod("s-0"))
    seen.see(pod("s-1", "b", made=2), wanted=1)
    again = pod("s-2", made=9, told=False, ready=False, template="again")._replace(reference="registry/agent:again")
    seen.see(pod("s-1", "b", made=2), again, wanted=1)
    assert seen.image == "registry/agent:again"
    seen.see(again._replace(digest=digest("a")), wanted=1)
    assert (seen.image, seen.rollout.end) == (digest("b"), "rolled_back")


def test_ten_revisions_in_a_row_each_replace_the_one_before_and_all_have_the_same_one_to_go_back_to() -> None:
    seen = running(pod("s-0"), pod("s-1"))
    for number in range(10):
        image = "bcdefghijk"[number]
        seen.see(pod("s-0"), pod("s-1"), pod(f"n-{number}", image, made=60.0 * number + 60, ready=False), after=60)
        if number:
            assert seen.course.ended is not None
            assert (seen.course.ended.end, seen.course.ended.ended_by) == ("superseded", seen.rollout.revision.id)
        assert seen.rollout.before is not None
        assert seen.rollout.before.image == digest("a")
    assert seen.course.begun == 10


def test_pods_that_were_left_of_an_older_revision_take_no_place() -> None:
    seen = running(pod("s-0"))
    left = pod("s-1", "b", made=2, ready=False)
    seen.see(pod("s-0"), left)
    seen.see(pod("s-0"), left, pod("s-2", "c", made=4, ready=False))
    for _ in range(3):
        seen.see(pod("s-0"), left, pod("s-2", "c", made=4))
    assert (seen.image, seen.course.begun) == (digest("c"), 2)


def test_two_pods_of_one_name_are_two_pods() -> None:
    seen = running(pod("s-0"))
    seen.see(pod("s-0", ends=True), pod("s-0", "b", made=5), wanted=1)
    assert seen.image == digest("b")
    assert seen.rollout.ready_at is not None


def test_two_revisions_side_by_side_are_a_canary_when_nothing_moves_or_at_once_when_it_is_paused() -> None:
    seen = running(pod("s-0"), pod("s-1"))
    both = pod("s-0"), pod("s-1"), pod("s-2", "b", made=1)
    seen.see(*both, wanted=3)
    assert not seen.rollout.is_canary
    seen.see(*both, wanted=3, after=CANARY_AFTER)
    assert (seen.rollout.is_canary, seen.rollout.ready_at) == (True, BEGAN + seen.now)
    paused = running(pod("s-0"), pod("s-1"))
    paused.wanted = Wanted(paused=True)
    paused.see(*both, wanted=3)
    assert (paused.rollout.is_canary, paused.rollout.is_paused) == (True, True)


@pytest.mark.parametrize(
    ("new", "wanted", "after", "stuck"),
    [
        (pod("n", "b", made=1, ready=False, restarts=3), Wanted(), 1.0, "Pod n crashes: 3 restarts."),
        (pod("n", "b", made=1, ready=False, waiting="ImagePullBackOff"), Wanted(), 130.0,
         "Pod n cannot start: ImagePullBackOff."),
        (pod("n", "b", made=1, ready=False), Wanted(replicas=2, stuck="The Deployment makes no progress: X."), 1.0,
         "The Deployment makes no progress: X."),
        (pod("n", "b", made=1, ready=False), Wanted(), PROGRESS_DEADLINE,
         "Pod n is not Ready, and nothing moved for 10 minutes."),
        (pod("n", "b", made=1, ready=False), Wanted(paused=True), PROGRESS_DEADLINE, ""),
        (pod("n", "b", made=1, ready=False, waiting="ImagePullBackOff"), Wanted(), 1.0, ""),
    ],
)  # fmt: skip
def test_a_rollout_without_progress_says_why(new: RunningPod, wanted: Wanted, after: float, stuck: str) -> None:
    seen = running(pod("s-0"))
    seen.wanted = wanted
    seen.see(pod("s-0"), new)
    seen.see(pod("s-0"), new, after=after)
    assert seen.rollout.stuck == stuck


def test_scaled_to_zero_and_back_is_no_rollout_and_to_zero_with_another_image_one_with_its_first_pod() -> None:
    seen = running(pod("s-0"))
    seen.see(wanted=0)
    seen.see(pod("s-1", made=9), wanted=1)
    assert seen.course.rollout is None
    seen.see(wanted=0)
    assert seen.course.rollout is None
    seen.see(pod("s-2", "b", made=20), wanted=1)
    assert seen.image == digest("b")


def test_who_comes_in_the_middle_of_a_rollout_sees_one() -> None:
    seen = Seen()
    seen.see(pod("s-0"), pod("s-1", "b", made=5, ready=False), wanted=2)
    assert (seen.image, seen.rollout.before and seen.rollout.before.image) == (digest("b"), digest("a"))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_the_order_in_which_pods_are_listed_does_not_matter(order: Sequence[int]) -> None:
    seen = running(pod("s-0"))
    pods = pod("s-0"), pod("s-1", "b", made=3), pod("s-2", "b", made=4)
    seen.see(*(pods[place] for place in order), wanted=2)
    assert seen.image == digest("b")
