"""What is told of the checklist: controls that are met no more, evidence, rounds, records, reviews."""

from watcher.alerting.rules.core import INSTALLATION, INSTANCE, LED, SHARDS_MISSING
from watcher.alerting.rules.descriptions import Alert, Record
from watcher.config.checklist import LONGEST_ROUND

_READINESS = "agentweave-readiness"
_AGENT = f"{INSTALLATION}, namespace, agent"
_COUNT = '{{ printf "%.0f" $value }}'

STALE_AFTER = round(2 * LONGEST_ROUND)
"""Seconds since the last complete round after which what the checklist says is old, whatever its interval."""


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


_EVERYTHING_KNOWN = f"""\
agentweave_watcher_discovery_last_success_timestamp_seconds
  {LED}
  unless on ({INSTALLATION}) (
    {_indented(SHARDS_MISSING)}
  )
  unless on ({INSTALLATION}) (
    agentweave_watcher_checklist_catalogue_info
      {LED}
      unless on ({INSTANCE}) agentweave_watcher_checklist_last_complete_timestamp_seconds
  )"""
"""Installations that are there as a whole, and have judged all: of these, what they do not tell is no more."""

REGRESSED_CONTROL = Record(
    name="agentweave:control:regressed",
    comment="""\
When a control that an agent met was met no more. It stays while nobody can say otherwise: the watcher is gone, or a
shard of it, or it has begun anew and not yet judged the agent. An agent that is gone drops at once.""",
    expression=f"""\
max by ({_AGENT}, control, from, to) (
  agentweave_watcher_control_regressed_timestamp_seconds
    {LED}
)
or
(
  agentweave:control:regressed
    unless on ({_AGENT}) (
      agentweave_watcher_readiness
        {LED}
    )
    unless on ({INSTALLATION}) (
      {_EVERYTHING_KNOWN.replace(chr(10), chr(10) + "      ")}
    )
)""",
)

_OF = "agentweave:control:regressed{cluster=%q,job=%q,namespace=%q,control=%q}"
_ARGUMENTS = "$labels.cluster $labels.job $labels.namespace $labels.control"

REGRESSED = Alert(
    name="AgentWeaveReadinessRegressed",
    comment="One a control and namespace: what a template or a policy of a namespace breaks, it breaks of many agents.",
    expression=f"""\
count by ({INSTALLATION}, namespace, control) (
  count by ({_AGENT}, control) (agentweave:control:regressed)
)""",
    held="5m",
    kept="5m",
    severity="warning",
    component="checklist",
    summary="Agents no longer meet a control of the production readiness checklist.",
    description=(
        f"{_COUNT} {{{{ if eq $value 1.0 }}}}agent{{{{ else }}}}agents{{{{ end }}}} in namespace "
        "{{ $labels.namespace }} no longer {{ if eq $value 1.0 }}meets{{ else }}meet{{ end }} the control "
        "{{ $labels.control }}"
        f'{{{{ with query (printf `{_OF}` {_ARGUMENTS}) | sortByLabel "agent" }}}}'
        ". {{ if eq $value 1.0 }}It is{{ else }}They are{{ end }} "
        "{{ range $i, $seen := . }}{{ if lt $i 5 }}{{ if $i }}, {{ end }}"
        "{{ $seen.Labels.agent }} ({{ $seen.Labels.from }} before, now {{ $seen.Labels.to }}){{ end }}{{ end }}"
        "{{ if gt (len .) 5 }} and others{{ end }}{{ end }}. "
        "The readiness page of the agent says why, and how to fix it."
    ),
    was="Agents did not meet a control of the production readiness checklist that they had met.",
    link={"namespace": "namespace", "control": "control"},
    dashboard=f"{_READINESS}?var-namespace={{{{ $labels.namespace | urlquery }}}}",
)

_DOWN = "agentweave_watcher_evidence_source_up{cluster=%q,job=%q,source=%q} == 0"

UNKNOWN = Alert(
    name="AgentWeaveControlsUnknown",
    comment="By the source alone: one that is now forbidden and now unreachable has one trouble.",
    expression=f"""\
max by ({INSTALLATION}, source) (
  agentweave_watcher_evidence_source_up == bool 0
    {LED}
) == 1""",
    held="15m",
    severity="warning",
    component="watcher",
    summary="A source of evidence for the production readiness checklist is down.",
    description=(
        "The source {{ $labels.source }} gives no evidence"
        f"{{{{ with query (printf `{_DOWN}` $labels.cluster $labels.job $labels.source) }}}}, "
        'reason {{ . | first | label "reason" }}{{ end }}. '
        "Controls that need it are unknown, or keep what was seen last until that is too old; what fails stays failed."
    ),
    was="A source of evidence for the production readiness checklist was down.",
    link={"evidence": "source"},
    dashboard=_READINESS,
)

