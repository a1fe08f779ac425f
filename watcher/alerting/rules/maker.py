"""Makes the rule files, as plain YAML: no anchors, no merge keys, which linters of others refuse."""

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import indent, wrap

from probes import load_probes
from probes.contract import ConditionKind
from watcher.alerting.files import DASHBOARD_URL, RUNBOOK_URL
from watcher.alerting.rules import burn_rate, carried, checklist, core, fleet, gaps, own, rollouts, unknown
from watcher.alerting.rules.agents import load_alerts
from watcher.alerting.rules.answered import ANSWERED, LABEL
from watcher.alerting.rules.descriptions import AgentAlert, Alert, Figure, Group, Record
from watcher.alerting.rules.fleet_alerts import fleet_alerts

_CORE = (
    *(core.OUTLIVED, core.SEEN, fleet.PAGED, core.TRUE, core.REASON),
    *(unknown.UNEXPLAINED, unknown.VERDICTS, unknown.UNKNOWN, core.AGENTS),
    *(fleet.PLACED, *fleet.FLOOD, fleet.AGENTS, fleet.UNTOLD, fleet.LASTING, fleet.EVERY, fleet.NAMESPACES),
    *(fleet.NODES, fleet.WIDE, *fleet_alerts(), fleet.TOLD, fleet.ALONE, core.WATCHED),
)
_OF = "cluster=%[1]q,job=%[2]q,namespace=%[3]q,agent=%[4]q"
_ARGUMENTS = "$labels.cluster $labels.job $labels.namespace $labels.agent"
_AGENT = "{{ $labels.namespace }}/{{ $labels.agent }}"
_LISTED = 3
"""Labels of a figure that are told, where there are more."""

_SUBJECT = r'{{ $labels.subject | reReplaceAll ":[\\s\\x{85}\\x{2028}\\x{2029}]+" ":" | reReplaceAll ":+$" "" }}'
"""Newer Alertmanagers read a text with a colon before a blank as a YAML object; names of callees come from pages."""


def rule_files(labels: Sequence[str] = ()) -> dict[str, str]:
    """Name of the file -> its text; alerts on single agents carry these labels of their pods."""
    kinds = {kind.name: (probe.name, kind) for probe in load_probes() for kind in probe.conditions}
    files = {
        f"{probe}.yaml": _file(
            f"{told.title}: one alert for each condition of the probe `{probe}`. Limits are the probe's own "
            f"(config `probes.{probe}`).",
            Group(
                f"agentweave-{probe}", tuple(_of_agent(each, *kinds[each.condition], labels) for each in told.alerts)
            ),
        )
        for probe, told in load_alerts()
    }
    files["watcher.yaml"] = _file(
        "What all other rules read, the alerts on many agents at once, on the checklist and on rollouts, and of the "
        "watcher on itself.",
        Group("agentweave-core", _CORE),
        Group("agentweave-watcher", (*own.OWN, *gaps.GAPS)),
        Group("agentweave-checklist", checklist.CHECKLIST),
        Group("agentweave-rollouts", rollouts.ROLLOUTS),
    )
    return files


def optional_files() -> dict[str, str]:
    """The same of those that nobody loads by default."""
    return {"burn-rate.yaml": _file(burn_rate.ABOUT, *burn_rate.BURN_RATE)}


def _file(about: str, *groups: Group) -> str:
    lines = [
        *(f"# {line}" for line in about.splitlines()),
        "# Made by `make rules` from watcher/alerting/rules/: change it there.",
        "groups:",
        *(line for group in groups for line in _group(group)),
    ]
    return "\n".join(lines) + "\n"


def _group(group: Group) -> Iterator[str]:
    yield f"  - name: {group.name}"
    yield f"    interval: {group.every}"
    yield "    rules:"
    for number, rule in enumerate(group.rules):
        yield from [""] * (number > 0)
        yield from (f"      # {line}" for line in rule.comment.splitlines())
        yield from _record(rule) if isinstance(rule, Record) else _alert(rule)


def _record(rule: Record) -> Iterator[str]:
    yield f"      - record: {rule.name}"
    yield "        expr: |"
    yield indent(rule.expression, " " * 10)


def _alert(rule: Alert) -> Iterator[str]:
    yield f"      - alert: {rule.name}"
    yield "        expr: |"
    yield indent(rule.expression, " " * 10)
    yield from [f"        for: {rule.held}"] * bool(rule.held)
    yield from [f"        keep_firing_for: {rule.kept}"] * bool(rule.kept)
    condition = f", condition: {rule.condition}" * bool(rule.condition)
    control = f", {LABEL}: {rule.control}" * bool(rule.control)
    if rule.carried:
        labels = {"severity": rule.severity, "component": rule.component, "condition": rule.condition}
        labels |= {LABEL: rule.control} if rule.control else {}
        yield "        labels:"
        yield from (f"          {name}: {value}" for name, value in labels.items())
        yield from (f"          {name}: '{value}'" for name, value in rule.carried.items())
    else:
        yield f"        labels: {{severity: {rule.severity}, component: {rule.component}{condition}{control}}}"
    yield "        annotations:"
    yield f"          summary: {rule.summary}"
    yield from _folded("description", rule.description)
    yield from _folded("extent", rule.extent)
    yield f"          resolved: {rule.was}"
    yield f'          runbook_url: "{RUNBOOK_URL}{rule.name}{_parameters(rule.link)}"'
    yield f'          dashboard_url: "{DASHBOARD_URL}{rule.dashboard}{_installation(rule.dashboard)}"'


