"""Who is cut for whom."""

from dataclasses import dataclass, field

from watcher.web.serving.admission import Admission


@dataclass(eq=False)
class Caller:
    """Notes that it was cut."""

    name: str
    was_cut: bool = False

    def cut(self) -> None:
        """It was."""
        self.was_cut = True


@dataclass
class Clock:
    """Monotonic seconds, as the test says."""

    time: float = 100.0
    crowd: list[Caller] = field(default_factory=list)

    def __call__(self) -> float:
        """Now."""
        return self.time


def arrive(admission: Admission, clock: Clock, *names: str) -> list[Caller]:
    """One after the other, a second apart."""
    found = []
    for name in names:
        clock.time += 1
        found.append(Caller(name))
        admission.arrived(found[-1])
    return found


def admission_of(most: int) -> tuple[Admission, Clock]:
    """With a clock of the test's."""
    clock = Clock()
    return Admission(most, clock), clock


def test_the_one_that_has_waited_longest_is_cut_for_a_new_one() -> None:
    admission, clock = admission_of(3)
    first, second, third, *_ = arrive(admission, clock, "a", "b", "c", "d")
    assert (first.was_cut, second.was_cut, third.was_cut) == (True, False, False)
    assert len(admission) == 3


def test_one_that_is_answered_is_not_cut_while_another_waits() -> None:
    admission, clock = admission_of(3)
    asking, waiting, _ = arrive(admission, clock, "a", "b", "c")
    admission.asked(asking)
    arrive(admission, clock, "d")
    assert (asking.was_cut, waiting.was_cut) == (False, True)


def test_one_that_was_answered_waits_from_then_on() -> None:
    admission, clock = admission_of(3)
    answered, waiting, _ = arrive(admission, clock, "a", "b", "c")
    admission.asked(answered)
    clock.time += 1
    admission.waits(answered)
    arrive(admission, clock, "d")
    assert (answered.was_cut, waiting.was_cut) == (False, True)


def test_a_reader_that_takes_nothing_is_cut_before_one_that_came_later_and_waits() -> None:
    admission, clock = admission_of(2)
    deaf, _ = arrive(admission, clock, "a", "b")
    admission.asked(deaf)
    admission.stalled(deaf)
    arrive(admission, clock, "c")
    assert not deaf.was_cut, "the other waits for longer"
    arrive(admission, clock, "d")
    assert deaf.was_cut


def test_a_reader_that_takes_its_answer_is_never_cut_for_another() -> None:
    admission, clock = admission_of(2)
    readers = arrive(admission, clock, "a", "b")
    for reader in readers:
        admission.asked(reader)
        admission.stalled(reader)
        admission.flowing(reader)
    clock.time += 60
    assert not admission.open
    assert not admission.make_room()
    assert not any(reader.was_cut for reader in readers)


def test_who_has_just_come_may_ask_first_unless_a_crowd_does_the_same() -> None:
    admission, clock = admission_of(4)
    readers = arrive(admission, clock, "a", "b", "c")
    for reader in readers:
        admission.asked(reader)
    arrive(admission, clock, "new")
    assert not admission.open
    clock.time += 0.2
    assert admission.open
    crowded, clock = admission_of(4)
    arrive(crowded, clock, "a", "b", "c", "d")
    assert crowded.open


def test_who_is_gone_leaves_a_place() -> None:
    admission, clock = admission_of(1)
    [asking] = arrive(admission, clock, "a")
    admission.asked(asking)
    assert not admission.open
    admission.left(asking)
    assert admission.open
    admission.waits(asking)
    assert len(admission) == 0


def test_who_asks_ahead_of_its_answers_is_the_first_to_go() -> None:
    admission, clock = admission_of(2)
    ahead, answered = arrive(admission, clock, "a", "b")
    for each in (ahead, answered):
        admission.asked(each)
    assert not admission.open
    admission.asked_ahead(ahead)
    assert admission.open
    arrive(admission, clock, "c")
    assert (ahead.was_cut, answered.was_cut) == (True, False)


def test_who_asked_ahead_and_is_answered_is_as_any_other() -> None:
    admission, clock = admission_of(2)
    ahead, answered = arrive(admission, clock, "a", "b")
    admission.asked(answered)
    admission.asked_ahead(ahead)
    admission.waits(ahead)
    admission.asked(ahead)
    assert not admission.open