STALE = Alert(
    name="AgentWeaveChecklistStale",
    expression=f"""\
time() - max by ({INSTANCE}, pod) (
  agentweave_watcher_checklist_last_complete_timestamp_seconds
    {LED}
) > {STALE_AFTER}
or
max by ({INSTANCE}, pod) (
  agentweave_watcher_checklist_catalogue_info
    {LED}
    unless on ({INSTANCE}) agentweave_watcher_checklist_last_complete_timestamp_seconds
)""",
    held="15m",
    severity="warning",
    component="watcher",
    summary="The production readiness checklist is not judged in time.",
    description=(
        "{{ if gt $value 1.0 -}} "
        "The watcher at {{ $labels.instance }} judged all controls of all agents {{ $value | humanizeDuration }} ago "
        "for the last time. What it says of readiness may be as old as that. "
        "{{- else -}} "
        "The watcher at {{ $labels.instance }} has not judged all controls of all agents since it began: of some it "
        "says what it knew before, or nothing. "
        "{{- end }}"
    ),
    was="The production readiness checklist was not judged in time.",
    link={"watcher_pod": "pod"},
    dashboard=_READINESS,
)

FOLDED_OVER = 5
"""Controls of one namespace whose records end soon: of more there is one alert for all."""

_EXPIRING = f"""\
count by ({_AGENT}, control) (
  agentweave_watcher_record_expiring_timestamp_seconds{{control!="criteria.reviewed"}}
    {LED}
)"""
_BY_CONTROL = f"""\
count by ({INSTALLATION}, namespace, control) (
  {_indented(_EXPIRING).replace(chr(10) + "    ", chr(10) + "  ")}
)"""
_CONTROLS = f"""\
count by ({INSTALLATION}, namespace) (
  {_BY_CONTROL.replace(chr(10), chr(10) + "  ")}
) > {FOLDED_OVER}"""
_FIRST_END = (
    "min(agentweave_watcher_record_expiring_timestamp_seconds{cluster=%q,job=%q,namespace=%q,control=~%q}) - time()"
)
_OF_ENDS = (
    f"{{{{ $control := $labels.control }}}}{{{{ if not $control }}}}{{{{ $control = `.+` }}}}{{{{ end }}}}"
    f"{{{{ with query (printf `{_FIRST_END}` $labels.cluster $labels.job $labels.namespace $control) }}}}"
    ", the first in {{ . | first | value | humanizeDuration }}{{ end }}"
)

EXPIRING = Alert(
    name="AgentWeaveRecordExpiring",
    comment=f"""\
One a control and namespace; where more than {FOLDED_OVER} controls of a namespace are concerned, one for all.""",
    expression=f"""\
(
  {_BY_CONTROL.replace(chr(10), chr(10) + "  ")}
  unless on ({INSTALLATION}, namespace) (
    {_indented(_CONTROLS)}
  )
)
or
(
  {_CONTROLS.replace(chr(10), chr(10) + "  ")}
)""",
    held="15m",
    kept="15m",
    severity="warning",
    component="checklist",
    summary="Records of the production readiness checklist expire soon.",
    description=(
        "{{ if $labels.control }}"
        f"{_COUNT} {{{{ if eq $value 1.0 }}}}agent in namespace {{{{ $labels.namespace }}}} meets"
        "{{ else }}agents in namespace {{ $labels.namespace }} meet{{ end }} the control {{ $labels.control }}"
        "{{ else }}"
        f"{_COUNT} controls of agents in namespace {{{{ $labels.namespace }}}} are met"
        "{{ end }}"
        " by records that end soon"
        f"{_OF_ENDS}. "
        "Then they are expired, and the agents no longer ready where they are required. "
        "The page of records says which end next."
    ),
    was="Records of the production readiness checklist were about to expire.",
    link={"namespace": "namespace", "control": "control"},
    dashboard=f"{_READINESS}?var-namespace={{{{ $labels.namespace | urlquery }}}}",
)

OVERDUE = Alert(
    name="AgentWeaveReviewOverdue",
    expression=f"""\
time() - max by ({INSTALLATION}) (
  agentweave_watcher_review_due_timestamp_seconds
    {LED}
) > 0""",
    held="15m",
    severity="warning",
    component="checklist",
    summary="A review of the production readiness checklist is overdue.",
    description=(
        "The review of the checklist of the whole fleet has been due for {{ $value | humanizeDuration }}. "
        "No record says that people went through it since."
    ),
    was="A review of the production readiness checklist was overdue.",
    dashboard=_READINESS,
)

CHECKLIST = (REGRESSED_CONTROL, REGRESSED, UNKNOWN, STALE, EXPIRING, OVERDUE)
