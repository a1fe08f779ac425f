"""What the network policies that select the agent's pods let in and out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import collapse_addresses, ip_network

from probes.controls.evidence import KubeObject, Listing
from probes.controls.judges.kubernetes_object.case import (
    TemplateCase,
    bad,
    good,
    lacking,
    mapping,
    mappings,
    short,
    template_judge,
    texts,
)
from probes.controls.judges.kubernetes_object.network.egress import lets_out_to_dns, unmapped_endpoints
from probes.controls.judges.kubernetes_object.network.other_policies import beside
from probes.controls.judges.kubernetes_object.network.policy_rules import (
    Rule,
    are_all_ports,
    elements,
    networks,
    of_direction,
    rules_of,
)
from probes.controls.judging import Statement

_PRIVATE = {4: ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), 6: ("fc00::/7",)}


@template_judge("deployment.network.policies-defined")
def policies_defined(case: TemplateCase) -> Iterator[Statement]:
    """A policy selects the pods."""
    policies = case.listing("NetworkPolicy")
    if policies.objects:
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
    numbers, names = _declared(case)
    for policy in of_direction(policies, "Ingress"):
        for rule in rules_of(policy, "ingress"):
            peers = mappings(rule.get("from"))
            if not peers or _are_all(peers):
                whole = [each for each in peers if not _block(each).get("except")]
                but = " but those in except" if peers and not _are_all(whole) else ""
                yield bad(f"NetworkPolicy {short(policy.name)} lets all sources in{but}.", policy.ref)
            ports = elements(rule.get("ports"))
            if are_all_ports(ports):
                yield bad(f"NetworkPolicy {short(policy.name)} lets in to all ports.", policy.ref)
            for each in ports:
                if not are_all_ports([each]) and not _is_declared(each, numbers, names):
                    told = f"NetworkPolicy {short(policy.name)} lets in to {_shown(each)}, which no container declares."
                    yield bad(told, policy.ref)
    yield from _restricted(case, policies, "Ingress", "What comes in is restricted to peers and declared ports.")


@template_judge("deployment.network.egress-rules")
def egress_rules(case: TemplateCase) -> Iterator[Statement]:
    """What goes out is restricted, DNS is allowed, and no rule allows everything."""
    policies = case.listing("NetworkPolicy")
    allowed = [(policy, rule) for policy in of_direction(policies, "Egress") for rule in rules_of(policy, "egress")]
    for policy, rule in allowed:
        ports, peers = elements(rule.get("ports")), mappings(rule.get("to"))
        if not peers:
            yield bad(f"NetworkPolicy {short(policy.name)} lets out to all destinations.", policy.ref)
        elif _are_all(peers) and (not ports or not all(map(_spares_private, filter(_is_all, map(_block, peers))))):
            told = (
                f"NetworkPolicy {short(policy.name)} lets out to everywhere, without ports or private ranges in except."
            )
            yield bad(told, policy.ref)
    if (
        not policies.lacks
        and of_direction(policies, "Egress")
        and not any(lets_out_to_dns(case, *each) for each in allowed)
    ):
        yield bad("No rule lets out to DNS, UDP port 53.", of_direction(policies, "Egress")[0].ref)
    if not policies.lacks:
        yield from unmapped_endpoints(case, [rule for _, rule in allowed])
    yield from _restricted(case, policies, "Egress", "What goes out is restricted, and DNS is allowed.")


@template_judge("deployment.network.default-deny")
def default_deny(case: TemplateCase) -> Iterator[Statement]:
    """A policy for all pods isolates both ways, and none that selects all allows everything again."""
    policies = case.listing("NetworkPolicy")
    for_all = Listing(tuple(each for each in policies.objects if _selects_all(each)), policies.lacks)
    for direction, key in (("Ingress", "ingress"), ("Egress", "egress")):
        for policy in of_direction(for_all, direction):
            if any(_allows_everything(rule, "from" if key == "ingress" else "to") for rule in rules_of(policy, key)):
                yield bad(f"NetworkPolicy {short(policy.name)} allows all pods every {key} again.", policy.ref)
        yield from _restricted(case, for_all, direction, f"All pods are isolated for {key}.")


def _restricted(case: TemplateCase, policies: Listing, direction: str, yes: str) -> Iterator[Statement]:
    """Good by a complete list alone: another policy could allow what these do not, also one of another kind."""
    found = of_direction(policies, direction)
    if policies.lacks:
        yield lacking(policies.lacks)
    elif doubt := beside(case):
        yield doubt
    elif found:
        yield good(yes, found[0].ref)
    else:
        yield bad(f"No NetworkPolicy restricts {direction.lower()}.")


def _selects_all(policy: KubeObject) -> bool:
    selector = mapping(mapping(policy.body.get("spec")).get("podSelector"))
    return not mapping(selector.get("matchLabels")) and not mappings(selector.get("matchExpressions"))


def _allows_everything(rule: Rule, key: str) -> bool:
    peers = mappings(rule.get(key))
    blocks = [block for block in map(_block, peers) if not block.get("except")]
    everywhere = any(map(_is_all, blocks)) or any(_covers_all(blocks, version) for version in (4, 6))
    return (not peers or everywhere) and are_all_ports(elements(rule.get("ports")))


def _block(peer: Rule) -> Mapping[str, object]:
    return mapping(peer.get("ipBlock"))


def _is_all(block: Mapping[str, object]) -> bool:
    """Whatever stands before it: older API servers take 10.0.0.0/0, and it is everywhere too."""
    return re.fullmatch(r"[0-9a-fA-F.:]+/0+", str(block.get("cidr"))) is not None


def _are_all(peers: Sequence[Rule]) -> bool:
    """Whether one is everywhere, or all of them together, as 0.0.0.0/1 and 128.0.0.0/1 are."""
    blocks = [_block(peer) for peer in peers]
    return any(map(_is_all, blocks)) or any(_covers_all(blocks, version) for version in (4, 6))


def _covers_all(blocks: Sequence[Mapping[str, object]], version: int) -> bool:
    """By blocks without `except`: what others leave out is left out."""
    found = [each for block in blocks if not block.get("except") for each in networks([block.get("cidr")])]
    return any(each.prefixlen == 0 for each in collapse_addresses(each for each in found if each.version == version))  # type: ignore[type-var]


def _spares_private(block: Mapping[str, object]) -> bool:
    """Whether every private range lies in one of `except`."""
    version = 6 if ":" in str(block.get("cidr")) else 4
    same = [each for each in networks(texts(block.get("except"))) if each.version == version]
    return all(any(ip_network(private).subnet_of(each) for each in same) for private in _PRIVATE[version])  # type: ignore[arg-type]


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
