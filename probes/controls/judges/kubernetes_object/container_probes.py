"""Which probes a container has, and how long they let it take to start."""

from collections.abc import Mapping

from probes.controls.evidence import Container, PodTemplate
from probes.controls.judges.kubernetes_object.case import mapping

NO_AGENT = "Which container is the agent's cannot be told."
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")


def agent_of(template: PodTemplate) -> Container | None:
    """The agent's own container; None where it cannot be told."""
    return next((each for each in template.containers() if each.agent), None)


def has_probe(container: Container, key: str) -> bool:
    """Whether it has this one, such as `livenessProbe`."""
    given = mapping(container.body.get(key))
    return any(handler in given for handler in _HANDLERS)


def liveness_budget(container: Container) -> float | None:
    """Seconds after which a container that does not answer its livenessProbe is killed; None where it never is."""
    if not has_probe(container, "livenessProbe"):
        return None
    given = mapping(container.body.get("livenessProbe"))
    return _number(given, "initialDelaySeconds", 0) + _number(given, "failureThreshold", 3) * _number(
        given, "periodSeconds", 10
    )


def _number(given: Mapping[str, object], key: str, default: int) -> float:
    value = given.get(key)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else float(default)
