"""Labels of pods, such as `team`, on the alerts on single agents: only where somebody names them.

Asked for each alert that is there, not recorded: of 10,000 agents to look at all takes a third of a second.
"""

NONE = "none"
"""What is carried in place of a label that nobody set: without one, ALERTS would have the template itself."""

_OF = "cluster=%[1]q,job=%[2]q,namespace=%[3]q,agent=%[4]q"


def template(alert: str, name: str) -> str:
    """The label `name` of this alert: what it had before, else what the pods have, of several the first.

    Another label is another alert: one that is there keeps its own, also while nobody looks.
    """
    had = f'ALERTS{{alertname="{alert}",{_OF},{name}!~"|{NONE}"}}'
    pods = f'group by (label_{name}) (agentweave_watcher_target_info{{{_OF},label_{name}!=""}})'
    asked = f'group by (label_{name}) (label_replace({had}, "label_{name}", "$1", "{name}", "(.+)")) or on () {pods}'
    return (
        f"{{{{ with query (printf `{asked}` $labels.cluster $labels.job $labels.namespace $labels.agent) }}}}"
        f'{{{{ . | sortByLabel "label_{name}" | first | label "label_{name}" }}}}{{{{ else }}}}{NONE}{{{{ end }}}}'
    )
