"""What several judges ask of the same evidence is found out once, and of other evidence anew."""

from collections.abc import Iterator

from probes.controls.judges.once import once


def test_the_same_objects_are_asked_about_once_and_equal_ones_anew() -> None:
    asked: list[object] = []

    @once
    def items(one: list[int], other: list[int]) -> Iterator[int]:
        asked.append(one)
        yield from one + other

    first, second, alike = [1], [2], [1]
    assert items(first, second) == (1, 2)
    assert items(first, second) is items(first, second)
    assert len(asked) == 1
    assert items(alike, second) == (1, 2)
    assert len(asked) == 2
    assert items(second, first) == (2, 1)
    assert items(first, second) == (1, 2)


def test_what_raised_is_asked_again() -> None:
    wrong = [True]

    @once
    def items(one: object) -> Iterator[object]:
        if wrong:
            raise ValueError("no answer")
        yield one

    there = object()
    try:
        items(there)
    except ValueError:
        wrong.clear()
    assert items(there) == (there,)
