"""Where is the OPA that an agent asks?"""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from probes.contract.address import is_ip_address, join_host_port
from watcher.discovery.pod.agent_config import AgentConfig
from watcher.discovery.pod.containers import OPA_ADDRESS, OPA_CERTIFICATE, Sidecar
from watcher.discovery.pod.pod import WATCH, Pod
from watcher.text.key_path import plain_name

DEFAULT_ENDPOINT = "http://localhost:8181"
ON_LOOPBACK = "its OPA listens at loopback port"
"""How a problem of a target begins whose OPA can only be asked from within its pod, which is as it should be."""

_ADDRESS = re.compile(r"(?:(?P<scheme>https?)://)?(?P<host>\[[0-9a-fA-F:.]*\]|[^:/\[\]]*):(?P<port>[0-9]{1,5})/?")
_BEFORE_1 = re.compile(r".*:v?0\.[0-9]+(?:[.-].*)?")


class Opa(NamedTuple):
    """An OPA to ask, if there is one."""

    url: str | None
    inferred: bool = False  # nobody said that it can be asked from outside the pod
    problems: tuple[str, ...] = ()
    origin: str = ""  # who says so, a few words
    unlearnt: str = ""  # why it is not known whether there is one, or where: a part of a sentence


class _Listener(NamedTuple):
    scheme: str
    port: int
    loopback: bool


def find_opa(pod: Pod, config: AgentConfig, port: int | None, allowed_hosts: Collection[str]) -> Opa:
    """By the agent's own config and the sidecar's arguments; `port`: what an annotation sets, if it may (0: none)."""
    if config.provider not in (None, "opa"):
        return Opa(None)
    if config.opa_endpoint is None and pod.opa is None and not port:
        return Opa(None, unlearnt="" if port == 0 else _doubt(config))
    endpoint = urlsplit(config.opa_endpoint or DEFAULT_ENDPOINT)
    host = endpoint.hostname or ""
    if not _is_local(host):
        return _central(config.opa_endpoint or "", host, allowed_hosts)
    asked = endpoint.port or (443 if endpoint.scheme == "https" else 80)
    if port:
        url = f"{endpoint.scheme}://{join_host_port(pod.ip, port)}"
        return Opa(url, origin=f"the annotation {WATCH}-opa-port")
    found = _sidecar(pod.opa, pod.ip, asked) if pod.opa is not None else _inferred(endpoint.scheme, pod.ip, asked)
    if port == 0:
        what = "its config names one" if config.opa_endpoint else "the pod has an OPA sidecar"
        found = found._replace(problems=(*found.problems, f"annotation {WATCH}-opa-port: none is ignored: {what}"))
    return found


def listens_on_loopback(sidecar: Sidecar) -> bool:
    """Whether it can be asked from inside the pod only."""
    return all(each.loopback for each in _said_listeners(sidecar) or (_default(sidecar),))


def _doubt(config: AgentConfig) -> str:
    if doubt := config.doubt("authorization.provider", "authorization.opa_endpoint"):
        return doubt
    return "its config says that it asks OPA but not where, and the pod has no OPA sidecar" if config.provider else ""


def _inferred(scheme: str, ip: str, port: int) -> Opa:
    return Opa(f"{scheme}://{join_host_port(ip, port)}", inferred=True, origin="its config, at the pod's address")


def _central(url: str, host: str, allowed_hosts: Collection[str]) -> Opa:
    if host.lower() in {each.lower() for each in allowed_hosts}:
        # Without a dot it is a name of the agent's namespace, not of ours.
        return Opa(url, inferred="." not in host, origin="its config")
    why = f"its OPA {plain_name(host)} is not asked: allowed_hosts does not list it"
    return Opa(None, problems=(why,), unlearnt=why)


def _sidecar(sidecar: Sidecar, ip: str, asked: int) -> Opa:
    said = _said_listeners(sidecar)
    listeners = said or (_default(sidecar),)
    origin = "the arguments of the OPA sidecar" if said else "the OPA sidecar, at its default port"
    # The others may be for bundles or diagnostics: what the agent asks is what is judged.
    listener = next((each for each in listeners if each.port == asked and not each.loopback), listeners[0])
    problem = f"{ON_LOOPBACK} {listener.port} only: it cannot be asked from outside the pod"
    url = f"{listener.scheme}://{join_host_port(ip, listener.port)}"
    return Opa(url, inferred=True, problems=(problem,) if listener.loopback else (), origin=origin)


@lru_cache(maxsize=1024)  # a fleet has a few kinds
def _said_listeners(sidecar: Sidecar) -> tuple[_Listener, ...]:
    return tuple(_listeners(sidecar))


def _listeners(sidecar: Sidecar) -> Iterator[_Listener]:
    arguments = sidecar.arguments
    scheme = "https" if any(word.partition("=")[0] == OPA_CERTIFICATE for word in arguments) else "http"
    for word, after in zip(arguments, (*arguments[1:], ""), strict=False):
        name, _, value = word.partition("=")
        if name in OPA_ADDRESS:
            for address in (value or after).split(","):
                match = _ADDRESS.fullmatch(address)
                if match and 0 < int(match["port"]) < 65536:
                    host = match["host"].strip("[]")
                    yield _Listener(match["scheme"] or scheme, int(match["port"]), _is_local(host))


def _default(sidecar: Sidecar) -> _Listener:
    """Without `--addr` 1.x listens at loopback only, 0.x at all interfaces."""
    return _Listener("http", 8181, loopback=not _BEFORE_1.fullmatch(sidecar.image.partition("@")[0]))


def _is_local(host: str) -> bool:
    if host.lower() in ("localhost", "localhost."):
        return True
    return is_ip_address(host) and ip_address(host).is_loopback
