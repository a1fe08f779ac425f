"""What do a pod's containers say: which one is the agent, and which OPA stands beside it?"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from probes.contract.target import KubeletProbe
from watcher.discovery.pod.config_place import CONFIG_PATH
from watcher.kube.objects import Raw

AGENT = "agent"
OPA_ADDRESS, OPA_CERTIFICATE = ("--addr", "-a"), "--tls-cert-file"
_MOST_ARGUMENTS, _LONGEST = 50, 300
_KUBELET_PROBES: dict[str, Literal["liveness", "readiness"]] = {
    "livenessProbe": "liveness",
    "readinessProbe": "readiness",
}
_REQUEST_PATH = re.compile(r"/[!-\"$-~]{0,255}")  # whatever else it holds would not be one line of a request


_WATCHES, _CONFIG_FILE, _SETS = ("-w", "--watch"), ("-c", "--config-file"), ("--set", "--set-file")
_FETCHES = ("bundle", "discovery")
"""Keys of OPA's config that have it fetch policies."""


class Sidecar(NamedTuple):
    """The OPA beside an agent: its image and, of how it was started, what says where it listens."""

    image: str
    arguments: tuple[str, ...]


def agent_container(spec: Raw) -> Raw:
    """The one that says where its config is, else the one called `agent`, else the first.

    Of those that may say it by a ConfigMap in `envFrom` the first goes before one that says nothing.
    """
    lasting = list(lasting_containers(spec))
    for each in lasting:
        if names_config(each):
            return each
    maybe = [each for each in lasting if any(one.get("configMapRef") for one in each.get("envFrom") or ())]
    named = (each for some in (maybe, lasting) for each in some if each.get("name") == AGENT)
    return next(named, (maybe or lasting or [{}])[0])


def names_config(container: Raw) -> bool:
    """Whether its own `env` says where its config is, be it somewhere that only the pod knows."""
    return any(each.get("name") == CONFIG_PATH for each in container.get("env") or ())


def other_agents(agent: Raw, spec: Raw) -> Sequence[Raw]:
    """The other containers that say where a config is."""
    return [each for each in lasting_containers(spec) if each is not agent and names_config(each)]


def said_of_other_agents(agent: Raw, others: Sequence[Raw], verb: str) -> str:
    """That there are these, and are not looked at; a part of a sentence, empty where there are none."""
    if not others:
        return ""
    names = ", ".join(map(_name, others[:3])) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    one, says, their, are = ("", "says", "its", "is") if len(others) == 1 else ("s", "say", "their", "are")
    told = f"the container{one} {names} {says} where {their} config is, too ({CONFIG_PATH})"
    return f"{told}: a pod is {verb} as one agent, {_name(agent)}, and {names} {are} not {verb}"


def _name(container: Raw) -> str:
    return str(container.get("name"))[:63]


def lasting_containers(spec: Raw) -> Iterator[Raw]:
    """Those that run as long as the pod does: also native sidecars, which are init containers."""
    yield from spec.get("containers") or ()
    yield from _native_sidecars(spec.get("initContainers") or ())


def status_of(container: Raw, status: Raw) -> Raw:
    """What a kubelet says of it; empty before it says anything."""
    statuses = (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
    return next((each for each in statuses if each.get("name") == container.get("name")), {})


def named_ports(container: Raw) -> dict[str, int]:
    """Its TCP ports by name."""
    return {
        str(each["name"]): int(each["containerPort"])
        for each in container.get("ports") or ()
        if each.get("name") and each.get("protocol", "TCP") == "TCP"
    }


def kubelet_probes(container: Raw) -> tuple[KubeletProbe, ...]:
    """Those of its probes that can be asked as a kubelet asks them: over HTTP, of the pod itself, no headers given."""
    return _shared(tuple(_kubelet_probes(container)))


def _kubelet_probes(container: Raw) -> Iterator[KubeletProbe]:
    for key, kind in _KUBELET_PROBES.items():
        asked = (container.get(key) or {}).get("httpGet") or {}
        port = _port(asked.get("port"), container)
        path = "/" + str(asked.get("path") or "").removeprefix("/")
        if port and not asked.get("host") and not asked.get("httpHeaders") and _REQUEST_PATH.fullmatch(path):
            yield KubeletProbe(kind, str(asked.get("scheme") or "").upper() == "HTTPS", port, path)


def _port(given: object, container: Raw) -> int | None:
    """By number, or by the name of one of its ports; None where it is neither."""
    number = int(str(given)) if re.fullmatch(r"[0-9]{1,5}", str(given)) else named_ports(container).get(str(given))
    return number if number is not None and 0 < number < 65536 else None


@lru_cache(maxsize=256)  # what a fleet has in common is one object for all of it
def _shared(probes: tuple[KubeletProbe, ...]) -> tuple[KubeletProbe, ...]:
    return probes


def opa_container(agent: Raw, spec: Raw) -> Raw | None:
    """The OPA that runs as long as the agent does."""
    others = (each for each in lasting_containers(spec) if each is not agent)
    return next((each for each in others if _is_opa(str(each.get("name")), str(each.get("image") or ""))), None)


def opa_beside(agent: Raw, spec: Raw) -> Sidecar | None:
    """The same, as far as it says where it listens."""
    opa = opa_container(agent, spec)
    if opa is None:
        return None
    words = tuple(str(word) for word in (*(opa.get("command") or ()), *(opa.get("args") or ())))
    return Sidecar(str(opa.get("image") or "")[:_LONGEST], tuple(_telling(words))[:_MOST_ARGUMENTS])


class PolicyFiles(NamedTuple):
    """How an OPA comes to its policies, beside the files that it is given."""

    watched: bool = False  # it reads files again that change
    config: str = ""  # the name of the file with its config, which may have it fetch others
    fetched: bool = False  # its arguments have it fetch others


def policy_files(opa: Raw) -> PolicyFiles:
    """By its arguments: <https://www.openpolicyagent.org/docs/cli#opa-run>."""
    words = [str(word) for word in (*(opa.get("command") or ()), *(opa.get("args") or ()))]
    given = [
        (name, value if equals else after)
        for word, after in zip(words, [*words[1:], ""], strict=False)
        for name, equals, value in [word.partition("=")]
    ]
    configs = [value.rpartition("/")[2][:_LONGEST] for name, value in given if name in _CONFIG_FILE]
    return PolicyFiles(
        watched=any(name in _WATCHES for name, _ in given),
        config=configs[-1] if configs else "",
        fetched=any(name in _SETS and value.startswith(_FETCHES) for name, value in given),
    )


def _telling(words: Sequence[str]) -> Iterator[str]:
    """Those that say where it listens; OPA may have any number of others."""
    for word, after in zip(words, (*words[1:], ""), strict=False):
        name = word.partition("=")[0]
        if name in (*OPA_ADDRESS, OPA_CERTIFICATE):
            yield word[:_LONGEST]
            if name == word:
                yield after[:_LONGEST]


def _native_sidecars(init_containers: Sequence[Raw]) -> Iterator[Raw]:
    return (each for each in init_containers if each.get("restartPolicy") == "Always")


def _is_opa(name: str, image: str) -> bool:
    repository = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return name == "opa" or repository in ("opa", "opa-envoy") or repository.startswith("opa-")
