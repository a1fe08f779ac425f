import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Unknown, Verdict
from probes.contract.condition import Status
from tests.engine.toy import FIRE, SMOKE
from watcher.engine.debounce import Debounced, ProbeResult, debounce, share, stale


def _evaluated(settled: Debounced, at: float = 0.0) -> ProbeResult:
    return ProbeResult(at, *settled, (), None)


def _after(*looks: Verdict, failures: int = 2) -> Debounced:
    settled = debounce((looks[0],), {}, failures, 0.0)
    for now, verdict in enumerate(looks[1:], start=1):
        settled = debounce((verdict,), _evaluated(settled), failures, float(now))
    return settled


BAD, GOOD, DARK = FIRE.true("It burns in the hall."), FIRE.false(), FIRE.unknown(Unknown.SOURCE_FAILED)


def test_a_first_bad_look_of_several_is_unknown_and_never_false() -> None:
    first = _after(BAD).verdicts.all[0]
    assert (first.status, first.reason) == (Status.UNKNOWN, Unknown.WARMING_UP)
    assert callable(first.message)
    assert first.message() == "Failed probe result 1 of 2 in a row: It burns in the hall."


def test_a_condition_is_true_after_as_many_bad_looks_as_were_asked() -> None:
    assert [_after(*[BAD] * looks, failures=3).verdicts.all[0].status for looks in (1, 2, 3)] == [
        Status.UNKNOWN,
        Status.UNKNOWN,
        Status.TRUE,
    ]


def test_one_good_look_makes_it_false_and_the_count_begins_anew() -> None:
    assert _after(BAD, BAD, GOOD).verdicts.all == (GOOD,)
    assert _after(BAD, GOOD, BAD).verdicts.all[0].status is Status.UNKNOWN


def test_a_look_that_cannot_tell_neither_counts_nor_forgives() -> None:
    assert _after(BAD, DARK).verdicts.all == (DARK,)
    assert _after(BAD, DARK, BAD).verdicts.all == (BAD,)


def test_a_look_that_repeats_the_one_before_neither_counts_nor_forgives() -> None:
    first = debounce((BAD,), {}, 2, 0.0)
    repeated = debounce((BAD,), _evaluated(first), 2, 1.0, asked=False)
    assert (repeated.verdicts.all[0].reason, repeated.bad) == (Unknown.WARMING_UP, (1,))
    assert debounce((BAD,), _evaluated(repeated), 2, 2.0).verdicts.all == (BAD,)
    assert debounce((GOOD,), _evaluated(repeated), 2, 2.0, asked=False).bad == (1,)


def test_a_true_condition_is_true_again_at_once_after_an_unknown() -> None:
    assert _after(BAD, BAD, DARK, BAD).verdicts.all == (BAD,)


def test_a_condition_that_is_not_repeated_is_true_at_the_first_look() -> None:
    smoke = SMOKE.true("Smoke.", "Black", "hall")
    assert debounce((smoke,), {}, 3, 0.0).verdicts.all == (smoke,)


def test_since_is_when_the_status_changed_and_not_when_it_was_last_seen() -> None:
    assert _after(GOOD, GOOD, GOOD).since == (0.0,)
    assert _after(GOOD, BAD, BAD, BAD).since == (2.0,)


def test_since_and_the_count_survive_a_restart_by_the_debounce_states() -> None:
    before = _evaluated(_after(GOOD, BAD, BAD)).debounce_states()
    again = debounce((BAD,), before, 2, 99.0)
    assert (again.verdicts.all, again.since) == ((BAD,), (2.0,))


def test_what_cannot_be_told_for_long_forgives_nothing_either() -> None:
    assert _after(BAD, DARK, DARK, BAD).verdicts.all == (BAD,)


def test_what_is_true_stays_so_where_more_bad_looks_are_wanted_from_now_on() -> None:
    settled = _after(BAD, failures=1)
    assert debounce((BAD,), _evaluated(settled), 3, 1.0).verdicts.all == (BAD,)


def test_a_look_that_finds_the_same_leaves_the_same_objects() -> None:
    before = _evaluated(_after(GOOD))
    again = debounce((GOOD,), before, 2, 1.0)
    assert again.verdicts is before.verdicts
    assert again.since is before.since
    assert again.bad == ()


