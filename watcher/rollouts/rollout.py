"""What is known of one rollout of an agent, and whether it is verified. Frozen values, and pure.

All times are Unix seconds. A rollout is replaced by a newer value of itself as more is known; what was decided stays.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal, NamedTuple

from watcher.rollouts.terms import OUTSIDE_THE_GATE, LineName, LineState, Outcome, Phase, Undecided, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What an agent runs: its own container's image and the content of its mounted config."""

    image: str  # the digest, `sha256:...`; the reference as it is written where no pod has told its digest
    config: str = ""  # `sha256:...` of the content; empty where none is mounted or it cannot be read
    reference: str = ""  # of the image as the pod has it, such as `registry/search:2.1`; said by a stranger
    templates: tuple[str, ...] = ()  # what the cluster calls it: template hashes, the newest last

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits, the same for the same image and config."""
        return sha256(f"{self.image}\n{self.config}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line in one window."""

    window: Window
    name: LineName
    state: LineState = LineState.UNDECIDED
    reason: str = Undecided.SETTLING  # of one that is undecided; of one that fails a word; else empty
    message: str = ""  # a sentence
    decided_at: float | None = None  # when it passed or failed; it does not change after that
    evidence: tuple[str, ...] = ()  # what was seen, a sentence each
    conditions: tuple[str, ...] = ()  # names of the conditions that made it fail
    lacks: str = ""  # of one that only lacks traffic: what there was, such as `12 requests`


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A condition that became true on a pod of the new revision."""

    condition: str
    pod: str
    at: float
    subject: str = ""
    resolved_at: float | None = None


class Period(NamedTuple):
    """A stretch of time."""

    began: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """Pods of the new revision."""

    wanted: int | None = None  # how many the workload asks for in all; None where that cannot be read
    updated: int = 0
    ready: int = 0
    old: int = 0  # that run another revision beside them


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One rollout of an agent."""

    namespace: str
    agent: str
    revision: Revision
    began_at: float  # its first pod was made
    before: Revision | None = None  # what ran before it; None for a first deployment, or where nobody saw it
    is_first: bool = False  # nothing ran before it: judged by limits alone
    verified_before: str = ""  # the id of the last verified revision, which is what to go back to
    workload: str = ""  # as kubectl takes it, such as `deployment/search`
    managed_by: str = ""  # who owns the workload: `Argo CD`, `Flux`, `Helm`; empty where nobody says so
    pods: Pods = field(default_factory=Pods)
    ready_at: float | None = None  # when the last of its pods was Ready: from here on the later windows count
    is_canary: bool = False
    is_paused: bool = False
    stuck: str = ""  # why it makes no progress, a sentence
    ended_at: float | None = None  # when another revision came in its place
    end: Literal["", "rolled_back", "superseded"] = ""
    ended_by: str = ""  # the id of that revision
    previous_healthy_at: float | None = None  # of one that was rolled back: the revision before was all Ready again
    lines: tuple[Line, ...] = ()
    baseline: str = ""  # what it was compared with, a sentence
    fired: tuple[Fired, ...] = ()  # the oldest first
    claimed: Mapping[str, str] = field(default_factory=dict)
    """What annotations claim, by `engineer`, `approved-by`, `version`, `notes`, `change-cause`; printable and cut."""
    notes: tuple[str, ...] = ()  # what else is to be known, a sentence each, such as a sidecar that changed
    unseen: tuple[Period, ...] = ()  # when the watcher was away
    when_undecided: Literal["limits_only", "wait"] = "limits_only"

    def of(self, window: Window) -> tuple[Line, ...]:
        """Its lines of one window, in the checklist's order."""
        return tuple(each for each in self.lines if each.window is window)

    def until(self, window: Window) -> Iterator[Line]:
        """Those that a verdict until this window rests on."""
        reached = list(Window)[: list(Window).index(window) + 1]
        return (each for each in self.lines if each.window in reached and each.name not in OUTSIDE_THE_GATE)

    @property
    def failed(self) -> tuple[Line, ...]:
        """The lines that failed."""
        return tuple(each for each in self.lines if each.state is LineState.FAIL)

    @property
    def still_fails(self) -> bool:
        """Whether it serves, and what failed still does: a line that names no condition of pods does until it ends."""
        over = {each.condition for each in self.fired if each.resolved_at is not None}
        over -= {each.condition for each in self.fired if each.resolved_at is None}
        lasting = (each for each in self.failed if not each.conditions or not over.issuperset(each.conditions))
        return not self.end and self.pods.ready > 0 and any(lasting)

    @property
    def phase(self) -> Phase:
        """How far it is."""
        if self.end == "superseded" and verdict(self, Window.LONG).outcome is Outcome.VERIFIED:
            return Phase.VERIFIED
        if self.end:
            return Phase(self.end)
        if self.failed:
            return Phase.FAILED
        if self.ready_at is None or not self.lines:
            return Phase.CANARY if self.is_canary else Phase.PROGRESSING
        for window, phase in _PHASES.items():
            if any(_is_settling(each) for each in self.of(window) if each.name not in OUTSIDE_THE_GATE):
                return Phase.CANARY if self.is_canary else phase
        verified = verdict(self, Window.LONG).outcome is Outcome.VERIFIED
        return Phase.VERIFIED if verified else Phase.UNDECIDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a rollout is verified until a window."""

    outcome: Outcome
    until: Window
    why: str  # a sentence
    lines: tuple[Line, ...]  # that it rests on
    verified_without: tuple[str, ...] = ()  # such as `error rate: 12 requests`


def verdict(rollout: Rollout, until: Window) -> Verdict:
    """What is decided until the end of this window.

    1. A line that failed, or a rollout that was taken back: failed.
    2. All passed: verified. What only lacks traffic is left out, and said, unless the config says to wait for it.
    3. The watcher was impaired: unable. Else undecided, also for good where another revision came too soon.
    """
    lines = tuple(rollout.until(until))
    failed = [each for each in lines if each.state is LineState.FAIL]
    if failed or rollout.end == "rolled_back":
        why = "; ".join(f"{each.name}: {each.message or each.reason}" for each in failed) or "It was rolled back."
        return Verdict(outcome=Outcome.FAILED, until=until, why=why, lines=lines)
    is_left_out = rollout.when_undecided == "limits_only"
    left_out = [each for each in lines if is_left_out and lacks_traffic(each)]
    waiting = [each for each in lines if each.state is LineState.UNDECIDED and each not in left_out]
    if lines and not waiting:
        without = tuple(f"{each.name.lower().removesuffix(' normal')}: {each.lacks}" for each in left_out)
        why = f"Verified without {', '.join(without)}." if without else "All lines passed."
        return Verdict(outcome=Outcome.VERIFIED, until=until, why=why, lines=lines, verified_without=without)
    impaired = any(each.reason == Undecided.WATCHER_IMPAIRED for each in waiting)
    outcome = Outcome.UNABLE if impaired else Outcome.UNDECIDED
    return Verdict(outcome=outcome, until=until, why=_why(rollout, waiting), lines=lines)


def lacks_traffic(line: Line) -> bool:
    """Whether it is undecided for nothing else than too few requests, after its window."""
    return line.state is LineState.UNDECIDED and line.reason == Undecided.NO_DATA and bool(line.lacks)


def _why(rollout: Rollout, waiting: Sequence[Line]) -> str:
    if rollout.end:
        return "Another revision came before it was decided."
    named = ", ".join(f"{each.name} ({each.reason})" for each in waiting)
    return f"Not decided: {named}." if named else "Nothing is decided yet."


def _is_settling(line: Line) -> bool:
    return line.state is LineState.UNDECIDED and line.reason == Undecided.SETTLING


_PHASES = {Window.IMMEDIATE: Phase.IMMEDIATE, Window.SHORT: Phase.SHORT_TERM, Window.LONG: Phase.LONG_TERM}
