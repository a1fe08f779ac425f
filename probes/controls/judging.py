"""Judges of controls: what each says of the evidence. They never form a verdict; `verdict.py` does.

A judge is a pure function in a module of `judges/`, found there: adding one edits nothing else.
`@judge("deployment.resources.cpu-limits", of=[SourceName.KUBERNETES_OBJECT])` registers it for a control and for the
sources whose evidence it speaks of; several judges share a control when each speaks of its own sources.
A judge is asked whenever one of its sources was seen. It is silent on what it has nothing to say of.
"""

import importlib
import pkgutil
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TypeVar

from probes.controls.catalogue.control import (
    Assurance,
    Control,
    FactKey,
    SourceName,
    UnknownReason,
)
from probes.controls.evidence import EvidenceSet, Missing
from probes.controls.sdk.facts import SdkFacts

T = TypeVar("T")


class Says(Enum):
    """What a piece of evidence shows."""

    GOOD = "good"
    BAD = "bad"
    UNCLEAR = "unclear"


# Names of members: to look one up at its Enum takes ten times as long, and it is asked of each statement.
_UNCLEAR = Says.UNCLEAR


@dataclass(frozen=True, slots=True)
class Statement:
    """What one source shows of one control.

    GOOD from evidence that cannot prove a pass is a config that says yes: it makes DeclaredNotObserved or DeclaredOnly
    of what else is known. UNCLEAR keeps the control from passing, for `reason`; of evidence that can only refute, it
    does so for Forbidden, Unreachable, Stale and Unparseable alone.
    """

    source: SourceName
    says: Says
    message: str  # one sentence, without the pod's name, 200 characters at most, never a secret
    ref: str = ""  # where exactly, such as `config.yaml:12`; "": where the source was seen
    observed_at: float | None = None  # Unix seconds; None: when the source was seen
    pod: str = ""  # whose it is, where it was seen of single pods
    reason: UnknownReason | None = None  # of UNCLEAR, and of nothing else
    assurance: Assurance | None = None  # where it is less than the control's evidence has, such as a default of the SDK
    next_at: float | None = None  # of Observing and Settling: Unix seconds when it can be decided
    at_once: bool = False  # of BAD that was probed: one look is enough, as for a wrong allow or a date

    def __post_init__(self) -> None:
        """An unclear statement has a reason, another one has none."""
        if (self.says is _UNCLEAR) != (self.reason is not None):
            raise ValueError(f"a statement is unclear for a reason, or has none: {self.message}")


@dataclass(frozen=True, slots=True)
class Facts:
    """What judges may know beside evidence: what the operator says, facts of the SDK, and the time."""

    now: float  # Unix seconds
    sdk: SdkFacts
    environment: str = "production"
    trust_domains: tuple[str, ...] = ()  # that are right here; empty: the operator gave no list
    secret_readers: tuple[str, ...] = ()  # who may read secrets besides agents, patterns
    agent_accounts: frozenset[str] = frozenset()  # the users' names of the service accounts of agents
    unsure_accounts: frozenset[str] = frozenset()  # maybe of agents too; `...:prod:*` any of a namespace, `...:*` any
    container_roles: Mapping[str, str] = field(default_factory=dict)  # name -> `sidecar`: injected, not the team's


Judge = Callable[[Control, EvidenceSet, Facts], Iterable[Statement]]
FactJudge = Callable[[EvidenceSet, Facts], "bool | Missing"]


@dataclass(frozen=True, slots=True)
class Raised:
    """A judge failed: what it was and where. Never what it said, which may hold a secret."""

    what: str  # `ValueError in secrets.py:41`


def asked(question: Callable[[], T]) -> T | Raised:
    """The answer of a judge, or that it raised: that costs one finding."""
    try:
        return question()
    except Exception as raised:  # noqa: BLE001  the boundary: whatever a judge does must not end the others
        frame = traceback.extract_tb(raised.__traceback__)[-1]
        return Raised(f"{type(raised).__name__} in {Path(frame.filename).name}:{frame.lineno}")


@dataclass(frozen=True, slots=True)
class RegisteredJudge:
    """A judge and the sources that it speaks of."""

    judge: Judge
    sources: frozenset[SourceName]
    reads_record: bool = False  # it is handed the record in force too, as source `record`


@dataclass(frozen=True, slots=True)
class Judges:
    """All judges by control, and all judges of facts."""

    controls: Mapping[str, tuple[RegisteredJudge, ...]]
    facts: Mapping[FactKey, FactJudge]


class Registry:
    """Judges as they are registered."""

    def __init__(self) -> None:
        self._judges: dict[str, tuple[RegisteredJudge, ...]] = {}
        self._facts: dict[FactKey, FactJudge] = {}

    def judge(self, *controls: str, of: Iterable[SourceName], reads_record: bool = False) -> Callable[[Judge], Judge]:
        """Register a judge of these controls; ValueError where another one speaks of the same evidence.

        `reads_record`: what the record in force says is compared with what is seen.
        """
        sources = frozenset(of)

        def register(function: Judge) -> Judge:
            for control in controls:
                there = self._judges.get(control, ())
                if any(sources & other.sources for other in there):
                    raise ValueError(f"{control}: two judges speak of the same source")
                self._judges[control] = (*there, RegisteredJudge(function, sources, reads_record))
            return function

        return register

    def fact(self, key: FactKey) -> Callable[[FactJudge], FactJudge]:
        """Register who proves whether a fact holds: True, False, or why that is not known."""

        def register(function: FactJudge) -> FactJudge:
            if key in self._facts:
                raise ValueError(f"{key}: two judges of the same fact")
            self._facts[key] = function
            return function

        return register

    def found(self) -> Judges:
        """All that are registered."""
        return Judges(dict(self._judges), dict(self._facts))


_REGISTRY = Registry()
judge, fact = _REGISTRY.judge, _REGISTRY.fact


@cache
def load_judges(*only: str) -> Judges:
    """Import each module of `judges/`, so that what it has is registered.

    `only`: modules and packages of it that are enough, for a command that must be fast; others may be there too.
    """
    for name in only or ("",):
        found = importlib.import_module(f"probes.controls.judges.{name}".rstrip("."))
        for module in pkgutil.walk_packages(getattr(found, "__path__", ()), f"{found.__name__}."):
            importlib.import_module(module.name)
    return _REGISTRY.found()


def strangers(judges: Judges, controls: Mapping[str, Control]) -> list[str]:
    """Judges of what the catalogue does not have, a sentence each: a misspelt id would never be asked."""
    found: list[str] = []
    for name, registered in judges.controls.items():
        if name not in controls:
            found.append(f"{name}: a judge of what is no control")
            continue
        known = {spec.source for spec in controls[name].evidence}
        spoken = {source for each in registered for source in each.sources}
        found += [f"{name}: a judge of {source}, from which it is not judged" for source in sorted(spoken - known)]
    return found
