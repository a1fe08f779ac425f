"""At which ports of a pod are its mTLS and its metrics? Facts of one record go together."""

from typing import NamedTuple

from probes.contract.address import join_host_port
from watcher.discovery.pod.annotations import Overrides
from watcher.discovery.pod.pod import SCRAPED_PORT, WATCH, Pod

HTTPS_PORT, METRICS_PORT = 8443, 9090
_PORT, _METRICS_PORT = f"the annotation {WATCH}-port", f"the annotation {WATCH}-metrics-port"
_METRICS_PATH = f"the annotation {WATCH}-metrics-path"
_SCRAPED = "its annotations prometheus.io"
_GUESSED = "none: the default port is assumed"


class Endpoint(NamedTuple):
    """Where to look, and who says so."""

    at: str  # host:port, or a URL
    guessed: bool
    origin: str


def mtls_endpoint(pod: Pod, overrides: Overrides) -> Endpoint:
    """By our annotation, else by the port named `https`."""
    said = (overrides.port, _PORT), (pod.ports.get("https"), "its port named https")
    port, origin = _first(said, HTTPS_PORT)
    return Endpoint(join_host_port(pod.ip, port), origin == _GUESSED, origin)


def metrics_endpoint(pod: Pod, overrides: Overrides) -> Endpoint:
    """By our annotation, else by the port named `metrics`, else by the annotations of `prometheus.io`.

    Path and scheme of `prometheus.io` are of its own port: a service mesh writes its own record over the agent's.
    """
    said = (
        (overrides.metrics_port, _METRICS_PORT),
        (pod.ports.get("metrics"), "its port named metrics"),
        (overrides.scraped_port, _SCRAPED),
    )
    port, origin = _first(said, METRICS_PORT)
    # A record without a port is about whichever port it is; one whose port cannot be read is about another.
    of_any = origin == _GUESSED and SCRAPED_PORT not in pod.annotations
    together = of_any if overrides.scraped_port is None else overrides.scraped_port == port
    scraped_path = overrides.scraped_path if together else None
    scheme = (overrides.scraped_scheme if together else None) or "http"
    url = f"{scheme}://{join_host_port(pod.ip, port)}{overrides.metrics_path or scraped_path or '/metrics'}"
    of_path = (overrides.metrics_path and _METRICS_PATH) or (scraped_path and _SCRAPED) or origin
    return Endpoint(url, origin == _GUESSED, origin if of_path == origin else f"{origin}; of its path: {of_path}")


def _first(said: tuple[tuple[int | None, str], ...], usual: int) -> tuple[int, str]:
    for port, origin in said:
        if port:
            return port, origin
    return usual, _GUESSED
