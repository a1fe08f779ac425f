"""What all alerts read: what is true, of whom, since which look, and what of it somebody was told already.

One installation is the labels `cluster` and `job` of its series: every rule keeps them, so that no watcher speaks for
the agents of another one.
"""

from watcher.alerting.rules.descriptions import Record

INSTALLATION = "cluster, job"
INSTANCE = f"{INSTALLATION}, instance"
AGENT = f"{INSTALLATION}, namespace, agent"
POD = f"{AGENT}, pod"
PLACE = f"{POD}, probe, condition, subject"
EVERYWHERE = f"{INSTALLATION}, condition"

LED = f"unless on ({INSTANCE}) agentweave_watcher_active == 0"
"""Leaves out what a process on standby says."""

SHARDS_MISSING = f"""\
max by ({INSTALLATION}) (agentweave_watcher_shards)
  > (
    count by ({INSTALLATION}) (count by ({INSTALLATION}, shard) (agentweave_watcher_active == 1))
    or
    0 * max by ({INSTALLATION}) (agentweave_watcher_shards)
  )"""

REMEMBERED = "1d"
"""For how long a watcher that is gone is known from what was there, where nobody named its job."""

STALLED_AFTER = 120
"""Seconds without a heartbeat, or ahead of the clock of Prometheus, after which a watcher makes no progress."""

WATCHED = Record(
    name="agentweave:installation:watched",
    comment="""\
1 while every shard makes progress, else 0; of an installation that was there within a day, or that WatcherDown tells.
Dashboards show a number that reads as good only while it is 1.""",
    expression=f"""\
(
  count by ({INSTALLATION}) (
    count by ({INSTALLATION}, shard) (
      agentweave_watcher_active == 1
        and on ({INSTANCE}) abs(time() - agentweave_watcher_heartbeat_timestamp_seconds) <= {STALLED_AFTER}
    )
  )
  >= bool on ({INSTALLATION}) max by ({INSTALLATION}) (agentweave_watcher_shards)
)
or
0 * group by ({INSTALLATION}) (last_over_time(agentweave_watcher_build_info[{REMEMBERED}]))
or
0 * group by ({INSTALLATION}) (ALERTS{{alertname="AgentWeaveWatcherDown", alertstate="firing"}})""",
)

FIRES = 'ALERTS{alertname=~"AgentWeave.+", alertname!~"AgentWeaveFleetWide.*", condition!="", alertstate="firing"}'
"""The alerts on single agents that fire."""

_UNCONFIRMED = 'agentweave_watcher_impaired{reason="LeaseUnconfirmed"}'
_CUT_OFF = f"agentweave_watcher_target_info and on ({INSTANCE}) {_UNCONFIRMED} == 1"
_CONFIRMED = f"""\
agentweave_watcher_target_info
  and on ({INSTANCE}) agentweave_watcher_active == 1
  and on ({INSTANCE}) {_UNCONFIRMED} == 0
  unless on ({INSTANCE}) agentweave_watcher_impaired{{reason="DiscoveryStale"}} == 1"""

OUTLIVED = Record(
    name="agentweave:target:outlived",
    comment="""\
Of two that lead, what only the one still has that cannot renew its lease: pods that are gone since. The other one
holds the lease, knows what there is, and watches some of the same pods: else it speaks for another fleet.""",
    expression=f"""\
max by ({INSTANCE}, namespace, agent, pod) (
  {_CUT_OFF}
)
  unless on ({POD}) (
    agentweave_watcher_target_info unless on ({INSTANCE}) {_UNCONFIRMED} == 1
  )
  and on ({INSTANCE}) (
    {_CUT_OFF}
      and on ({POD}) (
        {_CONFIRMED.replace(chr(10), chr(10) + "        ")}
      )
  )""",
)

SEEN = Record(
    name="agentweave:condition:seen",
    comment=(
        "Only what is true is kept: of 280,000 series a healthy fleet leaves none. Of two that lead the worse counts."
    ),
    expression=f"""\
agentweave_watcher_condition == 1
  unless on ({INSTANCE}, namespace, agent, pod) agentweave:target:outlived""",
)

TRUE = Record(
    name="agentweave:condition:true",
    comment="""\
True now, or true until nobody could look any more:
- a scrape of the watcher fails, it starts anew, or it leads no more: what more than one scrape saw goes on for
  some minutes, so that `for` does not begin again; a single true scrape does not;
- it has paged, and now it is unknown, or the watcher is gone, or the shard that looked at it is:
  only a look that says otherwise ends a page.
A deleted target has none of these and drops at once.""",
    expression=f"""\
max by ({PLACE}) (
  agentweave:condition:seen
  or
  (
    last_over_time(agentweave:condition:seen[5m]) and count_over_time(agentweave:condition:seen[5m]) > 4
      unless on ({INSTANCE}) (
        agentweave_watcher_discovery_last_success_timestamp_seconds
          {LED}
      )
      unless on ({POD}) agentweave_watcher_target_info
      unless on ({POD}) last_over_time(agentweave:target:outlived[5m])
  )
  or
  (
    last_over_time(agentweave:condition:seen[3m]) and count_over_time(agentweave:condition:seen[5m]) > 4
      and on ({PLACE}) agentweave_watcher_condition_unknown{{reason="WarmingUp"}}
  )
)
or
agentweave:condition:paged
  and on ({PLACE}) (
    agentweave_watcher_condition_unknown
      unless on ({INSTANCE}, namespace, agent, pod) agentweave:target:outlived
  )
or
agentweave:condition:paged
  unless on ({INSTALLATION}) agentweave_watcher_discovery_last_success_timestamp_seconds
or
(agentweave:condition:paged unless on ({POD}) agentweave_watcher_target_info)
  and on ({INSTALLATION}) (
    {SHARDS_MISSING.replace(chr(10), chr(10) + "    ")}
  )""",
)

REASON = Record(
    name="agentweave:condition:reason",
    comment="Why, for the texts; where a page is kept while nobody can look, why it was.",
    expression=f"""\
max by ({POD}, condition, subject, reason) (agentweave_watcher_condition_reason_info)
or
(
  agentweave:condition:reason and on ({POD}, condition, subject) agentweave:condition:true
    unless on ({POD}, condition, subject) agentweave_watcher_condition_reason_info
)""",
)

AGENTS = Record(
    name="agentweave:condition:agents",
    expression="count by (cluster, job, condition, namespace, agent) (agentweave:condition:true)",
)