def test_no_counts_are_kept_where_nothing_bad_was_seen() -> None:
    assert debounce((GOOD, SMOKE.false("hall")), {}, 2, 0.0).bad == ()
    assert debounce((BAD, SMOKE.false("hall")), {}, 2, 0.0).bad == (1, 0)


def test_subjects_are_counted_each_for_itself() -> None:
    hall, attic = SMOKE.true("Smoke.", "White", "hall"), SMOKE.false("attic")
    settled = debounce((hall, attic), {}, 2, 0.0)
    assert _evaluated(settled).debounce_states()["Smoke", "hall"].bad == 1
    assert _evaluated(settled).debounce_states()["Smoke", "attic"].bad == 0


def test_equally_healthy_targets_share_their_verdicts() -> None:
    assert share((FIRE.false(), SMOKE.false("hall"))) is share((FIRE.false(), SMOKE.false("hall")))


@pytest.mark.parametrize(
    ("verdicts", "healthy", "calm"),
    [
        ((GOOD, SMOKE.false("hall")), True, True),
        ((GOOD, DARK), False, True),
        ((DARK, DARK), False, True),
        ((GOOD, BAD), False, False),
        ((DARK, BAD), False, False),
        ((BAD, BAD), False, False),
        ((), True, True),
    ],
)
def test_healthy_is_all_false_and_calm_is_nothing_true(
    verdicts: tuple[Verdict, ...], *, healthy: bool, calm: bool
) -> None:
    assert (share(verdicts).outcomes.healthy, share(verdicts).calm) == (healthy, calm)


def test_outcomes_tell_each_kind_with_status_and_reason_once() -> None:
    shared = share((GOOD, SMOKE.false("hall"), SMOKE.false("attic"), SMOKE.true("Smoke.", "Black", "den")))
    assert shared.outcomes.distinct == {
        (FIRE, Status.FALSE, ""),
        (SMOKE, Status.FALSE, ""),
        (SMOKE, Status.TRUE, "Black"),
    }


def test_targets_of_which_the_same_is_said_in_other_sentences_share_their_outcomes() -> None:
    one, other = share((FIRE.true("It burns at 60 C."),)), share((FIRE.true("It burns at 61 C."),))
    assert one is not other
    assert one.outcomes is other.outcomes
    assert one.outcomes is not share((SMOKE.true("It smokes.", "Black", "den"),)).outcomes
    assert one.outcomes is not share((FIRE.unknown(Unknown.MALFORMED),)).outcomes


@pytest.mark.parametrize(
    ("looks", "undecided"),
    [
        ([BAD], True),
        ([BAD, BAD], False),
        ([BAD, GOOD], False),
        ([BAD, DARK], False),  # another look at once would not tell either
        ([GOOD], False),
        ([FIRE.unknown(Unknown.WARMING_UP)], False),
    ],
)
def test_undecided_is_a_fault_seen_and_not_yet_often_enough(looks: list[Verdict], *, undecided: bool) -> None:
    assert _evaluated(_after(*looks)).undecided is undecided


def test_one_undecided_condition_of_several_is_enough() -> None:
    assert _evaluated(debounce((SMOKE.false("hall"), BAD), {}, 2, 0.0)).undecided


def test_old_verdicts_are_made_stale_once() -> None:
    verdicts = share((BAD, SMOKE.false("hall")))
    assert stale(verdicts) is stale(verdicts)


def test_stale_verdicts_are_unknown_for_every_condition_and_subject() -> None:
    old = stale(share((BAD, SMOKE.false("hall"))))
    assert [(each.status, each.reason, each.subject) for each in old.all] == [
        (Status.UNKNOWN, Unknown.STALE, ""),
        (Status.UNKNOWN, Unknown.STALE, "hall"),
    ]


@given(st.lists(st.sampled_from([BAD, GOOD, DARK]), min_size=1), st.integers(1, 3))
def test_it_is_true_only_after_enough_bad_looks_without_a_good_one(looks: list[Verdict], failures: int) -> None:
    since_good = looks[len(looks) - looks[::-1].index(GOOD) :] if GOOD in looks else looks
    status = _after(*looks, failures=failures).verdicts.all[0].status
    if looks[-1] is BAD:
        assert (status is Status.TRUE) == (since_good.count(BAD) >= failures)
    else:
        assert status is looks[-1].status
