"""What do a pod's containers say: which one is the agent, where is its config, which OPA stands beside it?"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from watcher.kube.requests import Raw

CONFIG_PATH = "AGENTWEAVE_CONFIG_PATH"
_MOST_ARGUMENTS, _LONGEST = 50, 300


class ConfigRef(NamedTuple):
    """Where the agent's own config file comes from."""

    config_map: str
    key: str


class Sidecar(NamedTuple):
    """The OPA beside an agent: its image and how it was started."""

    image: str
    arguments: tuple[str, ...]


def agent_container(containers: Sequence[Raw]) -> Raw:
    """The one that says where its config is, else the one called `agent`, else the first."""
    for each in containers:
        if config_path(each) is not None:
            return each
    return next((each for each in containers if each.get("name") == "agent"), containers[0] if containers else {})


def config_path(container: Raw) -> str | None:
    """The path of its config file, empty where only the pod itself knows it; None for a container without one."""
    return next(
        (str(each.get("value") or "") for each in container.get("env") or () if each.get("name") == CONFIG_PATH), None
    )


def named_ports(container: Raw) -> dict[str, int]:
    """Its TCP ports by name."""
    return {
        str(each["name"]): int(each["containerPort"])
        for each in container.get("ports") or ()
        if each.get("name") and each.get("protocol", "TCP") == "TCP"
    }


def config_ref(path: str, container: Raw, spec: Raw) -> ConfigRef | None:
    """The ConfigMap and key behind the path; None where it is no ConfigMap (a Secret is never read)."""
    mounts = [each for each in container.get("volumeMounts") or () if _is_under(path, str(each.get("mountPath")))]
    if not mounts:
        return None
    mount = max(mounts, key=lambda each: len(str(each["mountPath"])))
    inside = path[len(str(mount["mountPath"]).rstrip("/")) :].strip("/")
    wanted = "/".join(part for part in (str(mount.get("subPath") or "").strip("/"), inside) if part)
    volume: Raw = next((each for each in spec.get("volumes") or () if each.get("name") == mount.get("name")), {})
    for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
        if config_map := source.get("configMap"):
            items = {str(each.get("path")): str(each["key"]) for each in config_map.get("items") or ()}
            if wanted in items or not items:
                return ConfigRef(str(config_map["name"]), items.get(wanted, wanted))
    return None


def opa_beside(agent: Raw, spec: Raw) -> Sidecar | None:
    """The OPA that runs as long as the agent does."""
    for each in (*(spec.get("containers") or ()), *_lasting(spec.get("initContainers") or ())):
        image = str(each.get("image") or "")
        if each is not agent and _is_opa(str(each.get("name")), image):
            words = (*(each.get("command") or ()), *(each.get("args") or ()))
            return Sidecar(image[:_LONGEST], tuple(str(word)[:_LONGEST] for word in words[:_MOST_ARGUMENTS]))
    return None


def _is_under(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _lasting(init_containers: Sequence[Raw]) -> Iterator[Raw]:
    """Those that run beside the others (native sidecars), not before them."""
    return (each for each in init_containers if each.get("restartPolicy") == "Always")


def _is_opa(name: str, image: str) -> bool:
    repository = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return name == "opa" or repository in ("opa", "opa-envoy") or repository.startswith("opa-")
