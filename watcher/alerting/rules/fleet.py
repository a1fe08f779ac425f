"""One cause, one page: what is told of many agents at once, and what is then left out of the alerts on single ones.

Three views of the same trouble, told apart by their labels: of an installation (neither `namespace` nor `node`), of a
namespace, of a node. The widest that fits is told, and the alerts of the single agents in it wait for it.
"""

from watcher.alerting.rules.agents import all_alerts
from watcher.alerting.rules.core import AGENT, EVERYWHERE, FIRES, INSTALLATION, POD
from watcher.alerting.rules.descriptions import Record

IN_NAMESPACE, ON_NODE = f"{EVERYWHERE}, namespace", f"{EVERYWHERE}, node"
VIEW = f"{EVERYWHERE}, namespace, node"
_PLACE = f"{POD}, condition, subject"
_WIDE = 'ALERTS{alertname=~"AgentWeaveFleetWide.*", alertstate="firing"}'

FEW = 3
"""Of fewer agents each is told by itself."""

_SOONER = 75
"""Seconds by which many agents are told of before the single ones are. The looks at them are up to a minute apart."""

PAGED = Record(
    name="agentweave:condition:paged",
    comment="What was true at the last evaluation and has paged somebody.",
    expression=f"""\
agentweave:condition:true
  and on ({AGENT}, condition, subject) {FIRES}
or
agentweave:condition:true
  and on ({_PLACE}) agentweave:condition:told""",
)

_FEWER = (
    f"(agentweave:condition:true and on ({EVERYWHERE}) (count by ({EVERYWHERE}) (agentweave:condition:agents) < 500))"
)

PLACED = Record(
    name="agentweave:condition:placed",
    comment="""\
On which node; of what is kept while nobody can look, on which it was. Where hundreds have it no node is to blame, and
to look would take a second.""",
    expression=f"""\
{_FEWER}
  * on ({POD}) group_left (node)
    topk by ({POD}) (1, agentweave_watcher_target_info{{node!=""}} and on ({POD}) {_FEWER})
or
(
  agentweave:condition:placed and on ({_PLACE}) agentweave:condition:true
    unless on ({POD}) agentweave_watcher_target_info
)""",
)

FLOOD = (
    Record(
        name="agentweave:condition:fresh",
        comment="""\
A single alert costs Prometheus a millisecond at each evaluation, pending or not. Where hundreds of agents fall ill
at once, all but five wait for the minute in which the alert on all of them comes; at most three.""",
        expression="agentweave:condition:agents unless agentweave:condition:agents offset 3m",
    ),
    Record(
        name="agentweave:condition:flooded",
        expression=f"""\
agentweave:condition:fresh and on ({EVERYWHERE}) count by ({EVERYWHERE}) (agentweave:condition:fresh) >= 200
  unless topk by ({EVERYWHERE}) (5, agentweave:condition:fresh)""",
    ),
)


def _lasting() -> str:
    """By how long their single alerts wait: what is no news of one agent is none of three.

    Where the chart is given another `for`, it makes this anew (`agentweave-watcher.lasting`).
    """
    held: dict[int, list[str]] = {}
    for alert in all_alerts():
        held.setdefault(_seconds(alert.held) - _SOONER, []).append(alert.condition)
    each = (f'agentweave:condition:agents{{condition=~"{"|".join(names)}"}}' for names in held.values())
    return "\nor\n".join(f"{one}\n  and {one} offset {wait}s" for wait, one in zip(held, each, strict=True))


def _seconds(held: str) -> int:
    return 60 * int(held.removesuffix("m"))


def _views(everywhere: str, namespace: str, node: str) -> str:
    return f"""\
count by ({EVERYWHERE}) ({everywhere})
or
count by ({IN_NAMESPACE}) ({namespace})
or
count by ({ON_NODE}) (
  group by ({IN_NAMESPACE}, agent, node) ({node})
)"""


AGENTS = Record(
    name="agentweave:fleet:agents",
    comment="How many agents have it: in all, in each namespace, on each node.",
    expression=_views("agentweave:condition:agents", "agentweave:condition:agents", "agentweave:condition:placed"),
)

UNTOLD = Record(
    name="agentweave:fleet:untold",
    comment="How many of them no alert of their own tells.",
    expression=_views(
        f"agentweave:condition:agents unless on ({AGENT}, condition) {FIRES}",
        f"agentweave:condition:agents unless on ({AGENT}, condition) {FIRES}",
        f"agentweave:condition:placed unless on ({AGENT}, condition) {FIRES}",
    ),
)

LASTING = Record(
    name="agentweave:condition:lasting",
    comment="The same agents for so long that their own alerts are near: a blip of a node is no news.",
    expression=_lasting(),
)

