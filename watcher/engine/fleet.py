"""What is known of all targets together, and what all looks share."""

from dataclasses import dataclass, field

from watcher.engine.clocks.peer_clocks import PeerClocks
from watcher.engine.costs import Costs
from watcher.engine.isolation import Isolation
from watcher.engine.majority import VoteCounter
from watcher.runtime.cooperative import Gate
from watcher.runtime.descriptors import Descriptors
from watcher.runtime.judging_queue import JudgingQueue
from watcher.runtime.loop_lag import LoopLag


@dataclass(frozen=True, slots=True)
class Fleet:
    """One of it for all lookers; a judge is handed what it may use of it."""

    vote_counter: VoteCounter
    isolation: Isolation
    lag: LoopLag
    peer_clocks: PeerClocks
    descriptors: Descriptors | None = None  # of the process; None where nobody divides them
    costs: Costs = field(default_factory=Costs)
    gate: Gate = field(default_factory=Gate)
    judging: JudgingQueue = field(default_factory=JudgingQueue)
