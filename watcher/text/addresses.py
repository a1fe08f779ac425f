"""Is this text an address, a URL or a SPIFFE ID that a target can have?"""

import re
from urllib.parse import urlsplit

from probes.contract.address import is_ip_address
from probes.contract.spiffe_id import parse_spiffe_id
from watcher.text.key_path import plain_name

DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
"""Names of namespaces and the like in Kubernetes (RFC 1123), as a pattern."""

_HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_HOST_PORT = re.compile(r"(?:\[(?P<ip6>[^\[\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")
_URL_CHARACTERS = re.compile(r"[!-~]{1,2048}")
_SURELY_PUBLIC = re.compile(r"[A-Za-z0-9._/-]*(?::[0-9]{1,5}(?:/[A-Za-z0-9._/-]*)?)?")
_SEGMENTS = re.compile(r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")

_BEFORE_A_PATH = re.compile(r"^(?:v1/)?data/(?=.)")


def host(text: str) -> str:
    """An IP address or a host name (RFC 1123, with `_`), as given; ValueError for anything else.

    A namespace of Kubernetes may be called `2024`, and a Service in it `watcher.2024`; numbers alone are no name.
    """
    labels = text.rstrip(".").split(".")
    named = len(text) <= 253 and all(map(_HOST_LABEL.fullmatch, labels)) and not all(map(str.isdigit, labels))
    if not named and not is_ip_address(text):
        raise ValueError(f"expected an IP address or a host name, got {plain_name(text)}")
    return text


def host_name(text: str) -> str:
    """A host name, as given; ValueError for an IP address and anything else."""
    if is_ip_address(text):
        raise ValueError(f"expected a host name, got the IP address {text}")
    return host(text)


def host_port(text: str) -> str:
    """`10.0.0.7:8443`, `[::1]:8443` or `search.prod.svc:8443`, as given; ValueError for anything else."""
    match = _HOST_PORT.fullmatch(text)
    if match is None or not _is_host(match) or not 1 <= int(match["port"]) <= 65535:
        raise ValueError(
            f"expected an address such as 10.0.0.7:8443 or [::1]:8443, with a port from 1 to 65535, "
            f"got {plain_name(text)}"
        )
    return text


def http_url(text: str) -> str:
    """An http or https URL with a host and without credentials or a fragment, as given; ValueError otherwise."""
    if not _is_http_url(text):
        raise ValueError(
            "expected an http or https URL with a host, such as http://10.0.0.7:9090/metrics, without "
            f"user, password and fragment{_got(text)}"
        )
    return text


def base_url(text: str) -> str:
    """The same without a query, for paths to be added; ValueError otherwise."""
    if "?" in http_url(text):
        raise ValueError(f"expected a URL without a query, got {plain_name(text)}")
    return text


def spiffe_id(text: str) -> str:
    """The SPIFFE ID of a workload (SPIFFE-ID, sections 2.1 to 2.4), as given; ValueError for anything else."""
    parsed = parse_spiffe_id(text)
    if parsed is None or not parsed.path:
        raise ValueError(f"expected a SPIFFE ID such as spiffe://example.org/agent/search, got {plain_name(text)}")
    return text


def decision_path(text: str) -> str:
    """A path below OPA's /v1/data, as given; ValueError for anything else, also for a rule's name in Rego.

    OPA answers a path that leads nowhere as it answers a missing policy, so what can only be a slip is none.
    """
    meant = _BEFORE_A_PATH.sub("", text.strip("/").replace(".", "/"))
    if _SEGMENTS.fullmatch(meant) and len(text) <= 512:
        if meant == text:
            return text
        raise ValueError(f"expected a path below /v1/data with slashes, here {meant}, got {plain_name(text)}")
    raise ValueError(f"expected a path such as agentweave/authz/allow, got {plain_name(text)}")


def _got(text: str) -> str:
    """What was given instead, unless a password may stand anywhere in it."""
    return f", got {plain_name(text)}" if _SURELY_PUBLIC.fullmatch(text) or "://" in text else ""


def _is_host(match: re.Match[str]) -> bool:
    if match["ip6"]:
        return is_ip_address(match["ip6"], 6)
    try:
        host(match["host"])
    except ValueError:
        return False
    return True


def _is_http_url(text: str) -> bool:
    if not _URL_CHARACTERS.fullmatch(text):
        return False
    try:
        url = urlsplit(text)
        named = bool(url.hostname) and bool(host(url.hostname or "")) and url.port != 0
    except ValueError:
        return False
    return text.startswith(("http://", "https://")) and named and "@" not in url.netloc and "#" not in text
