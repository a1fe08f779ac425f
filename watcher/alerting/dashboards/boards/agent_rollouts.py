"""Rollouts of one agent, and when they were."""

from watcher.alerting.dashboards.board import Annotation
from watcher.alerting.dashboards.panels import Asked, row, timeline
from watcher.alerting.dashboards.queries import noted, ours, series, while_watched
from watcher.alerting.dashboards.tables import table
from watcher.alerting.rules.core import AGENT, INSTALLATION

_UNDER_WAY = 'phase=~"progressing|canary|immediate|short_term"'
_INFO = f"max by ({AGENT}, revision, phase) ({ours('rollout_info')})"
_BEGAN = f"max by ({AGENT}) ({ours('rollout_started_timestamp_seconds')})"
_FAILING = f"max by ({AGENT}) ({ours('rollout_failing')})"

ROLLOUTS = (
    row("Rollouts"),
    table(
        "Newest rollout",
        "How far it is, and of one that failed whether it still does harm (1). Its page says which line failed, and "
        "how to roll back.",
        "namespace agent revision phase",
        {"": noted(_INFO), "since": f"{_BEGAN} * 1000", "failing": _FAILING},
        sort="agent",
        runbook="AgentWeaveRolloutFailed",
    ),
    timeline(
        "Verdict of the newest rollout",
        "Until each window; a new rollout begins undecided.",
        [Asked(while_watched(f"min by ({INSTALLATION}, until) ({ours('rollout_verdict')})"), "until {{until}}")],
        {"0": ("failed", "red"), "0.5": ("undecided", "yellow"), "1": ("verified", "green")},
        size=(12, 9),
    ),
)

UNDER_WAY = Annotation(
    "Rollouts",
    f"max by ({AGENT}, revision) ({ours('rollout_info', _UNDER_WAY)})",
    "blue",
    "Rollout of {{agent}}",
    "revision {{revision}}",
)
"""From the first pod to the end of the first hour."""

FAILED = Annotation(
    "Failed rollouts",
    f"max by ({AGENT}, revision) ({series('agentweave:rollout:failed')}) >= bool 0",
    "red",
    "Failed rollout of {{agent}}",
    "revision {{revision}}",
)
