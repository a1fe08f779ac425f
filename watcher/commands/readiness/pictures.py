"""What the agents of a report were judged by, as pictures: of each agent those of the pod that is worst off."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from pydantic import BaseModel, Field

from probes.controls.evidence import AgentRef
from watcher.checklist.agent_report import Report
from watcher.commands.readiness.asking import AskingError, ask
from watcher.pictures.parsed import pictured_by
from watcher.pictures.shown import PicturedAgent

MOST = 20
"""Agents of one report that have pictures: of a thousand agents these would be fifty megabytes."""

_SHOWN_IN = ("html", "markdown")


def pictured_agents(report: Report, output: str) -> Sequence[AgentRef]:
    """Those of which pictures are shown in this format."""
    return [each.ref for each in report.agents[:MOST]] if output in _SHOWN_IN else []


def with_pictures(report: Report, pictured: Mapping[AgentRef, PicturedAgent], *notes: str) -> Report:
    """The report with these, and what is to be known of them."""
    if pictured and len(report.agents) > MOST:
        notes = (*notes, f"pictures are those of the first {MOST} agents; choose others with --namespace and --agent")
    return replace(report, pictured=pictured, notes=(*report.notes, *notes))


def with_pictures_by(report: Report, given: Namespace) -> Report:
    """With what the daemon at `--url` has seen; that it cannot be had is noted, and the report is as good."""
    found = dict[AgentRef, PicturedAgent]()
    for place, ref in enumerate(pictured_agents(report, given.output)):
        try:
            pictured = _asked(ref, f"agent-{place}", given)
        except AskingError as error:
            return with_pictures(report, found, f"pictures cannot be had: {error}")
        except ValueError:
            return with_pictures(report, found, f"pictures of {ref} cannot be read: another release may write them")
        if pictured is not None:
            found[ref] = pictured
    return with_pictures(report, found)


class _Row(BaseModel):
    pod: str


class _Rows(BaseModel):
    total: int
    rows: list[_Row] = Field(max_length=1)


def _asked(ref: AgentRef, page: str, given: Namespace) -> PicturedAgent | None:
    """By the row of its worst pod; None where it has none. AskingError, ValueError."""
    query = {"namespace": ref.namespace, "agent": ref.agent, "limit": "1"}
    pods = _Rows.model_validate_json(ask(given.url, "/api/v1/fleet", query, given))
    if not pods.rows:
        return None
    pod = pods.rows[0].pod
    path = f"/api/v1/targets/{quote(ref.namespace, safe='')}/{quote(pod, safe='')}/pictures"
    return pictured_by(ask(given.url, path, {}, given), ref.agent, pod, pods.total, page)
