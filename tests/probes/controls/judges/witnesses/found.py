"""The finding of an agent by what witnesses saw, with pods that had so many requests in the last hour."""

from collections.abc import Mapping

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentConfigFile, EvidenceSet, MetricsLook, Missing, Pod, Seen, Traffic
from probes.controls.finding import Finding
from probes.controls.judging import load_judges
from probes.controls.verdict.control import judge_control
from tests.probes.controls.made import AGENT, CATALOGUE, NOW, facts

HOUR = 3600.0


def pod(name: str, requests: float | None, ready_for: float = 2 * HOUR) -> Pod:
    """One that has been Ready for two hours; `requests` of the last one."""
    look = MetricsLook(200, "", frozenset(), traffic=Traffic(requests=requests))  # type: ignore[arg-type]
    found: dict[SourceName, Seen[object] | Missing] = {SourceName.AGENT_METRICS: Seen(look, NOW, f"pod/prod/{name}")}
    return Pod(name, "r", 1.0, terminating=False, ready_since=NOW - ready_for, watched_since=0.0, sources=found)


def finding(
    control: str,
    *pods: Pod,
    config: Mapping[str, object] | None = None,
    now: float = NOW,
    previous: Finding | None = None,
    **sources: Seen[object] | Missing,
) -> Finding:
    """What is found by these sources, seen at NOW; the config is empty unless given."""
    read = AgentConfigFile(config or {}, {}, "1.0.0", in_place=True)
    found: dict[SourceName, Seen[object] | Missing] = {SourceName.AGENT_CONFIG: Seen(read, NOW, "config.yaml")}
    found |= {SourceName(name): each for name, each in sources.items()}
    evidence = EvidenceSet(AGENT, found, {each.name: each for each in pods})
    made = judge_control(CATALOGUE.by_id[control], evidence, facts(now), load_judges(), (), previous)
    if made.state == "unknown":
        assert made.reason in CATALOGUE.by_id[control].unknown_reasons, made
    return made


def said(made: Finding) -> str:
    """State, reason and message."""
    return f"{f'{made.state} {made.reason}'.strip()}: {made.message}"
