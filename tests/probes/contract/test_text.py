"""Texts from outside are cut, and stay distinct."""

from hypothesis import given
from hypothesis import strategies as st

from probes.contract.text import LONGEST, cut


@given(st.text(max_size=LONGEST))
def test_a_text_of_a_usual_length_stays_as_it_is(text: str) -> None:
    assert cut(text) == text


@given(st.text(min_size=LONGEST + 1, max_size=5000))
def test_a_longer_one_has_the_longest_length_and_its_own_beginning(text: str) -> None:
    assert len(cut(text)) == LONGEST
    assert text.startswith(cut(text)[:-13])
    assert cut(cut(text)) == cut(text)


def test_two_that_differ_only_where_they_are_cut_stay_two() -> None:
    assert cut("x" * 4000 + "a") != cut("x" * 4000 + "b")
    assert cut("é" * 201) == "é" * 187 + "…" + "3821f1b32e73"


def test_half_of_a_surrogate_pair_is_cut_too() -> None:
    assert len(cut("\ud800" * 300)) == LONGEST
