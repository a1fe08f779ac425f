"""What is known of each condition, for `explain` and for `docs/conditions.md`: its own constants, in sentences."""

from collections.abc import Iterator
from typing import NamedTuple

from probes import AnyProbe, load_probes
from probes.contract import ConditionKind


class ConditionFacts(NamedTuple):
    """One condition and the probe that judges it."""

    probe: AnyProbe
    kind: ConditionKind

    @property
    def alert(self) -> str:
        """The name of its alert, and of its runbook."""
        return f"AgentWeave{self.kind.name}"

    def lines(self) -> Iterator[tuple[str, str]]:
        """Its facts: what each is, and a sentence."""
        kind = self.kind
        yield "Failing when", kind.true_when
        yield "Passing means", kind.all_clear
        yield "Severity", "critical: pages now" if kind.severity == "critical" else "warning: for working hours"
        yield "Probe", f"{self.probe.name}, from {_SOURCES.get(self.probe.source, self.probe.source)}"
        if kind.subject:
            yield "One for each", kind.subject
        if kind.reasons:
            yield "Reasons", ", ".join(kind.reasons)
        yield "Probe results in a row", f"probes.{self.probe.name}.failures" if kind.repeated else "one"
        if window := kind.window.said:
            yield "Needs history", f"up to {window}; until then it is unknown, reason WarmingUp"
        if kind.needs:
            yield "Applies where the target has", ", ".join(kind.needs)


_SOURCES = {
    "handshake": "the TLS handshake (handshake)",
    "opa": "the agent's OPA (opa)",
    "agent_metrics": "the metrics endpoint (agent_metrics)",
}


def every_condition() -> list[ConditionFacts]:
    """All of them, in the order of the probes."""
    return [ConditionFacts(probe, kind) for probe in load_probes() for kind in probe.conditions]
