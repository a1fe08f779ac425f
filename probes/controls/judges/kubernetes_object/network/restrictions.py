"""What the network policies that select the agent's pods let in and out."""

from collections.abc import Iterator, Sequence

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import KubeObject, Listing
from probes.controls.judges.kubernetes_object.case import (
    TemplateCase,
    bad,
    good,
    lacking,
    mappings,
    short,
    template_judge,
    unclear,
)
from probes.controls.judges.kubernetes_object.network.egress import lets_out_to_dns, unmapped_endpoints
from probes.controls.judges.kubernetes_object.network.other_policies import beside
from probes.controls.judges.kubernetes_object.network.policy_rules import Rule
from probes.controls.judges.kubernetes_object.network.read_policies import read_policies
from probes.controls.judging import Statement


@template_judge("deployment.network.policies-defined")
def policies_defined(case: TemplateCase) -> Iterator[Statement]:
    """A policy selects the pods."""
    policies = case.listing("NetworkPolicy")
    if policies.objects and (doubt := _on_its_node(case)):
        yield doubt
    elif policies.objects:
        yield good(_selected_by(policies.objects), policies.objects[0].ref)
    elif policies.lacks:
        yield lacking(policies.lacks)
    elif doubt := beside(case):
        yield doubt
    else:
        yield bad("No NetworkPolicy selects its pods.")


@template_judge("deployment.network.ingress-rules")
def ingress_rules(case: TemplateCase) -> Iterator[Statement]:
    """What comes in is restricted, and each rule names peers and ports that the pod has."""
    policies = case.listing("NetworkPolicy")
    incoming, _ = read_policies(policies)
    numbers, names = _declared(case)
    for each in incoming.rules:
        yield from each.faults
        for port in each.some_ports:
            if not _is_declared(port, numbers, names):
                told = (
                    f"NetworkPolicy {short(each.policy.name)} lets in to {_shown(port)}, which no container declares."
                )
                yield bad(told, each.policy.at("ports", of=each.rule))
    yes = "What comes in is restricted to peers and declared ports."
    yield from _restricted(case, policies, incoming.policies, "ingress", yes)


@template_judge("deployment.network.egress-rules")
def egress_rules(case: TemplateCase) -> Iterator[Statement]:
    """What goes out is restricted, DNS is allowed, and no rule allows everything."""
    policies = case.listing("NetworkPolicy")
    _, outgoing = read_policies(policies)
    for each in outgoing.rules:
        yield from each.faults
    found = outgoing.policies
    if (
        not policies.lacks
        and found
        and not any(lets_out_to_dns(case, each.policy, each.rule) for each in outgoing.rules)
    ):
        yield bad("No rule lets out to DNS, UDP port 53.", found[0].ref)
    if not policies.lacks:
        yield from unmapped_endpoints(case, [each.rule for each in outgoing.rules])
    yield from _restricted(case, policies, found, "egress", "What goes out is restricted, and DNS is allowed.")


@template_judge("deployment.network.default-deny")
def default_deny(case: TemplateCase) -> Iterator[Statement]:
    """A policy for all pods isolates both ways, and none that selects all allows everything again."""
    policies = case.listing("NetworkPolicy")
    for key, found in zip(("ingress", "egress"), read_policies(policies), strict=True):
        yield from found.opened
        yield from _restricted(case, policies, found.for_all, key, f"All pods are isolated for {key}.")


def _restricted(
    case: TemplateCase, policies: Listing, found: Sequence[KubeObject], key: str, yes: str
) -> Iterator[Statement]:
    """Good by a complete list alone: another policy could allow what these do not, also one of another kind."""
    if policies.lacks:
        yield lacking(policies.lacks)
    elif doubt := beside(case) or (_on_its_node(case) if found else None):
        yield doubt
    elif found:
        yield good(yes, found[0].ref)
    else:
        yield bad(f"No NetworkPolicy restricts {key}.")


def _on_its_node(case: TemplateCase) -> Statement | None:
    """Why a policy that selects the pods proves nothing; None where it does."""
    if case.template.spec.get("hostNetwork") is not True:
        return None
    told = "The pods are on the network of their nodes (hostNetwork), where network plugins pass over NetworkPolicies."
    return unclear(UnknownReason.SOURCE_MISSING, told, case.template.at(case.template.spec, "hostNetwork"))


def _declared(case: TemplateCase) -> tuple[frozenset[int], frozenset[str]]:
    ports = [each for container in case.template.containers() for each in mappings(container.body.get("ports"))]
    numbers = (each.get("containerPort") for each in ports)
    names = (each.get("name") for each in ports)
    return (
        frozenset(each for each in numbers if isinstance(each, int)),
        frozenset(each for each in names if isinstance(each, str)),
    )


def _is_declared(port: Rule, numbers: frozenset[int], names: frozenset[str]) -> bool:
    number, end = port.get("port"), port.get("endPort")
    if isinstance(number, str):
        return number in names
    if not isinstance(number, int):
        return False
    last = end if isinstance(end, int) else number
    return last - number < len(numbers) and all(each in numbers for each in range(number, last + 1))


def _shown(port: Rule) -> str:
    end = f" to {short(port['endPort'])}" if "endPort" in port else ""
    return f"port {short(port.get('port'))}{end}"


def _selected_by(policies: Sequence[KubeObject]) -> str:
    shown = ", ".join(short(each.name) for each in policies[:2])
    if len(policies) == 1:
        return f"NetworkPolicy {shown} selects its pods."
    more = f" and {len(policies) - 2} more" if len(policies) > 2 else ""
    return f"NetworkPolicies {shown}{more} select its pods."
