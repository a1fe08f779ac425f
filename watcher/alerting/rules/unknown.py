"""What is not known, by what it rests on, and why nothing that is true tells it already."""

from watcher.alerting.rules.core import INSTALLATION, POD
from watcher.alerting.rules.descriptions import Record


def by_source(series: str) -> str:
    """The series with the label `source`: the way by which what its probe reads came."""
    return (
        "label_replace(\n  label_replace(\n    label_replace(\n      "
        + series.replace("\n", "\n      ")
        + ',\n      "source", "agent_metrics", "", ""\n    ),\n    "source", "handshake", "probe", "svid"\n  ),\n'
        + '  "source", "opa", "probe", "opa"\n)'
    )


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


_LOOK = 'agentweave_watcher_condition_unknown{reason="SourceFailed",'
_WAYS = ('probe="svid"', 'probe="opa"', 'probe!~"svid|opa"')
"""By the ways of `by_source`."""

_LEFT = "\nor\n".join(f"{_LOOK}{way}}} unless on ({POD}) agentweave:condition:true{{{way}}}" for way in _WAYS)

UNEXPLAINED = Record(
    name="agentweave:condition:unexplained",
    comment="""\
A failed look of which nothing that is true says why: of the same target, and seen by the same way. That an agent
cannot be reached says it of all ways.""",
    expression=f"""\
(
  {_indented(_LEFT)}
)
  unless on ({POD}) agentweave:condition:true{{condition="AgentUnreachable"}}""",
)

VERDICTS = Record(
    name="agentweave:source:verdicts",
    comment="By what they rest on: a way that is closed is one cause, however many probes read what came by it.",
    expression=f"""\
sum by ({INSTALLATION}, source) (
  {_indented(by_source("agentweave_watcher_conditions"))}
)""",
)

_TELLS = {"svid": "AgentUnreachable|TLSMissing", "opa": "AgentUnreachable|OPAUnreachable"}
"""By probe: the conditions that say why nothing else of it is known."""

_OTHERS = "AgentUnreachable|MetricsUnavailable"
"""Those that say so of what all other probes read."""

_COUNTED = 'reason!~"WarmingUp|SignalAbsent|Malformed|FactUnknown|SourceFailed"'


def _not_told(probe: str, conditions: str) -> str:
    return f"""\
agentweave_watcher_condition_unknown{{{probe},{_COUNTED}}}
  unless on ({POD}) agentweave:condition:true{{condition=~"{conditions}"}}"""


_SILENT = "\nor\n".join(
    (
        *(_not_told(f'probe="{probe}"', conditions) for probe, conditions in _TELLS.items()),
        _not_told(f'probe!~"{"|".join(_TELLS)}"', _OTHERS),
        "agentweave:condition:unexplained",
    )
)

_COUNTS = f"""\
count by ({INSTALLATION}, probe, reason) (
  {_indented(_SILENT)}
)"""

UNKNOWN = Record(
    name="agentweave:source:unknown",
    comment="""\
Of what nothing that is true tells why it is unknown: agents that are dead are told as that, and that a watcher is cut
off is told by itself.""",
    expression=f"""\
sum by ({INSTALLATION}, source, reason) (
  {_indented(by_source(_COUNTS))}
)
  unless on ({INSTALLATION}, reason) label_replace(
    agentweave_watcher_impaired{{reason="Isolated"}} == 1, "reason", "WatcherImpaired", "", ""
  )""",
)
