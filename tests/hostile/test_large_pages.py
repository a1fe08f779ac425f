"""A hundred agents that answer with all that they may, at the same time, do not cost the memory of the watcher."""

import pytest

from tests.hostile.large_pages import growth
from tests.servers.tools import need

MIB = 1 << 20


@pytest.mark.parametrize(
    ("name", "most"), [("plain", 200), ("stalled-plain", 200), ("fewer-labels", 200), ("long-values", 400)]
)
def test_a_hundred_large_pages_at_once_take_no_more_than_their_wanted_lines(name: str, most: int) -> None:
    need("a running daemon")  # it is one, but for its schedule
    assert growth(name) < most * MIB
