"""Hosts and ports as they stand in addresses and URLs, and what of a URL may be shown."""

import re
from ipaddress import ip_address

_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:/*)?.*@([^/?#&]*)(.*)", re.DOTALL)
_PASSWORD_FOR_PORT = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://[^/:@?#\[\]]*):(?![0-9]*(?:[/?#]|$))[^/?#]*")
_VALUE = re.compile(r"(?<==)[^&]+|(?:(?<=&)|^)[^=&]+(?=&|$)")


def shown_url(url: str) -> str:
    """A URL, or what was meant to be one, without what may be secret in it: `https://...@host`, `?token=...`.

    Of one with an `@` no more than the host is shown: a password may hold any other character.
    """
    if match := _CREDENTIALS.fullmatch(url):
        return f"{match[1] or ''}...@{match[2]}{'/...' if match[3] else ''}"
    place, mark, query = _PASSWORD_FOR_PORT.sub(r"\1:...", url).partition("#")[0].partition("?")
    return place + mark + _VALUE.sub("...", query)


def is_ip_address(text: str, version: int | None = None) -> bool:
    """Whether this is an IP address (of version 4 or 6, where that is asked)."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return version in (None, address.version)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches this host."""
    if is_ip_address(host):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def join_host_port(host: str, port: int) -> str:
    """`10.0.0.7:8443`, `[fd00::7]:8443`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_host_port(address: str) -> tuple[str, int]:
    """Host and port of what `join_host_port` writes; ValueError where there is no port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
