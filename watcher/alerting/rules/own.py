"""What the watcher tells of itself: is it there, and does it look."""

import json
from collections.abc import Iterable

from watcher.alerting.rules.core import INSTALLATION, INSTANCE, LED, REMEMBERED, SHARDS_MISSING, STALLED_AFTER
from watcher.alerting.rules.descriptions import Alert

_WATCHER = "agentweave-watcher"
_COUNT = '{{ printf "%.0f" $value }}'
_PODS = "`kubectl get pods -A -o wide -l app.kubernetes.io/component=watcher`"
"""The page of a watcher that is down opens for nobody: its alerts say themselves what to run first."""

LOOKED_BACK = f"""\
(
  group by ({INSTALLATION}) (last_over_time(agentweave_watcher_build_info[{REMEMBERED}]))
    unless on ({INSTALLATION}) agentweave_watcher_build_info
  or
  absent_over_time(agentweave_watcher_build_info[{REMEMBERED}])
)"""
"""Who is gone, where nobody said who should be there: of a watcher that is gone for a day nothing is known any more."""


def named(jobs: Iterable[str]) -> str:
    """Which of these jobs is gone, for as long as it is."""
    told = (f"absent(agentweave_watcher_build_info{{job={json.dumps(job, ensure_ascii=False)}}})" for job in jobs)
    return "(\n  " + "\n  or\n  ".join(told) + "\n)"


DOWN = Alert(
    name="AgentWeaveWatcherDown",
    comment="""\
Who is gone is known for a day from what was there: the chart and `rules export --job` name the job instead, and
then it is down for as long as it is gone.""",
    expression=f"{LOOKED_BACK}\nor\n{SHARDS_MISSING}",
    held="3m",
    severity="critical",
    component="watcher",
    summary="The AgentWeave watcher is down, or a part of it.",
    description=(
        "{{ with query (printf `sum(agentweave_watcher_active{cluster=%[1]q,job=%[2]q})"
        " / max(agentweave_watcher_shards{cluster=%[1]q,job=%[2]q})` $labels.cluster $labels.job) -}} "
        "{{ . | first | value | humanizePercentage }} of the watcher's shards look at their agents; "
        "the agents of the others are not watched. "
        "{{- else -}} "
        "Prometheus has no series of the watcher{{ with $labels.job }} {{ . }}{{ end }}, so none of its agents is "
        "watched. {{- end }} "
        f"Alerts that were firing stay until it is back. First see {_PODS}, then why, by "
        "`kubectl describe pods -A -l app.kubernetes.io/component=watcher`."
    ),
    was="The AgentWeave watcher was down, or a part of it.",
    dashboard=_WATCHER,
)

STALLED = Alert(
    name="AgentWeaveWatcherStalled",
    expression=f"""\
time() - max by ({INSTANCE}, pod) (
  agentweave_watcher_heartbeat_timestamp_seconds {LED}
) > {STALLED_AFTER}
or
time() - max by ({INSTANCE}, pod) (
  agentweave_watcher_heartbeat_timestamp_seconds {LED}
) < -{STALLED_AFTER}""",
    held="1m",
    severity="critical",
    component="watcher",
    summary="The AgentWeave watcher's scheduler has stalled, or its clock is wrong.",
    description=(
        "{{ if lt $value 0.0 -}} "
        "The heartbeat of the watcher at {{ $labels.instance }} is "
        '{{ reReplaceAll "^-" "" (humanizeDuration $value) }} ahead of the clock of Prometheus. '
        "One of the two clocks is wrong; dates of SVIDs are judged by that of the watcher. "
        "{{- else -}} "
        "The last heartbeat of the watcher at {{ $labels.instance }} is {{ $value | humanizeDuration }} old. "
        "It does not probe, so its verdicts become unknown and new faults are not seen; "
        "or its clock is behind that of Prometheus. "
        f"{{{{- end }}}} First see {_PODS}, then what it does, by `kubectl -n ${{NAMESPACE:?}} logs --tail=50 "
        "{{ with $labels.pod }}{{ . }}{{ else }}${POD:?}{{ end }}`."
    ),
    was="The AgentWeave watcher made no progress, or its clock was wrong.",
    link={"watcher_pod": "pod"},
    dashboard=_WATCHER,
)

