"""Whether what is written of an agent says the same still: sentences and dates of evidence go on, and are no news."""

import hashlib
import json

from watcher.checklist.agent_report import AgentReport
from watcher.checklist.reports.wording import record_properties


def standing_digest(agent: AgentReport, *beside: object) -> str:
    """Of all that makes it worth while to write it again; `beside`: what JSON can hold and belongs to it too."""
    told = [
        (each.control, each.state, each.underlying, each.reason, round(each.since), record_properties(each))
        for each in agent.leaves
    ]
    whole = [told, sorted(agent.required), agent.profile, agent.readiness.verdict, beside]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:32]
