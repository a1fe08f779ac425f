"""Can the receivers of critical alerts tell anybody, and do they?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, SourceName
from probes.controls.evidence import AlertmanagerLook, EvidenceSet, PrometheusLook, Seen
from probes.controls.evidence.prometheus import AlertRule
from probes.controls.judges.alertmanager.routing import outcomes
from probes.controls.judges.kubernetes_object.case import short
from probes.controls.judging import Facts, Says, Statement, judge

_ALERTMANAGER = SourceName.ALERTMANAGER
_BAD = Says.BAD
_ANY = {"alertname": "AgentWeaveOPAUnreachable", "severity": "critical"}
"""What is taken for a critical alert where its rules are not known."""


@judge("observability.alerts.critical-configured", of=[_ALERTMANAGER])
def receivers_have_integrations(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """Whether each critical alert of the checklist is routed to a receiver that has an integration."""
    found = evidence.of(_ALERTMANAGER, AlertmanagerLook)
    if not isinstance(found, Seen):
        return
    look = found.value
    for labels in _critical(evidence):
        told = outcomes(look.route, labels)
        if told and not any(_tells(look, receiver) for each in told for receiver in each):
            names = " or ".join(sorted({receiver for each in told for receiver in each}))[:80]
            said = (
                f"The alert {labels['alertname'][:60]} is routed to {names}, which has no integration: nobody is told."
            )
            yield Statement(_ALERTMANAGER, _BAD, said)
            return


@judge("observability.alerts.tested", of=[_ALERTMANAGER])
def notifications_succeed(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """Whether more than a twentieth of the notifications of a receiver of critical alerts failed in 24 h."""
    found = evidence.of(_ALERTMANAGER, AlertmanagerLook)
    if not isinstance(found, Seen):
        return
    look = found.value
    told = [outcomes(look.route, labels) or () for labels in _critical(evidence)]
    for name in sorted({receiver for every in told for each in every for receiver in each}):
        for way in look.ways.get(name, ()):
            if way.is_closed:
                share = f"{way.failed:.0f} of {way.notifications:.0f}"
                by = f"{short(way.integration)} failed in the last 24 h (receiver {short(name)})"
                said = f"{share} notifications by {by}."
                yield Statement(_ALERTMANAGER, _BAD, said)
                return


def _critical(evidence: EvidenceSet) -> Iterator[dict[str, str]]:
    """What is known of the labels of each critical alert of the agent."""
    found, of_agent = evidence.of(SourceName.PROMETHEUS, PrometheusLook), _agent(evidence)
    rules = [each for each in found.value.book.alerts if _is_critical(each)] if isinstance(found, Seen) else []
    for rule in rules:
        fixed = {
            name: value for name, value in rule.labels if "{{" not in value
        }  # a template is filled in when it fires
        yield {**of_agent, **fixed, "alertname": rule.name}
    if not rules:
        yield {**of_agent, **_ANY}


def _is_critical(rule: AlertRule) -> bool:
    return rule.severity == "critical" and rule.control.startswith("alerts.")


def _agent(evidence: EvidenceSet) -> dict[str, str]:
    return {"namespace": evidence.agent.namespace, "agent": evidence.agent.agent}


def _tells(look: AlertmanagerLook, receiver: str) -> bool:
    return bool(look.receivers.get(receiver))
