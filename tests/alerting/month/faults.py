"""One fault of each kind, what it must page, and what is true as well while it lasts."""

from collections.abc import Iterator
from dataclasses import dataclass

from probes.readings.decision import Actual
from tests.alerting.month.fleet import Later
from tests.alerting.month.kinds import CANARY, Ills

_MINUTE, _HOUR = 60.0, 60.0  # seconds, minutes
_UNDEFINED = dict.fromkeys(("foreign-caller", "empty-input", CANARY), Actual.UNDEFINED)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong, and is mended."""

    words: str
    alert: str  # without AgentWeave; exactly one must fire, once
    minutes: float  # until it is mended
    ills: Ills | None = None  # of one agent; None: of all, or of the watcher
    of: str = ""  # the condition, where the alert has a label for it and is of all
    also: tuple[str, ...] = ()  # alerts of the same agent, or of all, that may fire, for they are true
    begins: tuple[tuple[float, str, tuple[object, ...]], ...] = ()  # minute, and what happens then to the fleet
    after: float = 20.0  # minutes until all must be resolved
    pods: int = 2  # that the agent must have
    on: str = ""  # this agent, at a time at which it is not deployed: whose memory is flat otherwise

    @property
    def is_slow(self) -> bool:
        """Whether it takes hours to show."""
        return self.minutes > 4 * _HOUR

    def events(self, at: float, agent: str) -> Iterator[Later]:
        """What happens, where it begins at this time, to this agent."""
        end = at + self.minutes * _MINUTE
        if self.ills is not None:
            yield Later(at, "fall_ill", (agent, self.ills))
            yield Later(end, "get_well", (agent,))
        for minute, what, of in self.begins:
            yield Later(at + minute * _MINUTE, what, tuple(agent if each == AGENT else each for each in of))


AGENT = "the agent"
_SVID = ("SVIDRotationOverdue", "SVIDExpiryImminent", "SVIDExpired")

FAULTS = (
    Fault(
        words="its mTLS port refuses", alert="AgentUnreachable", minutes=15, ills=Ills(refuses=frozenset({"handshake"}))
    ),
    Fault(words="its mTLS port speaks HTTP", alert="TLSMissing", minutes=15, ills=Ills(plaintext=True)),
    Fault(words="its SVID is not rotated for 49 min", alert=_SVID[0], minutes=49, ills=Ills(keeps_svid=True)),
    Fault(words="for 55 min", alert=_SVID[1], minutes=55, ills=Ills(keeps_svid=True), also=_SVID[:1]),
    Fault(words="for 70 min", alert=_SVID[2], minutes=70, ills=Ills(keeps_svid=True), also=_SVID[:2]),
    Fault(words="its SVID is a stranger's", alert="SVIDNotTrusted", minutes=15, ills=Ills(stranger=True)),
    Fault(
        words="it serves the SVID of another agent",
        alert="SVIDWrongIdentity",
        minutes=15,
        ills=Ills(identity="spiffe://example.org/prod/nobody"),
    ),
    Fault(words="its OPA refuses", alert="OPAUnreachable", minutes=15, ills=Ills(refuses=frozenset({"opa"}))),
    Fault(
        words="its policy allows a foreigner",
        alert="OPAWrongAllow",
        minutes=15,
        ills=Ills(answers={"foreign-caller": Actual.ALLOW}),
    ),
    Fault(
        words="its policy denies its own callers",
        alert="OPAWrongDeny",
        minutes=15,
        ills=Ills(answers={CANARY: Actual.DENY}),
    ),
    Fault(words="its policy is gone", alert="OPAPolicyMissing", minutes=15, ills=Ills(answers=_UNDEFINED)),
    Fault(
        words="its policy has no default",
        alert="OPADefaultMissing",
        minutes=30,
        ills=Ills(answers={"foreign-caller": Actual.UNDEFINED}),
    ),
    Fault(
        words="its policy cannot be evaluated",
        alert="OPADecisionError",
        minutes=15,
        ills=Ills(answers=dict.fromkeys(_UNDEFINED, Actual.ERROR)),
    ),
    Fault(words="its bundle cannot be fetched", alert="OPABundleStale", minutes=40, ills=Ills(keeps_bundle=True)),
    Fault(
        words="one of its OPAs keeps an old revision",
        alert="OPARevisionSkew",
        minutes=40,
        ills=Ills(keeps_revision=True),
        begins=((0.1, "publish", ()),),
        pods=4,
    ),
    Fault(words="its OPA takes 150 ms", alert="OPADecisionSlow", minutes=30, ills=Ills(decision_seconds=0.15)),
    Fault(words="a circuit breaker opens", alert="CircuitBreakerOpen", minutes=15, ills=Ills(breaker_open=True)),
    Fault(
        words="a circuit breaker opens every 90 s",
        alert="CircuitBreakerFlapping",
        minutes=30,
        ills=Ills(breaker_flaps=True),
        after=45,
    ),
    Fault(words="its memory is at 95 % of the limit", alert="MemoryHigh", minutes=20, ills=Ills(memory=0.95)),
    Fault(
        words="a new version leaks 1.5 % an hour",
        alert="MemoryDrift",
        minutes=31 * 60,
        ills=Ills(leak=0.015),
        on="staging/guard",
    ),
    Fault(
        words="a new version leaks 10 % an hour",
        alert="MemoryExhaustionPredicted",
        minutes=5 * 60,
        ills=Ills(leak=0.10),
        on="staging/guard",
    ),
    Fault(words="its pool is at 90 %", alert="PoolSaturated", minutes=20, ills=Ills(pool=0.9)),
    Fault(words="its pool is full", alert="PoolExhausted", minutes=20, ills=Ills(pool=1.0), also=("PoolSaturated",)),
    Fault(
        words="its pool fills by 1 % a minute", alert="PoolExhaustionPredicted", minutes=44, ills=Ills(pool_rise=0.01)
    ),
    Fault(words="a fifth of its requests fail", alert="ErrorRateHigh", minutes=25, ills=Ills(failing=0.2)),
    Fault(words="a third of its requests are slow", alert="LatencyHigh", minutes=25, ills=Ills(slow=0.3)),
    Fault(words="it uses 97 % of its CPU", alert="CPUHigh", minutes=25, ills=Ills(cpu=0.97)),
    Fault(words="its metrics page answers 500", alert="MetricsUnavailable", minutes=20, ills=Ills(page_fails=True)),
    Fault(
        words="its page begins with a byte order mark",
        alert="MetricsNonconformant",
        minutes=90,
        ills=Ills(byte_order_mark=True),
        after=75,
    ),
    Fault(
        words="its process restarts every 4 min",
        alert="AgentRestarting",
        minutes=28,
        ills=Ills(),
        begins=tuple((4.0 * number, "restart", (AGENT, 0, 4.0)) for number in range(1, 8)),
        after=45,
    ),
    Fault(
        words="SPIRE stops for all, for half an hour",
        alert="FleetWide",
        of="SVIDRotationOverdue",
        minutes=30,
        begins=((0.0, "stop_spire", ()), (30.0, "start_spire", ())),
        also=("FleetWide", *_SVID),
        after=30,
    ),
    Fault(
        words="the watcher reaches nothing", alert="WatcherIsolated", minutes=5, begins=((0.0, "cut_off", (300.0,)),)
    ),
    Fault(words="the watcher is away", alert="WatcherDown", minutes=10, begins=((0.0, "stop_watcher", (600.0,)),)),
    Fault(
        words="its OPA refuses, and the watcher is away meanwhile",
        alert="OPAUnreachable",
        minutes=30,
        ills=Ills(refuses=frozenset({"opa"})),
        begins=((8.0, "stop_watcher", (600.0,)),),
        also=("WatcherDown",),
    ),
)
"""Every condition, in the order of the probes, and four of many agents or of the watcher."""
