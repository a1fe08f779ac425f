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
"""A value that is too long is cut after its first character too many."""


class Variable(NamedTuple):
    """One entry of `env`: a value, or the ConfigMap and key that have it, or why it cannot be known."""

    name: str
    value: str = ""
    config_map: str = ""
    key: str = ""
    why: str = ""
    optional: bool = False  # without the key, or its ConfigMap, the entry counts for nothing


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
        """The text with the values of `$(NAME)`, as kubelets do it; and why that is not known, else empty.

        Each variable may hold the one before it twice, so a hundred of them may be more than any memory holds.
        """
        if len(text) + sum(len(self.known.get(name, "")) for name in names_in(text)) > LONGEST:
            return "", f"with the values of its variables it is longer than {LONGEST} characters"
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
    excess: str = ""  # why there may be more than these, a part of a sentence

    @property
    def config_maps(self) -> tuple[str, ...]:
        """The ConfigMaps that must be read to know the values."""
        named = (*(each.config_map for each in self.imports), *(each.config_map for each in self.variables))
        return tuple(dict.fromkeys(filter(None, named)))

    @property
    def optional(self) -> frozenset[str]:
        """Those without which a kubelet starts the container, too: then they have nothing."""
        named: tuple[Import | Variable, ...] = (*self.imports, *self.variables)
        return frozenset(each.config_map for each in named) - {each.config_map for each in named if not each.optional}

    def resolve(self, contents: Mapping[str, Values | str]) -> Resolved:
        """By the contents of these ConfigMaps; a text says why one cannot be read."""
        known: dict[str, str] = {}
        unknown: dict[str, str] = {}
        for each in self.imports:  # a later one lies over those before it
            found = contents[each.config_map]
            if isinstance(found, str):
                unknown |= {name: found for name in known if name.startswith(each.prefix)}
            else:
                new = {f"{each.prefix}{key}": value for key, value in found.items()}
                unknown = {name: why for name, why in unknown.items() if name not in new}
                known |= new
                unknown |= {name: _too_long(name) for name, value in new.items() if len(value) > LONGEST}
        known = {name: value for name, value in known.items() if name not in unknown}
        for variable in self.variables:  # in their order: one may use those before it
            if variable.optional and not _has(contents[variable.config_map], variable.key):
                continue
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
            return "", f"the ConfigMap {variable.config_map} has no text under {variable.key[:100]}"
        return found[variable.key], _too_long(variable.name) if len(found[variable.key]) > LONGEST else ""


def names_in(text: str) -> Iterator[str]:
    """The variables that a text refers to."""
    return (found[2] for found in _REFERENCE.finditer(text) if found[2])


def read_environment(container: Raw, wanted: set[str]) -> Environment:
    """What decides the values of the variables `wanted`; ConfigMaps of `envFrom` only where `env` does not have all."""
    entries = [each for each in container.get("env") or () if each.get("name")]
    needed = set(wanted)
    for each in reversed(entries):
        if each["name"] in needed:
            needed |= set(names_in(str(each.get("value") or "")))
    variables = [_variable(each) for each in entries if each["name"] in needed]
    has_all = needed <= {each.name for each in variables if not each.optional}
    imports = () if has_all else tuple(_imports(container))
    excess = _excess(len(variables), len(imports))
    return Environment(tuple(variables[:MOST_VARIABLES]), imports[:MOST_CONFIG_MAPS], excess)


def _excess(variables: int, imports: int) -> str:
    if variables > MOST_VARIABLES:
        return f"its config hangs on more than {MOST_VARIABLES} variables, which are not read"
    return f"its envFrom has more than {MOST_CONFIG_MAPS} ConfigMaps, which are not read" * (imports > MOST_CONFIG_MAPS)


def _imports(container: Raw) -> Iterator[Import]:
    for each in container.get("envFrom") or ():
        if source := each.get("configMapRef"):
            yield Import(str(each.get("prefix") or ""), str(source["name"]), bool(source.get("optional")))


def _has(found: Values | str, key: str) -> bool:
    return isinstance(found, str) or key in found  # one that cannot be read may have it


def _too_long(name: str) -> str:
    return f"{name} is longer than {LONGEST} characters"


def _variable(entry: Raw) -> Variable:
    name, source = str(entry["name"]), entry.get("valueFrom") or {}
    if len(value := str(entry.get("value") or "")) > LONGEST:
        return Variable(name, why=_too_long(name))
    if of_config_map := source.get("configMapKeyRef"):
        optional = bool(of_config_map.get("optional"))
        return Variable(name, "", str(of_config_map["name"]), str(of_config_map["key"]), optional=optional)
    if of_secret := source.get("secretKeyRef"):
        return Variable(name, why=f"{name} is in the Secret {of_secret['name']}, which is never read")
    if source:
        return Variable(name, why=f"only the pod itself knows {name}, by {next(iter(source))}")
    return Variable(name, value=value)
