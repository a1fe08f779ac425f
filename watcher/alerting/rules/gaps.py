"""What the watcher tells of what it cannot know: facts and pods that are missing, labels that were lost on the way."""

from watcher.alerting.rules.core import INSTALLATION, INSTANCE, LED, PLACE, POD
from watcher.alerting.rules.descriptions import Alert

_WATCHER = "agentweave-watcher"
_FLEET_OF = "agentweave-fleet?var-namespace={{ $labels.namespace | urlquery }}"
_COUNT = '{{ printf "%.0f" $value }}'

_END = "max by (cluster, job, trust_domain) (agentweave_watcher_trust_bundle_not_after_timestamp_seconds)"
_BEGIN = "max by (cluster, job, trust_domain) (agentweave_watcher_trust_bundle_not_before_timestamp_seconds)"

BUNDLE = Alert(
    name="AgentWeaveTrustBundleExpiring",
    comment=("An authority that rotates is renewed at half of its life; one made by hand should leave a month to act."),
    expression=f"""\
{_END} - time()
  < clamp_max(
    (
      {_END}
        - {_BEGIN}
    ) / 4,
    30 * 86400
  )
or
{_END} - time() < 86400
  unless on ({INSTALLATION}, trust_domain) agentweave_watcher_trust_bundle_not_before_timestamp_seconds""",
    held="10m",
    severity="warning",
    component="watcher",
    summary="The trust bundle of a trust domain expires soon.",
    description=(
        "The newest authority of {{ $labels.trust_domain }} ends in {{ $value | humanizeDuration }}. After that no "
        "SVID of this trust domain can be verified, by the watcher or by anybody."
    ),
    was="The trust bundle of a trust domain was about to expire.",
    link={"trust_domain": "trust_domain"},
    dashboard=_WATCHER,
)

VERDICT_UNKNOWN = Alert(
    name="AgentWeaveVerdictUnknown",
    comment="""\
The same targets a quarter of an hour ago: pods that come and go in a deploy are no news.
What failed together with something that is true is told by that.""",
    expression=f"""\
count by ({INSTALLATION}, namespace, probe, reason) (
  group by ({PLACE}, reason) (
    (
      agentweave_watcher_condition_unknown{{reason!~"WarmingUp|SourceFailed|FactUnknown"}}
      or
      agentweave:condition:unexplained
    )
    unless on ({INSTANCE}, namespace, agent, pod) agentweave:target:outlived
    and on ({PLACE}, reason)
      agentweave_watcher_condition_unknown offset 15m
  )
)""",
    held="15m",
    severity="warning",
    component="watcher",
    summary="Conditions of agents have been unknown for 30 minutes.",
    description=(
        f"{_COUNT} verdicts of the probe {{{{ $labels.probe }}}} in namespace {{{{ $labels.namespace }}}} are unknown, "
        "reason {{ $labels.reason }}. Faults there would not be seen."
    ),
    was="Conditions of agents were unknown.",
    link={"namespace": "namespace", "probe": "probe", "reason": "reason"},
    dashboard=_FLEET_OF,
)

PROBLEMS = Alert(
    name="AgentWeaveTargetProblems",
    comment="What is missing of a target is told here, once for all of its conditions that need it.",
    expression=f"""\
count by ({INSTALLATION}, namespace) (
  max by ({POD}) (agentweave_watcher_target_problems) > 0
)""",
    held="15m",
    severity="warning",
    component="watcher",
    summary="Facts about agents could not be discovered, or are wrong in their own config.",
    description=(
        f"{_COUNT} targets in namespace {{{{ $labels.namespace }}}} have problems. What needs a fact that is missing "
        "is unknown there (FactUnknown), such as the size of a pool or which OPA is asked."
    ),
    was="Facts about agents could not be discovered, or were wrong in their own config.",
    link={"namespace": "namespace"},
    dashboard=_FLEET_OF,
)

