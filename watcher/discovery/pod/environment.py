"""Which environment variables does a container have? As far as they lead to its config file."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from watcher.kube.objects import Raw

MOST_VARIABLES, MOST_CONFIG_MAPS = 100, 30
LONGEST = 1000
"""Characters of a value; what is longer leads to no file."""

_REFERENCE = re.compile(r"\$(?:(\$)|\(([^()]*)\))")
Values = Mapping[str, str]


class Variable(NamedTuple):
    """One entry of `env`: a value, or the ConfigMap and key that have it, or why it cannot be known."""

    name: str
    value: str = ""
    config_map: str = ""
    key: str = ""
    why: str = ""


class Import(NamedTuple):
    """One entry of `envFrom`: every key of a ConfigMap, with this before it."""

    prefix: str
    config_map: str
    optional: bool


class Resolved(NamedTuple):
    """The variables of a container."""

    known: Values
    unknown: Values  # why, for each that is there and has a value which cannot be known

    def expand(self, text: str) -> tuple[str, str]:
        """The text with the values of `$(NAME)`, as kubelets do it; and why one of them is not known, else empty."""
        why = ""

        def value(found: re.Match[str]) -> str:
            nonlocal why
            if found[1]:
                return "$"
            why = why or self.unknown.get(found[2], "")
            return self.known.get(found[2], found[0])

        return _REFERENCE.sub(value, text), why


@dataclass(frozen=True, slots=True)
class Environment:
    """What is needed of one container's variables."""

    variables: tuple[Variable, ...] = ()
    imports: tuple[Import, ...] = ()

    @property
    def config_maps(self) -> tuple[str, ...]:
        """The ConfigMaps that must be read to know the values."""
        named = (*(each.config_map for each in self.imports), *(each.config_map for each in self.variables))
        return tuple(dict.fromkeys(filter(None, named)))

    @property
    def optional(self) -> frozenset[str]:
        """Those without which a kubelet starts the container, too: then they have nothing."""
        needed = {each.config_map for each in self.imports if not each.optional}
        return frozenset(each.config_map for each in self.imports if each.optional) - needed

    def resolve(self, contents: Mapping[str, Values | str]) -> Resolved:
        """By the contents of these ConfigMaps; a text says why one cannot be read."""
        known: dict[str, str] = {}
        unknown: dict[str, str] = {}
        for each in self.imports:
            found = contents[each.config_map]
            if not isinstance(found, str):
                known |= {f"{each.prefix}{key}": value for key, value in found.items()}
        for variable in self.variables:  # in their order: one may use those before it
            value, why = self._value(variable, contents, Resolved(known, unknown))
            known.pop(variable.name, None)
            unknown.pop(variable.name, None)
            (unknown if why else known)[variable.name] = why or value
        return Resolved(known, unknown)

    def _value(self, variable: Variable, contents: Mapping[str, Values | str], before: Resolved) -> tuple[str, str]:
        if variable.why:
            return "", variable.why
        if not variable.config_map:
            return before.expand(variable.value)
        found = contents[variable.config_map]
        if isinstance(found, str):
            return "", found
        if variable.key not in found:
            return "", f"the ConfigMap {variable.config_map} has no short text under {variable.key[:100]}"
        return found[variable.key], ""


def names_in(text: str) -> Iterator[str]:
    """The variables that a text refers to."""
    return (found[2] for found in _REFERENCE.finditer(text) if found[2])


def read_environment(container: Raw, wanted: set[str]) -> Environment:
    """What decides the values of the variables `wanted`; ConfigMaps of `envFrom` only where `env` does not have all."""
    entries = [each for each in container.get("env") or () if each.get("name")]
    names = {str(each["name"]) for each in entries}
    needed = set(wanted)
    for each in reversed(entries):
        if each["name"] in needed:
            needed |= set(names_in(str(each.get("value") or "")))
    variables = tuple(_variable(each) for each in entries if each["name"] in needed)
    imports = tuple(imports_of(container)) if needed - names else ()
    return Environment(variables[:MOST_VARIABLES], imports)


def imports_of(container: Raw) -> Iterator[Import]:
    """The ConfigMaps of its `envFrom`, at most thirty."""
    for each in [one for one in container.get("envFrom") or () if one.get("configMapRef")][:MOST_CONFIG_MAPS]:
        source = each["configMapRef"]
        yield Import(str(each.get("prefix") or ""), str(source["name"]), bool(source.get("optional")))


def _variable(entry: Raw) -> Variable:
    name, source = str(entry["name"]), entry.get("valueFrom") or {}
    if len(value := str(entry.get("value") or "")) > LONGEST:
        return Variable(name, why=f"{name} is longer than {LONGEST} characters")
    if of_config_map := source.get("configMapKeyRef"):
        return Variable(name, config_map=str(of_config_map["name"]), key=str(of_config_map["key"]))
    if of_secret := source.get("secretKeyRef"):
        return Variable(name, why=f"{name} is in the Secret {of_secret['name']}, which is never read")
    if source:
        return Variable(name, why=f"only the pod itself knows {name}, by {next(iter(source))}")
    return Variable(name, value=value)
