"""At which ports of a pod are its mTLS and its metrics? Facts of one record go together."""

from typing import NamedTuple

from probes.contract.address import join_host_port
from watcher.discovery.pod.annotations import Overrides
from watcher.discovery.pod.pod import WATCH, Pod

HTTPS_PORT, METRICS_PORT = 8443, 9090
_GUESSED = "nobody: it is the usual port"


class Endpoint(NamedTuple):
    """Where to look, and who says so."""

    at: str  # host:port, or a URL
    guessed: bool
    origin: str


def mtls_endpoint(pod: Pod, overrides: Overrides) -> Endpoint:
    """By our annotation, else by the port named `https`."""
    said = {f"the annotation {WATCH}-port": overrides.port, "its port named https": pod.ports.get("https")}
    port, origin = _first(said, HTTPS_PORT)
    return Endpoint(join_host_port(pod.ip, port), origin == _GUESSED, origin)


def metrics_endpoint(pod: Pod, overrides: Overrides) -> Endpoint:
    """By our annotation, else by the port named `metrics`, else by the annotations of `prometheus.io`.

    Path and scheme of `prometheus.io` are of its own port: a service mesh writes its own record over the agent's.
    """
    said = {
        f"the annotation {WATCH}-metrics-port": overrides.metrics_port,
        "its port named metrics": pod.ports.get("metrics"),
        "its annotations prometheus.io": overrides.scraped_port,
    }
    port, origin = _first(said, METRICS_PORT)
    together = overrides.scraped_port in (None, port)
    path = overrides.metrics_path or (overrides.scraped_path if together else None) or "/metrics"
    scheme = (overrides.scraped_scheme if together else None) or "http"
    return Endpoint(f"{scheme}://{join_host_port(pod.ip, port)}{path}", origin == _GUESSED, origin)


def _first(said: dict[str, int | None], usual: int) -> tuple[int, str]:
    return next(((port, origin) for origin, port in said.items() if port), (usual, _GUESSED))
