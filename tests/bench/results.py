"""All that was measured in one run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench.alone import Alone, Ours
from tests.bench.crowd import Crowd
from tests.bench.dead import Dead
from tests.bench.history import History
from tests.bench.judging import Judged
from tests.bench.kubernetes import Discovered
from tests.bench.mix import Mix
from tests.bench.overload import Overloaded
from tests.bench.peer import Mixed, Peers
from tests.bench.rules import RuleCost
from tests.bench.traced import Traced
from tests.hostile.worst_turn import Turns


@dataclass(frozen=True, slots=True)
class Results:
    """Figures of the daemon, and of the exporter beside it."""

    ours: Ours
    peers: Peers
    alone: Sequence[Alone]
    mixes: Sequence[Mix]
    failed: Mapping[int, str]  # agents -> why there is no mix of this size
    mixed: Mixed  # the exporter, on the requests of the reference mix, each at its own moment
    mixed_together: Mixed  # the same in the batches that suit it best
    help_seconds: float
    check_seconds: float
    hostile: Turns
    traced: Traced
    history: History
    rules: Sequence[RuleCost] = ()  # a quick run measures none of these
    discovered: Sequence[Discovered] = ()  # by size; the last is the reference
    judged: Judged | None = None
    crowded: Crowd | None = None
    overloaded: Overloaded | None = None
    dead: Dead | None = None


def us(seconds: float) -> str:
    """As microseconds."""
    return f"{seconds * 1e6:,.0f}"
