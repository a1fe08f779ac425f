"""A hundred agents that answer with all that they may, at the same time, do not cost the memory of the watcher."""

import pytest

from tests.hostile.large_pages import growth
from tests.servers.tools import need

MIB = 1 << 20


@pytest.mark.parametrize("name", ["plain", "stalled-plain", "fewer-labels"])
def test_a_hundred_pages_of_8_mib_at_once_take_a_quarter_of_their_length_at_most(name: str) -> None:
    need("a running daemon")  # it is one, but for its schedule
    assert growth(name) < 200 * MIB
