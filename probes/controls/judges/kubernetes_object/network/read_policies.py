"""What of network policies is the same for all agents that they select: it is found out once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import collapse_addresses, ip_network
from typing import NamedTuple

from probes.controls.evidence import KubeObject, Listing
from probes.controls.judges.kubernetes_object.case import bad, mapping, mappings, short, texts
from probes.controls.judges.kubernetes_object.network.policy_rules import Rule, are_all_ports, elements, networks
from probes.controls.judges.once import once
from probes.controls.judging import Statement

_PRIVATE = {4: ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), 6: ("fc00::/7",)}


class ReadRule(NamedTuple):
    """One rule of a policy."""

    policy: KubeObject
    rule: Rule
    faults: tuple[Statement, ...]  # whichever pods it selects
    some_ports: tuple[Rule, ...]  # those that name one


class Restriction(NamedTuple):
    """What the policies have of one direction."""

    policies: tuple[KubeObject, ...]  # that restrict it
    rules: tuple[ReadRule, ...]  # of these
    for_all: tuple[KubeObject, ...]  # of these, those that select all pods
    opened: tuple[Statement, ...]  # of those for all, that one allows everything again


@once
def read_policies(policies: Listing) -> Iterator[Restriction]:
    """Ingress, then egress."""
    for direction, read in (("Ingress", _incoming), ("Egress", _outgoing)):
        found = tuple([each for each in policies.objects if direction in _directions(mapping(each.body.get("spec")))])
        key = direction.lower()
        rules = tuple([read(policy, rule) for policy in found for rule in _rules(policy, key)])
        for_all = tuple([each for each in found if _selects_all(each)])
        yield Restriction(found, rules, for_all, tuple(_opened(for_all, key)))


def _incoming(policy: KubeObject, rule: Rule) -> ReadRule:
    peers, ports, said = mappings(rule.get("from")), elements(rule.get("ports")), []
    if not peers or _are_all(peers):
        but = " but those in except" if peers and not _are_all(_whole(peers)) else ""
        said.append(bad(f"NetworkPolicy {short(policy.name)} lets all sources in{but}.", policy.at("from", of=rule)))
    if are_all_ports(ports):
        said.append(bad(f"NetworkPolicy {short(policy.name)} lets in to all ports.", policy.at("ports", of=rule)))
    return ReadRule(policy, rule, tuple(said), tuple([each for each in ports if not are_all_ports([each])]))


def _outgoing(policy: KubeObject, rule: Rule) -> ReadRule:
    peers, ports, said = mappings(rule.get("to")), elements(rule.get("ports")), []
    if not peers:
        some = "" if are_all_ports(ports) else ", though on some ports alone"
        said.append(
            bad(f"NetworkPolicy {short(policy.name)} lets out to all destinations{some}.", policy.at("to", of=rule))
        )
    elif _are_all(peers) and not (ports and _spare_private(peers)):
        told = f"NetworkPolicy {short(policy.name)} lets out to everywhere, without ports or private ranges in except."
        said.append(bad(told, policy.at("to", of=rule)))
    return ReadRule(policy, rule, tuple(said), ())


def _opened(for_all: Sequence[KubeObject], key: str) -> Iterator[Statement]:
    for policy in for_all:
        open_to_all = [r for r in _rules(policy, key) if _allows_everything(r, "from" if key == "ingress" else "to")]
        if open_to_all:
            told = f"NetworkPolicy {short(policy.name)} allows all pods every {key} again."
            yield bad(told, policy.at(of=open_to_all[0]))


def _directions(spec: Mapping[str, object]) -> Sequence[str]:
    """By policyTypes; left out: Ingress, and Egress where there are such rules."""
    given = texts(spec.get("policyTypes"))
    return given or (("Ingress", "Egress") if elements(spec.get("egress")) else ("Ingress",))


def _rules(policy: KubeObject, key: str) -> Sequence[Rule]:
    return elements(mapping(policy.body.get("spec")).get(key))


def _selects_all(policy: KubeObject) -> bool:
    selector = mapping(mapping(policy.body.get("spec")).get("podSelector"))
    return not mapping(selector.get("matchLabels")) and not mappings(selector.get("matchExpressions"))


def _allows_everything(rule: Rule, key: str) -> bool:
    peers = mappings(rule.get(key))
    return (not peers or _are_all(_whole(peers))) and are_all_ports(elements(rule.get("ports")))


def _block(peer: Rule) -> Mapping[str, object]:
    return mapping(peer.get("ipBlock"))


def _whole(peers: Sequence[Rule]) -> Sequence[Rule]:
    """Those that leave nothing of their addresses out."""
    return [each for each in peers if not _block(each).get("except")]


def _is_all(block: Mapping[str, object]) -> bool:
    """Whatever stands before it: older API servers take 10.0.0.0/0, and it is everywhere too."""
    return re.fullmatch(r"[0-9a-fA-F.:]+/0+", str(block.get("cidr"))) is not None


def _are_all(peers: Sequence[Rule]) -> bool:
    """Whether one is everywhere, or all of them together, as 0.0.0.0/1 and 128.0.0.0/1 are."""
    blocks = [_block(peer) for peer in peers]
    return any(map(_is_all, blocks)) or any(_covers_all(blocks, version) for version in (4, 6))


def _covers_all(blocks: Sequence[Mapping[str, object]], version: int) -> bool:
    """By blocks without `except`: what others leave out is left out."""
    cidrs = [block["cidr"] for block in blocks if block.get("cidr") and not block.get("except")]
    found = networks(cidrs)
    return any(each.prefixlen == 0 for each in collapse_addresses(each for each in found if each.version == version))  # type: ignore[type-var]


def _spare_private(peers: Sequence[Rule]) -> bool:
    """Whether those that are everywhere leave the private ranges out; several that are so together leave out none."""
    blocks = [_block(peer) for peer in peers]
    together = any(_covers_all(blocks, version) for version in (4, 6))
    return not together and all(map(_spares_private, filter(_is_all, blocks)))


def _spares_private(block: Mapping[str, object]) -> bool:
    """Whether every private range lies in one of `except`."""
    version = 6 if ":" in str(block.get("cidr")) else 4
    same = [each for each in networks(texts(block.get("except"))) if each.version == version]
    return all(any(ip_network(private).subnet_of(each) for each in same) for private in _PRIVATE[version])  # type: ignore[arg-type]
