"""Which environment variables look like secrets, and where do their values come from?"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from probes.controls.judges.kubernetes_object.case import TemplateCase, mapping, mappings, short

_LOOKS_SECRET = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY|CREDENTIALS?|PRIVATE_?KEY)(?:_(?:KEY|VALUE|[0-9]+))?$"
)
"""At the end of a name: TOKEN_FILE, MAX_TOKENS and SECRET_NAME are no secrets."""

_REFERENCE = re.compile(r"(?:\$\([^()]*\))+")
_NAME_OF_REFERENCE = re.compile(r"\$\(([^()]*)\)")


class Variable(NamedTuple):
    """One environment variable that looks like a secret, and where its value comes from."""

    container: str
    name: str
    source: str  # `Secret`, `ConfigMap x`, `literal`, or what else gives it


def looks_secret(name: str) -> bool:
    """Whether the name of a variable is that of a secret."""
    return bool(_LOOKS_SECRET.search(re.sub(r"[-.]", "_", name).upper()))


def secret_variables(case: TemplateCase) -> Iterator[Variable]:
    """All that look like secrets."""
    contents = {each.name: mapping(each.body.get("data")) for each in case.listing("ConfigMap").objects}
    for container in case.template.containers():
        given: dict[str, str] = {}
        for env in mappings(container.body.get("env")):
            name = str(env.get("name"))
            given[name] = source = _source(env, given)
            if looks_secret(name) and source:
                yield Variable(container.name, name, source)
        for each in mappings(container.body.get("envFrom")):
            config_map = str(mapping(each.get("configMapRef")).get("name"))
            for key in contents.get(config_map, {}):
                name = f"{each.get('prefix') or ''}{key}"
                if looks_secret(name):
                    yield Variable(container.name, name, f"ConfigMap {short(config_map)}")


def _source(env: Mapping[str, object], before: Mapping[str, str]) -> str:
    """Where its value comes from; `before`: the same of the variables above it, which it may refer to."""
    given = mapping(env.get("valueFrom"))
    if "secretKeyRef" in given:
        return "Secret"
    if "configMapKeyRef" in given:
        return f"ConfigMap {short(mapping(given['configMapKeyRef']).get('name'))}"
    if given:
        return short(next(iter(given)))
    value = env.get("value")
    plain = "" if value is None else str(value)
    if not plain or not _REFERENCE.fullmatch(plain):
        return "literal" if plain else ""
    sources = [before.get(name, "") for name in _NAME_OF_REFERENCE.findall(plain)]
    return next((each for each in sources if each == "literal" or each.startswith("ConfigMap")), "")
