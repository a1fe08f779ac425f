"""What an mTLS port served over time: since when, how early it was replaced, and when there was nothing to verify."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Fault
from probes.history.served import NOTHING_SERVED, Served
from probes.readings.handshake import Handshake, Spoke
from probes.svid import SvidHistory, judge
from tests.probes.served import NOW, SEEN, context, leaf

PLAIN = Handshake(spoke=Spoke.PLAINTEXT_HTTP, error="It talks HTTP.")
SILENT = Handshake(fault=Fault.SILENT, error="No answer.")
NAMELESS = leaf(uris=())


def after(*readings: Handshake) -> Served:
    """What is known after looks a minute apart, the first of them at 0."""
    served = NOTHING_SERVED
    for number, reading in enumerate(readings):
        served = served.looked(reading, 60.0 * number)
    return served


def test_an_svid_is_served_since_it_was_first_seen_and_more_looks_change_nothing() -> None:
    assert after(SILENT, SEEN) == Served(since=60.0)
    served = after(SEEN)
    assert served.looked(SEEN, 60.0) is served


def test_looks_in_a_row_without_an_svid_are_remembered_after_it_came() -> None:
    assert after(PLAIN, NAMELESS, SEEN) == Served(since=120.0, without=(0.0, 60.0))
    assert after(PLAIN, SEEN, PLAIN, PLAIN).without == (120.0, 180.0)


def test_silence_and_a_look_that_did_not_ask_say_nothing() -> None:
    assert after(SILENT, replace(PLAIN, asked=False)) == NOTHING_SERVED
    assert after(PLAIN, SILENT, PLAIN).without == (0.0, 120.0)


def test_how_early_an_svid_was_replaced_is_told_by_the_dates_of_the_old_one() -> None:
    old = leaf(serial="1", not_before=NOW - 50, not_after=NOW + 50)
    new = leaf(serial="2", not_before=NOW - 1, not_after=NOW + 99)
    history = judge(old, SvidHistory(), context()).history
    history = judge(new, history, context()).history
    assert (history.serial, history.served.left, history.last_rotation) == ("2", 0.5, NOW)


def test_dates_that_are_nonsense_tell_nothing_of_how_early_it_was() -> None:
    assert NOTHING_SERVED.rotated((5.0, 5.0), 1.0).left is None


@given(st.lists(st.sampled_from([SEEN, PLAIN, NAMELESS, SILENT]), max_size=12))
def test_what_is_remembered_is_what_was_seen(readings: list[Handshake]) -> None:
    served, found = after(*readings), [60.0 * n for n, each in enumerate(readings) if each in (PLAIN, NAMELESS)]
    assert (served.since is not None) == (SEEN in readings)
    assert (served.without is not None) == bool(found)
    if served.without is not None:
        assert served.without[1] == found[-1]
        first = int(served.without[0] / 60)
        assert all(each != SEEN for each in readings[first : int(found[-1] / 60)])