EVERY = Record(
    name="agentweave:fleet:everywhere",
    comment="""\
Most of those that it applies to; a third, where they are five; ten that nothing narrower tells, new within the
hour. For a minute the same agents, not others at each scrape as in a rolling deploy.""",
    expression=f"""\
count by ({EVERYWHERE}) (agentweave:condition:lasting) >= {FEW}
  and on ({EVERYWHERE})
    sum by ({EVERYWHERE}) (agentweave_watcher_conditions{{status="true"}})
      / sum by ({EVERYWHERE}) (agentweave_watcher_conditions{{status=~"true|false"}}) > 2 / 3
or
count by ({EVERYWHERE}) (agentweave:condition:agents and agentweave:condition:agents offset 1m) >= 5
  and on ({EVERYWHERE}) (
    sum by ({EVERYWHERE}) (agentweave_watcher_conditions{{status="true"}})
      / sum by ({EVERYWHERE}) (agentweave_watcher_conditions{{status=~"true|false"}}) > 1 / 3
    or
    count by ({EVERYWHERE}) (
      agentweave:condition:agents
        unless agentweave:condition:agents offset 1h
        unless on ({AGENT}, condition) agentweave:condition:told
    ) >= 10
  )""",
)

_NARROW = f'unless on ({EVERYWHERE}) (agentweave:fleet:everywhere or agentweave:fleet:wide{{namespace="", node=""}})'
"""Leaves out what is told of a whole installation."""

NAMESPACES = Record(
    name="agentweave:fleet:namespaces",
    comment="Most of a namespace, where it is not everywhere.",
    expression=f"""\
count by ({IN_NAMESPACE}) (agentweave:condition:lasting {_NARROW}) >= {FEW}
  and on ({IN_NAMESPACE})
    count by ({IN_NAMESPACE}) (
      group by ({IN_NAMESPACE}, agent, pod) (agentweave:condition:true {_NARROW})
    )
      / on ({INSTALLATION}, namespace) group_left ()
        count by ({INSTALLATION}, namespace) (
          group by ({POD}) (
            agentweave_watcher_target_info
              and on ({INSTALLATION}, namespace) (agentweave:condition:lasting {_NARROW})
          )
        ) > 2 / 3""",
)

NODES = Record(
    name="agentweave:fleet:nodes",
    comment="Most of a node, where nothing wider tells it.",
    expression=f"""\
count by ({ON_NODE}) (
  group by ({IN_NAMESPACE}, agent, node) (
    agentweave:condition:placed and on ({AGENT}, condition) agentweave:condition:lasting
      unless on ({IN_NAMESPACE}) (agentweave:fleet:namespaces or agentweave:fleet:wide{{namespace!=""}})
  )
) >= {FEW}
  and on ({ON_NODE})
    count by ({ON_NODE}) (group by ({ON_NODE}, namespace, agent, pod) (agentweave:condition:placed))
      / on ({INSTALLATION}, node) group_left ()
        count by ({INSTALLATION}, node) (
          group by ({INSTALLATION}, node, namespace, agent, pod) (
            agentweave_watcher_target_info and on ({INSTALLATION}, node) agentweave:condition:placed
          )
        ) > 2 / 3
  {_NARROW}""",
)

WIDE = Record(
    name="agentweave:fleet:wide",
    comment=f"""\
What is told of many agents; the value is how many have it now. It begins only where single alerts on it are not
disabled, and ends with the last agent, or when alerts of their own tell of all that are left: of fewer than {FEW} they
come, each after its `for`. One that wavers is not waited for longer than half an hour.""",
    expression=f"""\
agentweave:fleet:agents
  and on ({VIEW}) (
    (agentweave:fleet:everywhere or agentweave:fleet:namespaces or agentweave:fleet:nodes)
      and on (condition) ALERTS{{alertname=~"AgentWeave.+", alertname!~"AgentWeaveFleetWide.*", condition!=""}}
    or
    agentweave:fleet:wide
      and on ({VIEW}) agentweave:fleet:untold
      and on ({VIEW}) max_over_time(agentweave:fleet:agents[30m]) >= {FEW}
  )""",
)

TOLD = Record(
    name="agentweave:condition:told",
    comment="What an alert on many agents tells that fires; the value is how many have it.",
    expression=f"""\
agentweave:condition:true
  * on ({EVERYWHERE}) group_left ()
    (agentweave:fleet:agents{{namespace="", node=""}} and on ({VIEW}) {_WIDE})
or
agentweave:condition:true
  * on ({IN_NAMESPACE}) group_left ()
    (agentweave:fleet:agents{{namespace!=""}} and on ({VIEW}) {_WIDE})
or
sum without (node) (
  agentweave:condition:placed
    * on ({ON_NODE}) group_left ()
      (agentweave:fleet:agents{{node!=""}} and on ({VIEW}) {_WIDE})
)""",
)

ALONE = Record(
    name="agentweave:condition:alone",
    comment="What is told of single agents. Who was told of before goes on to be.",
    expression=f"""\
agentweave:condition:true
  unless on ({AGENT}, condition) agentweave:condition:flooded
  unless on ({_PLACE}) (
    agentweave:condition:told >= {FEW}
      unless on ({AGENT}, condition, subject) {FIRES}
  )""",
)
