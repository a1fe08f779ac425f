"""Where in a template and its ConfigMaps a secret stands in the open, by its form, or may. The value is never told."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from functools import lru_cache

from probes.controls.evidence import Container, KubeObject, Listing, PodTemplate
from probes.controls.evidence.agent_config import KeyPath
from probes.controls.judges.kubernetes_object.case import all_containers, mapping, mappings, short, texts
from probes.controls.judges.once import once
from probes.controls.judges.secret_texts.credentials import is_secret_header
from probes.controls.judges.secret_texts.rules import (
    BY_NAME,
    may_be_secret,
    may_have_secret,
    refers_to_secret,
    secret_rule,
    settings_of,
)
from probes.controls.judges.texts import texts_of

Found = tuple[str, str, str]
"""Where a text stands, the beginning of a sentence; the rule that it matches or why it may be a secret; its line."""

_COMMANDS = ("command", "args")
_BINARY = "it is binary, which is not read"
_OPTION = re.compile(r"-{0,2}([A-Za-z][A-Za-z0-9_.-]{0,79})=(.+)")
_rule = lru_cache(maxsize=64)(secret_rule)
_doubt = lru_cache(maxsize=64)(may_have_secret)


@once
def matching(template: PodTemplate, config_maps: Listing) -> Iterator[Found]:
    """Texts with a known format of a secret: of containers, of the rest of the template, of ConfigMaps."""
    for container in all_containers(template):
        for place, text in texts_of(container.body):
            if rule := secret_rule(text):
                yield f"Container {short(container.name)}: {_place(container, place)}", rule, container.at(*place)
    rest = {key: value for key, value in template.spec.items() if not key.lower().endswith("containers")}
    for place, text in texts_of({**rest, "annotations": template.metadata.get("annotations")}):
        if rule := secret_rule(text):
            of = template.metadata if place[0] == "annotations" else template.spec
            yield f"The pod template: {short('.'.join(map(str, place)))}", rule, template.at(of, *place)
    for each in config_maps.objects:
        for key, value, ref in _contents(each):
            if rule := _rule(_as_text(value)):
                yield f"ConfigMap {short(each.name)}: {short(key)}", rule, ref


@once
def doubtful(template: PodTemplate, config_maps: Listing) -> Iterator[Found]:
    """Texts that match no rule and may be secrets all the same: by their names, or as they look."""
    for container in all_containers(template):
        for where, why, ref in _in_container(container):
            yield f"Container {short(container.name)}: {where}", why, ref
    for each in config_maps.objects:
        for key, content, ref in _contents(each):
            if why := _BINARY if isinstance(content, bytes) else _doubt(str(key), content):
                yield f"ConfigMap {short(each.name)}: {short(key)}", why, ref


def _in_container(container: Container) -> Iterator[Found]:
    for env in mappings(container.body.get("env")):
        if why := may_be_secret(str(env.get("name")), str(env.get("value") or "")):
            yield f"the variable {short(env.get('name'))}", why, container.at("value", of=env)
    for place, command in commands_of(container.body):
        options = (*options_of(command), ("", " ".join(command)))
        if whys := [why for name, value in options if (why := may_be_secret(name, value))]:
            yield _place(container, place), BY_NAME if BY_NAME in whys else whys[0], container.at(*place)
    for place, name, value in headers_of(container.body):
        if why := BY_NAME if is_secret_header(name, value) else may_be_secret(name, value):
            yield _place(container, place), why, container.at(*place)


@once
def referring(template: PodTemplate, config_maps: Listing) -> Iterator[str]:
    """What says where a secret is, though none is seen there: the beginnings of sentences."""
    for container in all_containers(template):
        where = f"Container {short(container.name)}:"
        for env in mappings(container.body.get("env")):
            if refers_to_secret(str(env.get("name")), str(env.get("value") or "")):
                yield f"{where} the variable {short(env.get('name'))}"
        for place, command in commands_of(container.body):
            if any(refers_to_secret(name, value) for name, value in options_of(command)):
                yield f"{where} {_place(container, place)}"
    for each in config_maps.objects:
        for key, text, _ in _contents(each):
            if isinstance(text, str) and any(refers_to_secret(*found) for found in settings_of(str(key), text)):
                yield f"ConfigMap {short(each.name)}: {short(key)}"


def _place(container: Container, place: KeyPath) -> str:
    given = container.body.get("env")
    if isinstance(given, list) and len(place) == 3 and place[::2] == ("env", "value"):
        return f"the variable {short(mapping(given[int(place[1])]).get('name'))}"
    return f"its {short('.'.join(str(each) for each in place if isinstance(each, str)))}"


def _contents(config_map: KubeObject) -> Iterator[tuple[object, str | bytes, str]]:
    """Its keys with their texts, those of `binaryData` too, and their lines; bytes where they are no text."""
    for key, value in mapping(config_map.body.get("data")).items():
        if isinstance(value, str):
            yield key, value, config_map.at("data", key)
    for key, value in mapping(config_map.body.get("binaryData")).items():
        try:
            raw = b64decode(str(value))
        except ValueError:
            raw = b"\xff"  # not base64: Kubernetes refuses it, and nobody has read it
        try:
            yield key, raw.decode(), config_map.at("binaryData", key)
        except ValueError:
            yield key, raw, config_map.at("binaryData", key)


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def commands_of(value: object, place: KeyPath = ()) -> Iterator[tuple[KeyPath, list[str]]]:
    """Each command of a container: its own, its probes', its hooks'."""
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        here = (*place, str(key))
        if key in _COMMANDS:
            yield here, list(texts(inner))
        else:
            yield from commands_of(inner, here)


def headers_of(value: object, place: KeyPath = ()) -> Iterator[tuple[KeyPath, str, str]]:
    """Each header that its probes and hooks send, with its place, name and value."""
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        here = (*place, str(key))
        if key == "httpHeaders":
            yield from ((here, str(each.get("name")), str(each.get("value") or "")) for each in mappings(inner))
        else:
            yield from headers_of(inner, here)


def options_of(command: list[str]) -> Iterator[tuple[str, str]]:
    """`--password x`, `--password=x` and `PASSWORD=x` as names and values; other words without a name."""
    words = [each.strip("\"';") for each in " ".join(command).split()]
    for word, after in zip(words, [*words[1:], ""], strict=False):
        if found := _OPTION.fullmatch(word):
            yield found[1], found[2].strip("\"'")
        elif word.startswith("-") and after and not after.startswith("-"):
            yield word.lstrip("-"), after
        else:
            yield "", word
