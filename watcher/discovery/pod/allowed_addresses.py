"""May this address of a pod be looked at? Nobody who can name a pod's address may aim the watcher at another's."""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address
_network = lru_cache(ip_network)  # the same few texts for every pod

_METADATA = tuple(map(ip_network, ("fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32")))
"""Metadata services of clouds that are not link-local."""

_TRANSLATED = ip_network("64:ff9b::/96")
_BROADCAST = IPv4Address("255.255.255.255")


def refusal(ip: str, allowed: Collection[str], api_servers: Collection[str]) -> str:
    """Why this address is not looked at, as a sentence; empty where it may be. `allowed`: networks that always may."""
    try:
        address = ip_address(ip)
    except ValueError:
        return f"{ip[:60]!r} is not an IP address"
    if "%" in ip:
        return f"{ip[:60]} names an interface of the watcher's own machine"
    if any(address in _network(each) for each in allowed):
        return ""
    what = next((kind for each in {address, _inner(address)} if (kind := _kind(each, api_servers))), "")
    return what and f"{address} is {what}; discovery.kubernetes.allow_cidrs does not list it"


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for."""
    if not isinstance(address, IPv6Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _kind(address: Address, api_servers: Collection[str]) -> str:
    if address.is_unspecified or (isinstance(address, IPv4Address) and address in ip_network("0.0.0.0/8")):
        return "unspecified"
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast or address == _BROADCAST:
        return "a multicast or broadcast address"
    if any(address in network for network in _METADATA):
        return "a cloud's metadata service"
    return "the API server" if str(address) in api_servers else ""
