"""The snapshot of one agent: what is kept of its findings, and how it is shown again. Pure."""

import json
import zlib
from typing import Any, NamedTuple

from probes.controls.catalogue.loading import Catalogue
from probes.controls.evidence import AgentRef
from watcher.checklist.agent_report import AgentReport
from watcher.checklist.reports.json_report import agent_with_findings
from watcher.checklist.reports.standing import standing_digest

_MOST_BYTES = 64 << 20  # of one that is read, unpacked


class Snapshot(NamedTuple):
    """One agent on one day."""

    day: str  # UTC, such as 2026-11-23
    ref: AgentRef
    at: float  # Unix seconds at which it was taken
    digest: str  # of the body: of many days that are alike one is kept
    body: bytes


def snapshot(day: str, at: float, agent: AgentReport, catalogue: Catalogue) -> Snapshot:
    """When evidence was seen is left out: it goes on although nothing is another."""
    shown = agent_with_findings(agent, catalogue)
    for finding in shown["findings"]:  # type: ignore[attr-defined]
        finding["next_decided_at"] = finding["observed_pods"] = None
        finding["pods"] = {}
        for evidence in finding["evidence"]:
            evidence["observed_at"] = None
    about = {"version": catalogue.version, "digest": catalogue.digest}
    body = zlib.compress(json.dumps({"catalogue": about, "agent": shown}).encode(), level=9)
    return Snapshot(day, agent.ref, at, standing_digest(agent, agent.ref, catalogue.digest), body)


def read_body(body: bytes) -> dict[str, Any]:
    """`catalogue` and `agent` of a body; ValueError where it is none."""
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(body, _MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"a snapshot cannot be unpacked: {error}") from error
    found: dict[str, Any] = json.loads(text)
    return found