NOT_WATCHED = Alert(
    name="AgentWeavePodsNotWatched",
    comment="The series are there only after a quarter of an hour. Of two that lead in one shard the worse counts.",
    expression=f"""\
sum by ({INSTALLATION}, namespace, state) (
  max by ({INSTALLATION}, namespace, state, shard) (
    agentweave_watcher_pods_not_watched * on ({INSTANCE}) group_left (shard) (agentweave_watcher_active == 1)
  )
) > 0""",
    held="1m",
    severity="warning",
    component="watcher",
    summary="Pods that the selector finds are not watched.",
    description=(
        f"{_COUNT} pods in namespace {{{{ $labels.namespace }}}} have the label of agents and are not watched, state "
        "{{ $labels.state }}. No fault of theirs would be seen."
    ),
    was="Pods that the selector finds were not watched.",
    link={"namespace": "namespace"},
    dashboard=_FLEET_OF,
)

NO_TARGETS = Alert(
    name="AgentWeaveNoTargets",
    expression=f"sum by ({INSTALLATION}) (agentweave_watcher_targets {LED}) == 0",
    held="10m",
    severity="warning",
    component="watcher",
    summary="The AgentWeave watcher has no targets.",
    description="The watcher runs, but knows no target. No fault of any agent would be seen.",
    was="The AgentWeave watcher had no targets.",
    dashboard=_WATCHER,
)

DRILL_MISSED = Alert(
    name="AgentWeaveDrillMissed",
    expression=f"max by ({INSTALLATION}) (agentweave_watcher_drill_failures) > 1",
    held="5m",
    severity="warning",
    component="watcher",
    summary="Test alerts do not reach Alertmanager.",
    description=f"{_COUNT} drills in a row failed, so a real alert of the watcher may not arrive either.",
    was="Test alerts did not reach Alertmanager.",
    dashboard=_WATCHER,
)

OVERRIDDEN = Alert(
    name="AgentWeaveLabelsOverridden",
    comment="Prometheus renames what a page says of its own namespaces where it is not told to honor it.",
    expression=f'count by ({INSTALLATION}) (agentweave_watcher_target_info{{exported_namespace!=""}})',
    held="10m",
    severity="warning",
    component="watcher",
    summary="Alerts name the watcher's namespace and pod instead of the agents'.",
    description=(
        f"Prometheus overrides the namespace and the pod of {_COUNT} targets with the watcher's own (the agent's are "
        "in exported_namespace and exported_pod), so two agents of one name are one alert. Scrape the watcher with "
        "honor_labels, or relabel."
    ),
    was="Alerts named the watcher's namespace and pod instead of the agents'.",
    dashboard=_WATCHER,
)

TOO_SLOW = Alert(
    name="AgentWeaveScrapeTooSlow",
    comment="""\
The rules expect 20 scrapes in ten minutes: what they say of one that is missed is right for these. Of a watcher that
is there for ten minutes at least.""",
    expression=f"""\
max by ({INSTANCE}, pod) (
  count_over_time(agentweave_watcher_heartbeat_timestamp_seconds[10m])
    and on ({INSTANCE}) agentweave_watcher_heartbeat_timestamp_seconds offset 10m
) < 14""",
    held="15m",
    severity="warning",
    component="watcher",
    summary="Prometheus scrapes the AgentWeave watcher too rarely.",
    description=(
        f"Of the watcher at {{{{ $labels.instance }}}} {_COUNT} scrapes came through in ten minutes; the rules expect "
        "one every 30s. Alerts come late, and `for` starts again where a scrape is missed. Set scrape_interval (in "
        "the chart "
        "serviceMonitor.interval or podMonitor.interval), or see why scrapes fail."
    ),
    was="Prometheus scraped the AgentWeave watcher too rarely.",
    link={"watcher_pod": "pod"},
    dashboard=_WATCHER,
)

GAPS = (BUNDLE, VERDICT_UNKNOWN, PROBLEMS, NOT_WATCHED, NO_TARGETS, DRILL_MISSED, OVERRIDDEN, TOO_SLOW)
