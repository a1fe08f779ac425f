"""Labels of pods, such as `team`, on the alerts on single agents: only where somebody names them."""

from collections.abc import Sequence

from watcher.alerting.rules.core import AGENT
from watcher.alerting.rules.descriptions import Record

NONE = "none"
"""What is carried in place of a label that nobody set: without one, ALERTS would have the template itself."""

_SERIES = "agentweave:agent:labels"
_OF = "cluster=%q,job=%q,namespace=%q,agent=%q"


def record(names: Sequence[str]) -> Record:
    """What the agents carry that have a condition, by these names of labels of alerts."""
    labels = ", ".join(f"label_{name}" for name in names)
    return Record(
        name=_SERIES,
        comment=(
            "Labels of pods that alerts carry; while nobody can look, those of before: another label is another alert."
        ),
        expression=f"""\
group by ({AGENT}, {labels}) (
  agentweave_watcher_target_info and on ({AGENT}) agentweave:condition:true
)
or
(
  {_SERIES} and on ({AGENT}) agentweave:condition:true
    unless on ({AGENT}) agentweave_watcher_target_info
)""",
    )


def template(name: str) -> str:
    """The label of an alert; of an agent whose pods have several values, the first by the alphabet."""
    series = f'label_{name}!=""'
    return (
        f"{{{{ with query (printf `max by (label_{name}) ({_SERIES}{{{_OF},{series}}})` "
        "$labels.cluster $labels.job $labels.namespace $labels.agent) }}"
        f'{{{{ . | sortByLabel "label_{name}" | first | label "label_{name}" }}}}{{{{ else }}}}{NONE}{{{{ end }}}}'
    )
