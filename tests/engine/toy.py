"""A toy probe and targets, for tests of what the daemon does with any probe."""

from collections.abc import Sequence
from dataclasses import dataclass

from probes.contract import (
    ConditionKind,
    Evaluation,
    EvaluationContext,
    Limits,
    Metric,
    Probe,
    Reading,
    Sample,
    Severity,
    Source,
    SourceContext,
    SourceKind,
    SourceSettings,
    Target,
    TargetKey,
    Verdict,
)

FIRE = ConditionKind(
    name="Fire", severity=Severity.CRITICAL, true_when="It burns.", all_clear="Nothing burns.", repeated=True
)
SMOKE = ConditionKind(
    name="Smoke",
    severity=Severity.WARNING,
    subject="room",
    true_when="It smokes.",
    all_clear="No smoke.",
    reasons=("White", "Black"),
)
HEAT = Metric(name="heat_celsius", help="How hot a room is.", labels=("room",))
FANNED = Metric(name="fanned_total", help="How often it was fanned.", kind="counter")


@dataclass(frozen=True, slots=True)
class History:
    """How many looks there were."""

    looks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms(Reading):
    """What a look at the toy saw."""

    verdicts: tuple[Verdict, ...] = ()
    samples: tuple[Sample, ...] = ()


def judge(reading: Rooms, history: History, _: EvaluationContext[Limits]) -> Evaluation[History]:
    """Say what the reading says."""
    return Evaluation(verdicts=reading.verdicts, samples=reading.samples, history=History(history.looks + 1))


TOY = Probe(
    name="toy",
    source="agent_metrics",
    conditions=(FIRE, SMOKE),
    limits=Limits,
    history=History,
    judge=judge,
    metrics=(HEAT, FANNED),
)


class NoSource:
    """Never asked: tests post what a look would have found."""

    async def look(self, target: Target, wants: Sequence[object]) -> Rooms:  # noqa: ARG002  the seam's own names
        """Nothing."""
        return Rooms()

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Nothing."""


def _open(_: SourceSettings, __: SourceContext) -> Source:
    return NoSource()


PAGES = SourceKind(name="agent_metrics", endpoint="metrics", settings=SourceSettings, concurrency=4, open=_open)


def target(pod: str = "pod-0", agent: str = "search", namespace: str = "prod", **parts: object) -> Target:
    """A target that the toy applies to."""
    given: dict[str, object] = {"metrics": "http://127.0.0.1:1/metrics", "limits": {"toy": Limits()}} | parts
    return Target(key=TargetKey(namespace, agent, pod), **given)  # type: ignore[arg-type]  # parts by name
