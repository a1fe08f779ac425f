"""The environment variables of a container: which there are, their values where known, and where those come from."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from probes.controls.evidence import Container, KubeObject, Listing, Missing, PodTemplate
from probes.controls.judges.kubernetes_object.case import all_containers, mapping, mappings, short
from probes.controls.judges.once import once
from probes.controls.judges.secret_texts.names import names_secret
from probes.controls.judges.secret_texts.rules import is_uncertain

_REFERENCE = re.compile(r"\$\(([^()]*)\)")
_LITERAL = "literal"
_LONGEST = 1 << 16
"""Characters of a value made of others; what is longer counts as not known."""


class Variable(NamedTuple):
    """One environment variable, and where its value comes from."""

    container: str
    name: str
    source: str  # `Secret`, `ConfigMap x`, `literal`, or what else gives it; empty where its value is
    value: str | None  # None where it is not known
    ref: str = ""  # where the value stands; empty where that is not known

    @property
    def in_the_open(self) -> bool:
        """Whoever may read the pod or its ConfigMaps reads it."""
        return self.source == _LITERAL or self.source.startswith("ConfigMap")

    @property
    def is_certain(self) -> bool:
        """Whether its value is a secret, if its name is that of one: it does not say where one is."""
        return self.value is None or not is_uncertain(self.name, self.value)


def variables_of(container: Container, config_maps: Listing) -> Iterator[Variable]:
    """All of them, as Kubernetes sets them: whole ConfigMaps first, and of two with one name the later one counts."""
    given = {each.name: each for each in config_maps.objects}
    contents = {name: mapping(each.body.get("data")) for name, each in given.items()}
    known: dict[str, Variable] = {}
    for each in _of_whole_config_maps(container, given):
        known[each.name] = each
        yield each
    for env in mappings(container.body.get("env")):
        name, ref = str(env.get("name")), _in_config_map(env, given) or container.at("value", of=env)
        known[name] = Variable(container.name, name, *_given(env, known, contents), ref)
        yield known[name]


def unread_variables(containers: Iterable[Container], config_maps: Listing) -> Missing | None:
    """What lacks to know all variables of these containers: only ConfigMaps that give whole environments matter."""
    given = (each for container in containers for each in mappings(container.body.get("envFrom")))
    return config_maps.lacks if any("configMapRef" in each for each in given) else None


@once
def secret_variables(template: PodTemplate, config_maps: Listing) -> Iterator[Variable]:
    """All variables of the pod whose names say that they are secrets, and that have a value."""
    found = (each for container in all_containers(template) for each in variables_of(container, config_maps))
    return (each for each in found if each.source and names_secret(each.name, each.value or ""))


def _of_whole_config_maps(container: Container, given: Mapping[str, KubeObject]) -> Iterator[Variable]:
    for each in mappings(container.body.get("envFrom")):
        config_map = given.get(str(mapping(each.get("configMapRef")).get("name")))
        if config_map is None:
            continue
        for key, value in mapping(config_map.body.get("data")).items():
            name, ref = f"{each.get('prefix') or ''}{key}", config_map.at("data", key)
            yield Variable(container.name, name, f"ConfigMap {short(config_map.name)}", str(value), ref)


def _in_config_map(env: Mapping[str, object], given: Mapping[str, KubeObject]) -> str:
    ref = mapping(mapping(env.get("valueFrom")).get("configMapKeyRef"))
    config_map = given.get(str(ref.get("name")))
    return "" if config_map is None else config_map.at("data", str(ref.get("key")))


def _given(
    env: Mapping[str, object], known: Mapping[str, Variable], contents: Mapping[str, Mapping[str, object]]
) -> tuple[str, str | None]:
    """Source and value."""
    given = mapping(env.get("valueFrom"))
    if "secretKeyRef" in given:
        return "Secret", None
    if "configMapKeyRef" in given:
        ref = mapping(given["configMapKeyRef"])
        value = contents.get(str(ref.get("name")), {}).get(str(ref.get("key")))
        return f"ConfigMap {short(ref.get('name'))}", None if value is None else str(value)
    if given:
        return short(next(iter(given))), None
    plain = "" if env.get("value") is None else str(env["value"])
    named = [known[name] for name in _REFERENCE.findall(plain) if name in known]
    is_known = all(each.value is not None for each in named) and _length(plain, named) <= _LONGEST
    value = _expanded(plain, known) if is_known else None
    if not plain or _REFERENCE.sub("", plain):
        return _LITERAL if plain else "", value
    return next((each.source for each in named if each.in_the_open), ""), value


def _length(plain: str, named: Sequence[Variable]) -> int:
    """Characters of it with their values: each may hold the one before it twice, which soon is more than memory."""
    return len(plain) + sum(len(each.value or "") for each in named)


def _expanded(plain: str, known: Mapping[str, Variable]) -> str:
    """`$(NAME)` is the value of a variable above; where there is none, Kubernetes leaves it as it stands."""
    return _REFERENCE.sub(lambda found: (known[found[1]].value or "") if found[1] in known else found[0], plain)
