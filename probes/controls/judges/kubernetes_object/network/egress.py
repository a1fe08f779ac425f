"""Whether rules of network policies let out to DNS, and to the endpoints that the agent's config names."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, KubeObject, Missing
from probes.controls.judges.agent_config.case import ConfigCase
from probes.controls.judges.agent_config.endpoints import endpoints_of
from probes.controls.judges.kubernetes_object.case import TemplateCase, mapping, mappings, texts, unclear
from probes.controls.judges.kubernetes_object.network.policy_rules import Rule, allows_port, networks
from probes.controls.judging import Statement

_DNS = 53
_NAMESPACE = "kubernetes.io/metadata.name"
_SYSTEM = "kube-system"
_PORTS = {"http": 80, "https": 443}


def lets_out_to_dns(case: TemplateCase, policy: KubeObject, rule: Rule) -> bool:
    """Whether it allows UDP port 53 to a peer that can be DNS."""
    peers = mappings(rule.get("to"))
    own = case.template.spec.get("dnsPolicy") == "None"  # then any pod may be the resolver
    return allows_port(rule, _DNS, "UDP") and (not peers or own or any(_can_be_dns(policy, each) for each in peers))


def _can_be_dns(policy: KubeObject, peer: Rule) -> bool:
    """Not where its labels name a namespace, or pods, without a word of DNS; pods alone are those of the namespace."""
    if "ipBlock" in peer:
        return True
    of_namespaces, of_pods = peer.get("namespaceSelector"), peer.get("podSelector")
    name = mapping(mapping(of_namespaces).get("matchLabels")).get(_NAMESPACE)
    if of_namespaces is None:
        name = policy.namespace
    if name is not None and name != _SYSTEM and "dns" not in str(name):
        return of_namespaces is None and _named_dns(of_pods)
    return not mapping(mapping(of_pods).get("matchLabels")) or _named_dns(of_pods)


def _named_dns(selector: object) -> bool:
    labels = mapping(mapping(selector).get("matchLabels"))
    return any("dns" in f"{key} {value}".lower() for key, value in labels.items())


def unmapped_endpoints(case: TemplateCase, rules: Sequence[Rule]) -> Iterator[Statement]:
    """Endpoints of the config off this host that no rule allows by address: only the pods behind a name could tell."""
    found = case.evidence.of(SourceName.AGENT_CONFIG, AgentConfigFile)
    if isinstance(found, Missing):
        return
    if found.value.broken:
        yield unclear(UnknownReason.UNPARSEABLE, "The config cannot be read, so its endpoints are not known.")
        return
    config = ConfigCase(case.control, found, case.facts, case.facts.sdk.of(found.value.sdk_version))
    for path, url in endpoints_of(config):
        if not any(_allows(rule, url) for rule in rules):
            told = f"Whether a rule lets out to {path} is not known: its address is not."
            yield unclear(UnknownReason.SOURCE_MISSING, told)


def _allows(rule: Rule, url: str) -> bool:
    parts = urlsplit(url)
    try:
        address, port = ip_address(parts.hostname or ""), parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return False
    blocks = [mapping(peer.get("ipBlock")) for peer in mappings(rule.get("to"))]
    return allows_port(rule, port, "TCP") and any(_has(block, address) for block in blocks)


def _has(block: Mapping[str, object], address: IPv4Address | IPv6Address) -> bool:
    left_out = networks(texts(block.get("except")))
    return any(address in each for each in networks([block.get("cidr")])) and not any(address in e for e in left_out)
