"""What the network policies that select the agent's pods let in and out."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network

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
from probes.controls.judging import Statement

Rule = Mapping[str, object]
_PRIVATE = {4: ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), 6: ("fc00::/7",)}
_DNS = 53


@template_judge("deployment.network.policies-defined")
def policies_defined(case: TemplateCase) -> Iterator[Statement]:
    """A policy selects the pods."""
    policies = case.listing("NetworkPolicy")
    if policies.objects:
        yield good(_selected_by(policies.objects), policies.objects[0].ref)
    elif policies.lacks:
        yield lacking(policies.lacks)
    else:
        yield bad("No NetworkPolicy selects its pods.")


@template_judge("deployment.network.ingress-rules")
def ingress_rules(case: TemplateCase) -> Iterator[Statement]:
    """What comes in is restricted, and each rule names peers and ports that the pod has."""
    policies = case.listing("NetworkPolicy")
    numbers, names = _declared(case)
    for policy in _of(policies, "Ingress"):
        for rule in _rules(policy, "ingress"):
            if not mappings(rule.get("from")) or any(_is_all(_block(peer)) for peer in mappings(rule.get("from"))):
                yield bad(f"NetworkPolicy {short(policy.name)} lets all sources in.", policy.ref)
            ports = mappings(rule.get("ports"))
            if not ports or any("port" not in each for each in ports):
                yield bad(f"NetworkPolicy {short(policy.name)} lets in to all ports.", policy.ref)
            for each in ports:
                if "port" in each and not _is_declared(each, numbers, names):
                    told = f"NetworkPolicy {short(policy.name)} lets in to {_shown(each)}, which no container declares."
                    yield bad(told, policy.ref)
    yield from _restricted(policies, "Ingress", "What comes in is restricted to peers and declared ports.")


@template_judge("deployment.network.egress-rules")
def egress_rules(case: TemplateCase) -> Iterator[Statement]:
    """What goes out is restricted, DNS is allowed, and no rule allows everything."""
    policies = case.listing("NetworkPolicy")
    allowed = [(policy, rule) for policy in _of(policies, "Egress") for rule in _rules(policy, "egress")]
    for policy, rule in allowed:
        ports = mappings(rule.get("ports"))
        blocks = [_block(peer) for peer in mappings(rule.get("to"))]
        if not blocks:
            yield bad(f"NetworkPolicy {short(policy.name)} lets out to all destinations.", policy.ref)
        elif any(_is_all(block) and (not ports or not _spares_private(block)) for block in blocks):
            told = (
                f"NetworkPolicy {short(policy.name)} lets out to everywhere, without ports or private ranges in except."
            )
            yield bad(told, policy.ref)
    if not policies.lacks and _of(policies, "Egress") and not any(_allows(rule, _DNS) for _, rule in allowed):
        yield bad("No rule lets out to DNS, port 53.", _of(policies, "Egress")[0].ref)
    yield from _restricted(policies, "Egress", "What goes out is restricted, and DNS is allowed.")


@template_judge("deployment.network.default-deny")
def default_deny(case: TemplateCase) -> Iterator[Statement]:
    """A policy for all pods isolates both ways, and none that selects all allows everything again."""
    policies = case.listing("NetworkPolicy")
    for_all = Listing(tuple(each for each in policies.objects if _selects_all(each)), policies.lacks)
    for direction, key in (("Ingress", "ingress"), ("Egress", "egress")):
        for policy in _of(for_all, direction):
            if any(not mappings(rule.get("from" if key == "ingress" else "to")) and not mappings(rule.get("ports"))
                   for rule in _rules(policy, key)):  # fmt: skip
                yield bad(f"NetworkPolicy {short(policy.name)} allows all pods every {key} again.", policy.ref)
        yield from _restricted(for_all, direction, f"All pods are isolated for {key}.")


def _restricted(policies: Listing, direction: str, yes: str) -> Iterator[Statement]:
    """Good by a complete list alone: another policy could allow what these do not."""
    found = _of(policies, direction)
    if policies.lacks:
        yield lacking(policies.lacks)
    elif found:
        yield good(yes, found[0].ref)
    else:
        yield bad(f"No NetworkPolicy restricts {direction.lower()}.")


def _of(policies: Listing, direction: str) -> Sequence[KubeObject]:
    return [each for each in policies.objects if direction in _directions(mapping(each.body.get("spec")))]


def _directions(spec: Mapping[str, object]) -> Sequence[str]:
    """By policyTypes; left out: Ingress, and Egress where there are such rules."""
    given = texts(spec.get("policyTypes"))
    return given or (("Ingress", "Egress") if mappings(spec.get("egress")) else ("Ingress",))


def _rules(policy: KubeObject, key: str) -> Sequence[Rule]:
    return mappings(mapping(policy.body.get("spec")).get(key))


def _selects_all(policy: KubeObject) -> bool:
    selector = mapping(mapping(policy.body.get("spec")).get("podSelector"))
    return not mapping(selector.get("matchLabels")) and not mappings(selector.get("matchExpressions"))


def _block(peer: Rule) -> Mapping[str, object]:
    return mapping(peer.get("ipBlock"))


def _is_all(block: Mapping[str, object]) -> bool:
    return block.get("cidr") in ("0.0.0.0/0", "::/0")


def _spares_private(block: Mapping[str, object]) -> bool:
    """Whether every private range lies in one of `except`."""
    spared = []
    for each in texts(block.get("except")):
        try:
            spared.append(ip_network(each, strict=False))
        except ValueError:
            continue
    version = 6 if block.get("cidr") == "::/0" else 4
    same = [each for each in spared if each.version == version]
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


def _allows(rule: Rule, number: int) -> bool:
    ports = mappings(rule.get("ports"))
    return not ports or any(_covers(each, number) for each in ports)


def _covers(port: Rule, number: int) -> bool:
    first, last = port.get("port"), port.get("endPort")
    if first is None:
        return True
    if not isinstance(first, int):
        return first == "dns"
    return first <= number <= (last if isinstance(last, int) else first)


def _selected_by(policies: Sequence[KubeObject]) -> str:
    shown = ", ".join(short(each.name) for each in policies[:2])
    if len(policies) == 1:
        return f"NetworkPolicy {shown} selects its pods."
    more = f" and {len(policies) - 2} more" if len(policies) > 2 else ""
    return f"NetworkPolicies {shown}{more} select its pods."
