"""A target that names others at each look begins a bounded number of series a day."""

from dataclasses import replace

from probes.contract import Metric, Sample
from tests.engine.toy import FIRE, History, target
from watcher.engine.board import TargetState
from watcher.engine.debounce import ProbeResult, debounce
from watcher.engine.exported.series_budget import MOST_A_DAY, RESERVE
from watcher.engine.restored import NOTHING_RESTORED

NOON = 1_790_000_000.0 // 86400 * 86400 + 43200
HEAT = Metric(name="heat", help="Heat.", labels=("room", "state"))


def result(*rooms: str, at: float = NOON, state: str = "hot") -> ProbeResult:
    verdicts = tuple(FIRE.false(room) for room in rooms)
    samples = tuple(Sample(HEAT, 1.0, (room, state)) for room in rooms)
    return ProbeResult(at, *debounce(verdicts, {}, 1, at), samples, History())


def exported(state: TargetState) -> tuple[set[str], set[tuple[str, ...]]]:
    """The subjects of verdicts and the labels of samples that are exported."""
    found = [each for each in state.exported if each is not None]
    return {each.subject for one in found for each in one.verdicts.all}, {
        each.labels for one in found for each in one.samples
    }


def state_of(*results: ProbeResult) -> TargetState:
    return TargetState(target("pod-0"), results, NOTHING_RESTORED, None)


def churn(state: TargetState, looks: int, at: float = NOON) -> set[tuple[str, ...]]:
    """All labels that were exported over so many looks, each of which names fifty new rooms."""
    seen: set[tuple[str, ...]] = set()
    for look in range(looks):
        state.post((result(*(f"room-{at}-{look}-{number}" for number in range(50)), at=at + look),))
        subjects, labels = exported(state)
        seen |= labels | {(subject,) for subject in subjects}
    return seen


def test_new_subjects_at_each_look_are_exported_up_to_the_budget_of_a_day_and_then_counted() -> None:
    state = state_of()
    assert len(churn(state, 200)) == MOST_A_DAY
    assert (exported(state), state.dropped) == ((set(), set()), 50)
    assert state.results[0] is not None
    assert len(state.results[0].verdicts.all) == 50, "all are judged and shown"


def _in_trouble(*rooms: str, at: float) -> ProbeResult:
    samples = tuple(Sample(HEAT, 1.0, (room, "hot")) for room in rooms)
    verdicts = tuple(FIRE.true("It burns.", FIRE.reasons[0] if FIRE.reasons else "", room) for room in rooms)
    return ProbeResult(at, *debounce(verdicts, {}, 1, at), samples, History())


def test_a_new_subject_in_trouble_is_exported_after_the_budget_of_the_day_is_used_up() -> None:
    state = state_of(result("hall"))
    churn(state, 200)
    state.post((_in_trouble("attic", at=NOON + 300),))
    assert exported(state) == ({"attic"}, {("attic", "hot")})
    assert state.dropped == 0


def test_new_subjects_in_trouble_are_bounded_too() -> None:
    state = state_of()
    seen = churn(state, 200)
    for look in range(50):
        state.post((_in_trouble(*(f"fire-{look}-{number}" for number in range(50)), at=NOON + 300 + look),))
        subjects, labels = exported(state)
        seen |= labels | {(subject,) for subject in subjects}
    assert len(seen) == MOST_A_DAY + RESERVE
    assert state.dropped == 50


def test_what_was_exported_before_stays_exported_beside_what_is_too_new() -> None:
    state = state_of(result("hall", "cellar"))
    churn(state, 200)
    state.post((result("hall", "cellar", "attic", at=NOON + 300),))
    assert exported(state) == ({"hall", "cellar"}, {("hall", "hot"), ("cellar", "hot")})
    assert state.dropped == 1
    state.post((result("hall", "cellar", at=NOON + 330),))
    assert state.dropped == 0


def test_another_day_has_another_budget_and_what_is_exported_goes_on() -> None:
    state = state_of(result("hall"))
    churn(state, 200)
    state.post((result("hall", at=NOON + 300),))
    assert len(churn(state, 200, at=NOON + 86400)) <= MOST_A_DAY
    state.post((result("hall", at=NOON + 86400 + 300),))
    assert exported(state)[0] == {"hall"}


def test_a_label_beside_the_subject_that_changes_at_each_look_is_bounded_and_its_verdict_stays() -> None:
    state = state_of()
    seen = set()
    for look in range(MOST_A_DAY + 100):
        state.post((result("authz", at=NOON, state=f"revision-{look}"),))
        subjects, labels = exported(state)
        assert subjects == {"authz"}
        seen |= labels
    assert len(seen) == MOST_A_DAY - 1


def test_a_result_that_was_cut_is_not_let_through_with_the_look_of_another_source() -> None:
    state = state_of()
    churn(state, 200)
    cut = result("new-room", at=NOON + 300)
    for _ in range(3):
        state.post((cut, None))
        assert exported(state) == (set(), set())


def test_a_target_that_changes_keeps_its_budget_and_its_facts_change_so_often_a_day_only() -> None:
    state, seen = state_of(result("hall")), set()
    for number in range(MOST_A_DAY + 100):
        changed = replace(state.target, node=f"node-{number}")
        state = TargetState(changed, state.results, NOTHING_RESTORED, state)
        seen.add(state.info)
    for number in range(MOST_A_DAY + 100):
        changed = replace(state.target, alert_labels=(("team", f"team-{number}"),))
        state = TargetState(changed, state.results, NOTHING_RESTORED, state)
        seen.add(state.info)
    assert len(seen) <= MOST_A_DAY
    assert state.info != ("node-2099", state.target.workload, "", ())
