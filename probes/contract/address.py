"""Hosts and ports as they stand in addresses and URLs."""

from ipaddress import ip_address


def is_ip_address(text: str, version: int | None = None) -> bool:
    """Whether this is an IP address (of version 4 or 6, where that is asked)."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return version in (None, address.version)


def join_host_port(host: str, port: int) -> str:
    """`10.0.0.7:8443`, `[fd00::7]:8443`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_host_port(address: str) -> tuple[str, int]:
    """Host and port of what `join_host_port` writes; ValueError where there is no port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
