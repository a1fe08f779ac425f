"""Why is a condition unknown, and what can be done about it? In two sentences for each reason; runbooks say more."""

from typing import NamedTuple
from urllib.parse import urlencode

from probes.contract import TargetKey, Unknown


class Help(NamedTuple):
    """What a reason means, and what to do."""

    why: str
    what_to_do: str


HELP = {
    Unknown.WARMING_UP: Help(
        "It needs more history, or one more probe result, before it can be judged.",
        "Wait: the message says what is missing, and the state says until when.",
    ),
    Unknown.HISTORY_INTERRUPTED: Help(
        "Its history is interrupted again and again, so there is never enough of it.",
        "Find out why the agent restarts, or why its counters are reset.",
    ),
    Unknown.NOT_HELD_YET: Help(
        "One probe result cannot show for how long this has been so.",
        "Ask the running watcher: a check by hand has no history.",
    ),
    Unknown.NEVER_REACHED: Help(
        "Nothing ever answered at this address.",
        "Let the watcher through the network policy, or correct the address or port.",
    ),
    Unknown.SOURCE_FAILED: Help(
        "The probe failed; another condition of the same probe result says why.",
        "Start with that condition: this one is judged again once the probe succeeds.",
    ),
    Unknown.SIGNAL_ABSENT: Help(
        "The metrics endpoint does not have the metric that this needs.",
        "Have the agent export it, add its name to sources.agent_metrics.dialects, or set when_absent: ignore.",
    ),
    Unknown.FACT_UNKNOWN: Help(
        "A fact about the target that this needs could not be discovered.",
        "See the discovery problems of the target; when_absent: ignore leaves the condition out.",
    ),
    Unknown.MALFORMED: Help(
        "What the agent or its OPA answered cannot be read.",
        "See the evidence of the last probe results, and fix what the agent or its OPA answers.",
    ),
    Unknown.UNAUTHORIZED: Help(
        "The watcher is not allowed to ask (401 or 403).",
        "Give the watcher a token (bearer_token_file), or let it ask without one.",
    ),
    Unknown.NO_TRUST_BUNDLE: Help(
        "The watcher has no confirmed trust bundle to verify certificates against.",
        "Check the watcher's identity section and its SPIRE agent.",
    ),
    Unknown.STALE: Help(
        "The newest probe result is older than three intervals.",
        "Check whether the watcher is overloaded: /metrics has schedule_lag_seconds and schedule_skipped_total.",
    ),
    Unknown.WATCHER_IMPAIRED: Help(
        "The watcher itself is impaired, so silence says nothing about the agent.",
        "Fix the watcher first: the top of the fleet page says what impairs it.",
    ),
    Unknown.PROBE_ERROR: Help(
        "The probe raised an error on this result: this is a bug of the watcher.",
        "Report it with the line of the watcher's log that names the probe.",
    ),
}

_RUNBOOKS = {Unknown.FACT_UNKNOWN: "AgentWeaveTargetProblems"}
_WITHOUT = (Unknown.WARMING_UP, Unknown.NOT_HELD_YET)  # they end by themselves: no runbook has a step for them


def help_of(reason: str) -> Help | None:
    """What is known of a reason; None where it is none of an unknown condition."""
    return HELP.get(Unknown(reason)) if reason in tuple(Unknown) else None


def runbook_step(reason: str, probe: str, key: TargetKey) -> str:
    """The link to the step of a runbook, filled in; empty where there is none."""
    if reason not in tuple(Unknown) or reason in _WITHOUT:
        return ""
    name = _RUNBOOKS.get(Unknown(reason), "AgentWeaveVerdictUnknown")
    query = urlencode({**key._asdict(), "probe": probe, "reason": reason}, errors="replace")
    return f"/runbooks/{name}?{query}#{reason}"
