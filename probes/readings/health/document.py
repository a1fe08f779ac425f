"""What the body of a health answer says: a state, and the components that it names."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

MOST_COMPONENTS = 50
LONGEST_NAME = 60
"""Characters of a component's name, or of a capability's."""

MOST_ITEMS = 1000
"""Of one list or mapping in the body that are looked at."""


class HealthState(StrEnum):
    """What a body says of the agent, or of a component."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNSAID = "unsaid"  # nothing, or a word that has no known meaning


# Names of members: to look one up at its Enum takes ten times as long.
_HEALTHY, _DEGRADED, _UNHEALTHY, _UNSAID = HealthState
ILL = (_DEGRADED, _UNHEALTHY)
_WORDS = {
    **dict.fromkeys(("healthy", "ok", "okay", "pass", "passing", "up", "ready", "alive", "serving", "good"), _HEALTHY),
    **dict.fromkeys(("degraded", "warn", "warning", "partial"), _DEGRADED),
    **dict.fromkeys(("unhealthy", "fail", "failed", "failing", "error", "down", "critical", "bad"), _UNHEALTHY),
    **dict.fromkeys(("not_ready", "not ready", "not_serving", "unavailable", "dead", "out_of_service"), _UNHEALTHY),
}
_LISTS = ("components", "checks", "dependencies", "services", "details")
"""Members that hold components: of the SDK, of draft-inadarei-api-health-check-06, of Spring Boot and others."""

_STATES = ("status", "state", "healthy", "ok")


class Kind(StrEnum):
    """What a component is, by its name."""

    IDENTITY = "identity"
    AUTHORIZATION = "authorization"
    OTHER = "other"


_KINDS = {
    Kind.IDENTITY: ("spiffe", "spire", "svid", "identity", "workload"),
    Kind.AUTHORIZATION: ("opa", "authz", "authoriz", "polic"),
}


class Component(NamedTuple):
    """A part of the agent, or something that it depends on, as the body names it."""

    name: str
    state: HealthState

    @property
    def kind(self) -> Kind:
        """What it is, by its name."""
        words = re.split(r"[^a-z0-9]+", self.name.lower())
        return next((kind for kind, begins in _KINDS.items() if any(each.startswith(begins) for each in words)), _OTHER)


_OTHER = Kind.OTHER


@dataclass(frozen=True, slots=True)
class HealthDocument:
    """What a body says, where it is a JSON object with a member `status`; else why it is not, part of a sentence."""

    state: HealthState = HealthState.UNSAID
    components: tuple[Component, ...] = ()
    problem: str = ""

    def states(self, kind: Kind) -> set[HealthState]:
        """What it says of the components of this kind."""
        return {each.state for each in self.components if each.kind is kind}


def read_health(body: bytes) -> HealthDocument:
    """What a health answer's body says; never raises."""
    found = read_object(body)
    if isinstance(found, str):
        return HealthDocument(problem=found)
    components = tuple(list(_components(found))[:MOST_COMPONENTS])
    if "status" not in found:
        return HealthDocument(components=components, problem="a JSON object without a member status")
    return _shared(HealthDocument(_state(found["status"]), components))


@lru_cache(maxsize=1024)  # a fleet's bodies are alike
def _shared(document: HealthDocument) -> HealthDocument:
    return document


def read_object(body: bytes) -> Mapping[str, object] | str:
    """The JSON object that a body is; else what it is, part of a sentence."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # bytes that are no text, and numbers too long for Python, are ValueErrors
        return "HTML" if body.lstrip()[:1] == b"<" else "no JSON" if body.strip() else "empty"
    return found if isinstance(found, dict) else "JSON, and no object"


def short_name(name: object) -> str:
    """A name as a sentence can have it."""
    text = re.sub(r"[^\x20-\x7e]", "?", str(name)[: LONGEST_NAME + 1])
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 3]}..."


def _components(found: Mapping[str, object]) -> Iterator[Component]:
    for member in _LISTS:
        inner = found.get(member)
        if isinstance(inner, dict):
            for name, value in list(inner.items())[:MOST_ITEMS]:
                yield Component(short_name(name), _state_of(value))
        elif isinstance(inner, list):
            for value in inner[:MOST_ITEMS]:
                if isinstance(value, dict) and isinstance(name := value.get("name"), str):
                    yield Component(short_name(name), _state_of(value))


def _state_of(value: object) -> HealthState:
    """Of a component: a word, a truth value, or an object or a list of objects that has one."""
    if isinstance(value, list):
        states = [_state_of(each) for each in value[:MOST_COMPONENTS] if isinstance(each, dict)]
        return next((state for state in (_UNHEALTHY, _DEGRADED, _HEALTHY) if state in states), _UNSAID)
    if isinstance(value, dict):
        return next((_state(value[name]) for name in _STATES if name in value), _UNSAID)
    return _state(value)


def _state(value: object) -> HealthState:
    if isinstance(value, bool):
        return _HEALTHY if value else _UNHEALTHY
    return _WORDS.get(value.strip().lower(), _UNSAID) if isinstance(value, str) and len(value) < 40 else _UNSAID
