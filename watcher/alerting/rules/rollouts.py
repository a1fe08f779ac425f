"""What is told of rollouts: that one failed, as a page only while it does harm."""

from watcher.alerting.rules.core import AGENT, INSTALLATION, LED, SHARDS_MISSING
from watcher.alerting.rules.descriptions import Alert, Record

MANY = 10
"""Failed rollouts of an installation that are told as one: an upgrade of the cluster is one event."""

TOLD_FOR = 86400
"""Seconds from its begin after which a failed rollout is no news."""

_COUNT = '{{ printf "%.0f" $value }}'

FAILED = Record(
    name="agentweave:rollout:failed",
    comment="""\
Rollouts that failed and were not taken back: 1 while the failed revision serves and what failed still does, else 0.
It stays while nobody can say otherwise: the watcher is gone, or a shard of it.""",
    expression=f"""\
max by ({AGENT}, revision) (
  agentweave_watcher_rollout_info{{phase="failed"}}
    {LED}
)
  * on ({AGENT}) group_left () max by ({AGENT}) (
    agentweave_watcher_rollout_failing
      {LED}
  )
  and on ({AGENT}) max by ({AGENT}) (
    agentweave_watcher_rollout_started_timestamp_seconds
      {LED}
  ) > time() - {TOLD_FOR}
or
(
  agentweave:rollout:failed
    unless on ({AGENT}) (
      agentweave_watcher_rollout_verdict
        {LED}
    )
    unless on ({INSTALLATION}) (
      agentweave_watcher_discovery_last_success_timestamp_seconds
        {LED}
        unless on ({INSTALLATION}) (
          {SHARDS_MISSING.replace(chr(10), chr(10) + "          ")}
        )
    )
)""",
)

_MANY = f"count by ({INSTALLATION}) (agentweave:rollout:failed) >= {MANY}"
_TRUE = "count by (condition) (agentweave:condition:true{cluster=%q,job=%q,namespace=%q,agent=%q})"
_ARGUMENTS = "$labels.cluster $labels.job $labels.namespace $labels.agent"
_DESCRIPTION = (
    "{{ if $labels.agent -}} "
    "The rollout of revision {{ $labels.revision }} of {{ $labels.namespace }}/{{ $labels.agent }} failed its checks, "
    "SERVES. "
    f'{{{{- with query (printf `{_TRUE}` {_ARGUMENTS}) | sortByLabel "condition" }}}} True of its pods now: '
    "{{ range $i, $seen := . }}{{ if lt $i 5 }}{{ if $i }}, {{ end }}{{ $seen.Labels.condition }}{{ end }}{{ end }}"
    "{{ if gt (len .) 5 }} and others{{ end }}.{{ end }} "
    "The page of the rollout says what changed, and how to roll back. "
    "{{- else -}} "
    f"{_COUNT} rollouts failed their checks, SERVE_MANY. An upgrade of the cluster or a cause that they share comes "
    "before the rollouts themselves; the page /rollouts has them. "
    "{{- end }}"
)


def _alert(severity: str, comment: str, expression: str, serves: str, many: str) -> Alert:
    return Alert(
        name="AgentWeaveRolloutFailed",
        comment=comment,
        expression=expression,
        held="1m",
        severity=severity,
        component="rollout",
        summary="A rollout of an agent failed its checks.",
        description=_DESCRIPTION.replace("SERVES", serves).replace("SERVE_MANY", many),
        was="A rollout of an agent had failed its checks.",
        link={"namespace": "namespace", "agent": "agent", "revision": "revision"},
        dashboard="agentweave-agent?var-namespace={{ $labels.namespace | urlquery }}"
        "&var-agent={{ $labels.agent | urlquery }}",
    )


WARNING = _alert(
    "warning",
    f"What failed is over, or the failed revision does not serve: no page. {MANY} and more are one alert.",
    f"""\
(agentweave:rollout:failed == 0)
  unless on ({INSTALLATION}) {_MANY}
or
(
  {_MANY}
)
  unless on ({INSTALLATION}) (agentweave:rollout:failed == 1)""",
    "and does no harm at the moment",
    "and do no harm at the moment",
)
CRITICAL = _alert(
    "critical",
    f"One alert a rollout; of {MANY} and more one for all. It ends at a rollback, the next rollout, or after a day.",
    f"""\
(agentweave:rollout:failed == 1)
  unless on ({INSTALLATION}) {_MANY}
or
count by ({INSTALLATION}) (agentweave:rollout:failed == 1)
  and on ({INSTALLATION}) {_MANY}""",
    "and it serves requests",
    "and serve requests",
)

ROLLOUTS = (FAILED, WARNING, CRITICAL)
