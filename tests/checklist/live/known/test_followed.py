"""How conditions were is remembered as far as they turned, with the worst of their subjects."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Unknown, Verdict
from probes.contract.condition import Status
from probes.controls.evidence import ConditionPast
from tests.engine.toy import FIRE, SMOKE, History
from watcher.checklist.live.known.followed import Followed
from watcher.engine.debounce import ProbeResult, debounce, stale

NOW = 1_800_000_000.0
BURNS, CALM, UNSURE = FIRE.true("It burns."), FIRE.false(), FIRE.unknown(Unknown.WARMING_UP)
BLACK, CLEAR = SMOKE.true("Black.", "Black", "attic"), SMOKE.false("cellar")


class Watched:
    """A pod of which a test says what each look finds, a minute apart."""

    def __init__(self) -> None:
        self.now, self.followed = NOW, Followed(NOW, 1)
        self._before: ProbeResult | None = None

    def look(self, *found: Verdict) -> bool:
        """Whether it was another thing than before."""
        self.now += 60
        debounced = debounce(found, self._before or {}, 1, self.now)
        last, self._before = self._before, ProbeResult(self.now, *debounced, (), History())
        return self.followed.take(0, self._before, self._before.verdicts, self.now, last)

    def lose(self) -> bool:
        """The looks stop, and what was seen grows stale."""
        assert self._before is not None
        self.now += 60
        return self.followed.take(0, self._before, stale(self._before.verdicts), self.now, self._before)

    def past(self, condition: str = "Fire") -> Sequence[tuple[str, float, float]]:
        """Of the condition: status, from and to in minutes."""
        found = self.followed.past(self.now, float).get(condition, ConditionPast(()))
        return [(each.status.value, (each.start - NOW) / 60, (each.end - NOW) / 60) for each in found.stretches]


def test_what_never_was_true_leaves_nothing_to_remember() -> None:
    watched = Watched()
    assert [watched.look(UNSURE), watched.look(CALM), watched.look(CALM)] == [True, True, False]
    assert watched.past() == []


def test_what_was_true_is_remembered_with_what_was_before_and_after() -> None:
    watched = Watched()
    for verdict in (CALM, CALM, BURNS, BURNS, CALM, CALM):
        watched.look(verdict)
    assert watched.past() == [("false", 1, 3), ("true", 3, 5), ("false", 5, 6)]


def test_what_was_true_from_the_start_began_when_it_was_first_seen() -> None:
    watched = Watched()
    watched.look(BURNS)
    watched.look(BURNS)
    assert watched.past() == [("true", 1, 2)]


def test_looks_that_stop_end_what_is_known() -> None:
    watched = Watched()
    for verdict in (CALM, BURNS):
        watched.look(verdict)
    assert watched.lose()
    assert not watched.lose()
    assert watched.past() == [("false", 1, 2), ("true", 2, 3), ("unknown", 3, 4)]


def test_of_several_subjects_the_worst_counts() -> None:
    watched = Watched()
    watched.look(CLEAR, BLACK)
    watched.look(CLEAR, SMOKE.false("attic"))
    assert watched.past("Smoke") == [("true", 1, 2), ("false", 2, 2)]


def test_of_a_condition_that_turns_again_and_again_the_newest_turns_are_kept_for_a_week() -> None:
    watched = Watched()
    for _ in range(300):
        watched.look(BURNS)
        watched.look(CALM)
    assert len(watched.past()) == 256
    watched.now += 8 * 86400
    watched.look(BURNS)
    assert len(watched.past()) == 2


@given(st.lists(st.sampled_from([BURNS, CALM, UNSURE]), max_size=30))
def test_the_stretches_follow_one_another_and_tell_what_each_look_found(found: list[Verdict]) -> None:
    watched = Watched()
    for verdict in found:
        watched.look(verdict)
    past = watched.past()
    assert (past == []) is (BURNS not in found)
    for (status, _, end), (after, start, _) in pairwise(past):
        assert status != after
        assert end == start
    by_minute = {minute: verdict.status for minute, verdict in enumerate(found, 1)}
    for status, start, end in past:
        assert all(by_minute[int(minute)] is Status(status) for minute in range(int(start), int(end)))