def _folded(name: str, text: str) -> Iterator[str]:
    yield from [f"          {name}: >-"] * bool(text)
    for line in text.splitlines():
        # What is broken at a blank is folded to a blank again.
        yield from (" " * 12 + part for part in wrap(line, 108, break_long_words=False, break_on_hyphens=False))


def _parameters(link: Mapping[str, str]) -> str:
    told = "&".join(f"{name}={{{{ $labels.{label} | urlquery }}}}" for name, label in link.items())
    return f"?{told}" if told else ""


def _installation(dashboard: str) -> str:
    """Chooses the installation that the alert is of, as far as it is named."""
    chosen = "var-job={{ . | urlquery }}{{ with $labels.cluster }}&var-cluster={{ . | urlquery }}{{ end }}"
    return f"{{{{ with $labels.job }}}}{'&' if '?' in dashboard else '?'}{chosen}{{{{ end }}}}"


def _of_agent(told: AgentAlert, probe: str, kind: ConditionKind, labels: Sequence[str]) -> Alert:
    subject = {"subject": "subject"} if kind.subject else {}
    agent = {"namespace": "namespace", "agent": "agent"}
    dashboard = _parameters({f"var-{name}": label for name, label in agent.items()})
    return Alert(
        name=f"AgentWeave{told.condition}",
        expression=f"""\
max by ({core.AGENT}, subject) (
  agentweave:condition:alone{{condition="{told.condition}"}}
)""",
        held=told.held,
        kept="5m",
        severity=kind.severity,
        component=probe,
        condition=told.condition,
        control=ANSWERED.get(told.condition, ""),
        carried={name: carried.template(f"AgentWeave{told.condition}", name) for name in labels},
        summary=told.summary,
        description="\n".join([_said(told.says), *(_figure(each, kind) for each in told.figures), _pods(kind)]),
        was=told.was,
        link=agent | subject,
        dashboard=f"agentweave-agent{dashboard}",
    )


def _said(text: str) -> str:
    return text.replace("{agent}", _AGENT).replace("{subject}", _SUBJECT)


def _query(promql: str, kind: ConditionKind) -> str:
    return f"query (printf `{promql}` {_ARGUMENTS}{' $labels.subject' * bool(kind.subject)})"


def _matchers(kind: ConditionKind) -> str:
    return _OF + ",subject=%[5]q" * bool(kind.subject)


def _figure(figure: Figure, kind: ConditionKind) -> str:
    """The sentence, where each of its numbers is there."""
    true = f'agentweave:condition:true{{condition="{kind.name}",{_matchers(kind)}}}'
    queries = [each.replace("{of}", _OF).replace("{true}", true) for each in figure.queries]
    places = iter(range(len(queries)))
    said = re.sub(
        r"\{(labels )?(\w+)\}", lambda found: _told(f"$n{next(places)}", found[2], bool(found[1])), figure.says
    )
    asked = "\n".join(f"{{{{- with $n{number} := {_query(each, kind)} -}}}}" for number, each in enumerate(queries))
    return f'{asked}\n{{{{ " " }}}}{said}{"{{ end }}" * len(queries)}'


def _told(found: str, how: str, labels: bool) -> str:
    if not labels:
        return f"{{{{ {found} | first | value | {how} }}}}"
    return (
        f'{{{{ range $i, $one := {found} | sortByLabel "{how}" }}}}{{{{ if lt $i {_LISTED} }}}}'
        f"{{{{ if $i }}}}, {{{{ end }}}}{{{{ $one.Labels.{how} }}}}{{{{ end }}}}{{{{ end }}}}"
        f"{{{{ if gt (len {found}) {_LISTED} }}}} and others{{{{ end }}}}"
    )


def _pods(kind: ConditionKind) -> str:
    """On which pods it is seen, why, on how many of them, since when."""
    reasons = _query(f'agentweave:condition:reason{{condition="{kind.name}",{_matchers(kind)}}}', kind)
    pods = _query(f"count(group by (pod) (agentweave_watcher_target_info{{{_OF}}})) > 1", kind)
    since = _query(f'min(ALERTS_FOR_STATE{{alertname="AgentWeave{kind.name}",{_matchers(kind)}}})', kind)
    return "\n".join(
        (
            f'{{{{ with {reasons} | sortByLabel "pod" -}}}}',
            "Seen on {{ range $i, $seen := . }}{{ if lt $i 5 }}{{ if $i }}, {{ end -}}",
            "{{ $seen.Labels.pod }} ({{ $seen.Labels.reason }}){{ end }}{{ end -}}",
            "{{ if gt (len .) 5 }} and others{{ end }}{{ $count := len . -}}",
            f"{{{{ with {pods} -}}}}",
            ", {{ $count }} of {{ . | first | value }} pods",
            "{{- else }}{{ if gt $count 5 -}}",
            ", {{ $count }} pods in all",
            "{{- end }}{{ end }}",
            f"{{{{- with {since} -}}}}",
            r', since {{ . | first | value | humanizeTimestamp | reReplaceAll ":\\d\\d( |\\.).*" "" }} UTC{{ end -}}',
            ".",
            "{{- else -}}",
            "No current reading gives a reason.",
            "{{- end }}",
        )
    )
