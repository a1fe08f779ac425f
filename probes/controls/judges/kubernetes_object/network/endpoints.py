"""What the agent's config shows of egress: its endpoints, against the rules of network policies."""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control
from probes.controls.evidence import AgentObjects, EvidenceSet, Missing
from probes.controls.judges.effective_keys import CONFIG, config_of
from probes.controls.judges.kubernetes_object.case import OBJECT, TemplateCase
from probes.controls.judges.kubernetes_object.network.egress import unmapped_endpoints
from probes.controls.judges.kubernetes_object.network.read_policies import read_policies
from probes.controls.judging import Facts, Says, Statement, judge


@judge("deployment.network.egress-rules", of=[CONFIG])
def endpoints_are_let_out(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Each endpoint of the config is on this host or at an address that a rule allows; what is not is no fault of the
    config, and told of the objects."""
    objects = evidence.of(OBJECT, AgentObjects)
    if isinstance(objects, Missing) or isinstance(objects.value.template, Missing):
        return
    if config_of(evidence).value.in_place is not True:  # the process may go by another
        return
    case = TemplateCase(control, evidence, facts, objects.value, objects.value.template)
    policies = case.listing("NetworkPolicy")
    _, outgoing = read_policies(policies)
    if policies.complete and not any(unmapped_endpoints(case, [each.rule for each in outgoing.rules])):
        told = "Each endpoint of the config is on this host, or at an address that a rule lets out to."
        yield Statement(CONFIG, Says.GOOD, told)
