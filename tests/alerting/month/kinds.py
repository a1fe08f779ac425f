"""What simulated agents are made of, and what may ail them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from probes.readings.decision import Actual

START = 1_795_392_000.0
"""Monday, 23 November 2026, midnight in UTC: Unix seconds."""

TRUST_DOMAIN = "example.org"
CANARY = "insider"
"""The one canary beside the built-in ones; it must be allowed."""

CPU_LIMIT = 2.0
POOL, POOL_CAPACITY = "outbound", 100


PEAKS = {
    "flat": 1.0,
    "warm-up, sawtooth": 1.15,
    "malloc ratchet": 1.2,
    "GC sawtooth": 1.3,
    "one step": 1.3,
    "daily ±15 %, sawtooth": 1.3,
    "weekdays, rhythm": 1.3,
    "daily ±30 %, sawtooth": 1.45,
    "rare full GC": 1.5,
    "working hours": 1.5,
    "three steps, sawtooth": 1.8,
    "cache fills, sawtooth": 2.1,
}
"""The most that a process of a shape of tests.drift usually holds, in sizes at its start."""


@dataclass(frozen=True, slots=True)
class Kind:
    """An agent by its spec."""

    namespace: str
    agent: str
    pods: int
    memory: str  # a shape of tests.drift
    callees: tuple[str, ...] = ()  # agents by `name`
    busy_pods: int = 0  # in working hours
    summary: bool = False  # says how long requests take by a summary, not by a histogram
    discovered: bool = False  # its addresses were inferred, not given

    def __post_init__(self) -> None:
        """No rush hours: as many pods as always."""
        object.__setattr__(self, "busy_pods", self.busy_pods or self.pods)

    @property
    def name(self) -> str:
        """Unique in the fleet; the agent's own name is not."""
        return f"{self.namespace}/{self.agent}"

    @property
    def memory_limit(self) -> float:
        """In sizes of the process at its start: twice what it usually needs at most."""
        return 2 * PEAKS[self.memory]


KINDS = (
    Kind("prod", "gateway", 4, "working hours", ("prod/search", "prod/orders"), discovered=True),
    Kind("prod", "search", 2, "daily ±15 %, sawtooth", ("ml/ranker",), busy_pods=3, discovered=True),
    Kind("prod", "orders", 2, "GC sawtooth", ("prod/billing",), summary=True, discovered=True),
    Kind("prod", "billing", 2, "rare full GC", discovered=True),
    Kind("ml", "ranker", 3, "cache fills, sawtooth", ("ml/embed",)),
    Kind("ml", "embed", 2, "warm-up, sawtooth", busy_pods=3),
    Kind("ml", "vision", 2, "daily ±30 %, sawtooth", ("ml/embed",), summary=True),
    Kind("ml", "planner", 2, "malloc ratchet", ("ml/ranker", "ml/vision")),
    Kind("staging", "search", 2, "one step", ("staging/ranker",)),
    Kind("staging", "ranker", 2, "weekdays, rhythm", summary=True),
    Kind("staging", "guard", 2, "flat"),
    Kind("staging", "gateway", 2, "three steps, sawtooth", ("staging/search", "staging/guard")),
)
"""A dozen agents in three namespaces, 27 pods by night and 29 by day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ills:
    """What is wrong with an agent; all of its pods have it, where nothing else is said."""

    refuses: frozenset[str] = frozenset()  # sources
    page_fails: bool = False
    byte_order_mark: bool = False  # at the beginning of its page
    plaintext: bool = False
    keeps_svid: bool = False
    stranger: bool = False  # its SVID is signed by an authority that is in no bundle
    identity: str = ""  # that of somebody else
    answers: Mapping[str, Actual] = field(default_factory=dict)  # canary -> what OPA decides
    decision_seconds: float = 0.0
    keeps_bundle: bool = False  # it cannot be fetched
    keeps_revision: bool = False  # the OPA of its first pod
    breaker_open: bool = False
    breaker_flaps: bool = False
    memory: float = 0.0  # held, as a share of the limit
    leak: float = 0.0  # sizes at the start, in an hour
    pool: float = 0.0  # in use, as a share of the capacity
    pool_rise: float = 0.0  # shares of the capacity in a minute, from 0.4 on
    failing: float = 0.0  # share of its requests
    slow: float = 0.0  # share of its requests
    cpu: float = 0.0  # in use, as a share of the limit


WELL = Ills()