BLIND = Alert(
    name="AgentWeaveWatcherBlind",
    expression=f"""\
sum by ({INSTALLATION}, source) (agentweave:source:unknown)
  / sum by ({INSTALLATION}, source) (agentweave:source:verdicts) > 0.5""",
    held="15m",
    severity="critical",
    component="watcher",
    summary="Most verdicts from one source are unknown.",
    description=(
        "{{ $value | humanizePercentage }} of the verdicts from the source {{ $labels.source }} are unknown "
        "{{- with query (printf `topk(1, agentweave:source:unknown{cluster=%q,job=%q,source=%q})`"
        " $labels.cluster $labels.job $labels.source) -}} "
        ', mostly {{ . | first | label "reason" }}{{ end }}. Faults there would not be seen.'
    ),
    was="Most verdicts from one source were unknown.",
    link={"source": "source"},
    dashboard=_WATCHER,
)

TWO_LEADERS = Alert(
    name="AgentWeaveTwoLeaders",
    comment="Without a lease two that look are a rollout, and no trouble.",
    expression=f"""\
count by ({INSTALLATION}) (
  agentweave_watcher_active == 1
    and on ({INSTANCE}) agentweave_watcher_impaired{{reason="LeaseUnconfirmed"}}
) > 1""",
    held="1m",
    severity="warning",
    component="watcher",
    summary="Two AgentWeave watchers lead at once.",
    description=(
        f"{_COUNT} watchers export the same agents, mostly because one of them cannot reach the API server and does "
        "not know that the other holds the lease. The worse of what they say counts, and of agents that are gone only "
        "what the holder of the lease says."
    ),
    was="Two AgentWeave watchers led at once.",
    dashboard=_WATCHER,
)

ISOLATED = Alert(
    name="AgentWeaveWatcherIsolated",
    expression=f'max by ({INSTALLATION}) (agentweave_watcher_impaired{{reason="Isolated"}} {LED}) == 1',
    held="1m",
    kept="5m",
    severity="critical",
    component="watcher",
    summary="Most agents stopped answering the AgentWeave watcher at once.",
    description=(
        "More than half of the agents that answered a moment ago are silent. Either the watcher is cut off or the "
        "fleet is; until half of them answer again, silence is not blamed on agents."
    ),
    was="Most agents did not answer the AgentWeave watcher.",
    dashboard=_WATCHER,
)

IMPAIRED = Alert(
    name="AgentWeaveWatcherImpaired",
    comment=(
        "What pages of the one that leads is a warning of the one on standby: the fleet is watched, but by one only."
    ),
    expression=f"""\
max by ({INSTALLATION}, reason) (
  agentweave_watcher_impaired{{reason!="Isolated"}}
  or
  agentweave_watcher_impaired{{reason="Isolated"}} and on ({INSTANCE}) agentweave_watcher_active == 0
  or
  label_replace(
    abs(time() - agentweave_watcher_heartbeat_timestamp_seconds) > bool {STALLED_AFTER}
      and on ({INSTANCE}) agentweave_watcher_active == 0,
    "reason", "Stalled", "", ""
  )
) == 1""",
    held="5m",
    severity="warning",
    component="watcher",
    summary="The AgentWeave watcher is impaired.",
    description=(
        "The watcher is impaired ({{ $labels.reason }}). What it cannot judge for this reason is unknown. Its log and "
        "its "
        "fleet page say why."
    ),
    was="The AgentWeave watcher was impaired.",
    link={"reason": "reason"},
    dashboard=_WATCHER,
)

WATCHDOG = Alert(
    name="AgentWeaveWatchdog",
    comment="""\
Always there: a receiver that hears nothing of it raises the alarm. Of a Prometheus or an Alertmanager that is down no
alert can tell. kube-prometheus has one of its own.""",
    expression="vector(1)",
    severity="none",
    component="watcher",
    summary="Alerts reach the receiver that waits for this one.",
    description=(
        "This alert always fires, and means no trouble. Route it to a service that raises the alarm when it hears "
        "nothing, so that a Prometheus or an Alertmanager that is down is noticed."
    ),
    was="This alert has ended, so Prometheus no longer evaluates the rules of the AgentWeave watcher.",
    dashboard=_WATCHER,
)

OWN = (DOWN, STALLED, BLIND, TWO_LEADERS, ISOLATED, IMPAIRED, WATCHDOG)
