"""The alerts on many agents at once: how many of how many, where, why, and where to look first."""

from probes import load_probes
from probes.contract import Severity
from watcher.alerting.rules.agents import all_alerts
from watcher.alerting.rules.descriptions import Alert

_WHERE = """\
{{- $where := `` -}}
{{- with $labels.namespace }}{{ $where = printf `,namespace=%q` . }}{{ end -}}
{{- with $labels.node }}{{ $where = printf `,node=%q` . }}{{ end -}}"""
"""$where: matchers for the namespace or the node that the alert is about; none for a whole installation."""

_OF = "cluster=%[1]q,job=%[2]q%[3]s"
_ILL = f"{_OF},condition=%[4]q"
_ARGUMENTS = "$labels.cluster $labels.job $where $labels.condition $value"


def _query(promql: str) -> str:
    return f"query (printf `{promql}` {_ARGUMENTS})"


_TOTAL = _query(f"count(group by (namespace, agent) (agentweave_watcher_target_info{{{_OF}}}))")
_EXTENT = f"""\
{_WHERE}
{{{{- printf "%.0f" $value }}}}{{{{ with {_TOTAL} }}}} of {{{{ . | first | value }}}}{{{{ end }}}} agents
{{{{- with $labels.namespace }}}} in namespace {{{{ . }}}}{{{{ end }}}}
{{{{- with $labels.node }}}} on node {{{{ . }}}}{{{{ end -}}}}"""


def _most(label: str, agents: str) -> str:
    """More than half of the agents have one value of the label."""
    count = f"count by ({label}) (group by ({label}, namespace, agent) ({agents}))"
    return _query(f"topk(1, {count}) > %[5]g / 2")


_AGENTS, _PLACED = f"agentweave:condition:agents{{{_ILL}}}", f"agentweave:condition:placed{{{_ILL}}}"
_REASONS = "agentweave:condition:reason{cluster=%[1]q,job=%[2]q,condition=%[4]q}"
_MOST = (
    '{{ if eq (. | first | value) $value }}all{{ else }}most{{ end }} in namespace {{ . | first | label "namespace" }}'
)


def _why(agents: str) -> str:
    most = _most("reason", f"{_REASONS} and on (namespace, agent) {agents}")
    often = _query(f"topk(1, count by (reason) ({_REASONS} and on (namespace, agent) {agents}))")
    return (
        f"{{{{ with {most} }}}}, mostly {{{{ . | first | label `reason` }}}}{{{{ else }}}}"
        f"{{{{ with {often} }}}}, most often {{{{ . | first | label `reason` }}}}{{{{ end }}}}{{{{ end -}}}}"
    )


def _hints() -> str:
    conditions: dict[str, list[str]] = {}
    for alert in all_alerts():
        conditions.setdefault(alert.hint, []).append(alert.condition)
    cases = (f'if match "^({"|".join(names)})$" $labels.condition -}}}}\n{hint}' for hint, names in conditions.items())
    return "{{ " + "\n{{- else ".join(cases) + "\n{{- end }}"


_DESCRIPTION = f"""\
{{{{ $labels.condition }}}} is true of
{{{{ `` }}}} {_EXTENT}
{{{{- if $labels.node -}}}}
{{{{ with {_most("namespace", _PLACED)} }}}}, {_MOST}{{{{ end -}}}}
{_why(_PLACED)}
{{{{- else -}}}}
{{{{ if not $labels.namespace }}}}{{{{ with {_most("namespace", _AGENTS)} }}}}, {_MOST}{{{{ end }}}}{{{{ end -}}}}
{_why(_AGENTS)}
{{{{ with {_most("node", _PLACED)} }}}}, mostly on node {{{{ . | first | label `node` }}}}{{{{ end -}}}}
{{{{- end -}}}}
. Look for one cause first, such as
{_hints()}.
Those that are told here have no alerts of their own."""


def _alert(name: str, severity: Severity, matcher: str, critical: list[str]) -> Alert:
    return Alert(
        name=name,
        comment=(
            "No `for`: `wide` holds it, and the single alerts must not come first. By what each condition is, not by a "
            "label:\na severity of your own must not make sixty alerts of one."
        ),
        expression=f'agentweave:fleet:wide{{condition{matcher}"{"|".join(critical)}"}}',
        kept="5m",
        severity=severity,
        component="fleet",
        summary="Many agents have the same condition at once.",
        description=_DESCRIPTION,
        extent=_EXTENT,
        was="Many agents had the same condition at once.",
        link={"condition": "condition"},
        dashboard="agentweave-fleet",
    )


def fleet_alerts() -> tuple[Alert, Alert]:
    """Those on critical conditions, and those on all others."""
    kinds = [kind for probe in load_probes() for kind in probe.conditions]
    critical = [kind.name for kind in kinds if kind.severity is Severity.CRITICAL]
    return (
        _alert("AgentWeaveFleetWide", Severity.CRITICAL, "=~", critical),
        _alert("AgentWeaveFleetWideWarning", Severity.WARNING, "!~", critical),
    )
