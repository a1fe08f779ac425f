"""The rules of network policies: their ports and the addresses of their peers."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from probes.controls.judges.kubernetes_object.case import mappings

Rule = Mapping[str, object]
_LAST = 65535


def elements(value: object) -> Sequence[Rule]:
    """Rules or ports of a list; an empty one, `- `, is one that allows all, for the API server reads null as {}."""
    return mappings([{} if each is None else each for each in value]) if isinstance(value, list) else ()


def are_all_ports(ports: Sequence[Rule]) -> bool:
    """Whether these are all ports of a protocol: none is named, or from 1 to the last."""
    return not ports or any(
        each.get("port") is None or (each.get("port") == 1 and each.get("endPort") == _LAST) for each in ports
    )


def allows_port(rule: Rule, number: int, protocol: str) -> bool:
    """Whether its ports have this one; a rule without ports has all. What has no protocol is TCP."""
    ports = elements(rule.get("ports"))
    return not ports or any((each.get("protocol") or "TCP") == protocol and _covers(each, number) for each in ports)


def _covers(port: Rule, number: int) -> bool:
    first, last = port.get("port"), port.get("endPort")
    if first is None:
        return True
    if not isinstance(first, int):
        return number == 53 and first in ("dns", "domain")  # what resolvers call theirs
    return first <= number <= (last if isinstance(last, int) else first)


def networks(given: Sequence[object]) -> Sequence[IPv4Network | IPv6Network]:
    """Those that are written as one."""
    found = []
    for each in given:
        try:
            found.append(ip_network(str(each), strict=False))
        except ValueError:
            continue
    return found
