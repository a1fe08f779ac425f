"""How secrets reach the containers, and whether one stands where everybody can read it."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from probes.controls.catalogue.control import FactKey, SourceName, UnknownReason
from probes.controls.evidence import (
    AgentConfigFile,
    AgentObjects,
    Container,
    EvidenceSet,
    Listing,
    Missing,
    PodTemplate,
)
from probes.controls.judges.kubernetes_object.case import (
    OBJECT,
    TemplateCase,
    bad,
    good,
    mapping,
    mappings,
    short,
    template_judge,
    unclear,
)
from probes.controls.judges.secret_rules import secret_rule
from probes.controls.judges.texts import texts_of
from probes.controls.judging import Facts, Statement, fact

_LOOKS_SECRET = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY|CREDENTIALS?|PRIVATE_?KEY)(?:_(?:KEY|VALUE|[0-9]+))?$"
)
"""At the end of a name: TOKEN_FILE, MAX_TOKENS and SECRET_NAME are no secrets."""

_REFERENCE = re.compile(r"(?:\$\([^()]*\))+")
_READABLE_MODE = 0o440
_DEFAULT_MODE = 0o644


class Variable(NamedTuple):
    """One environment variable that looks like a secret, and where its value comes from."""

    container: str
    name: str
    source: str  # `Secret`, `ConfigMap x`, `literal`, or what else gives it


def looks_secret(name: str) -> bool:
    """Whether the name of a variable is that of a secret."""
    return bool(_LOOKS_SECRET.search(re.sub(r"[-.]", "_", name).upper()))


@template_judge("security.secrets.env-secured")
def env_secured(case: TemplateCase) -> Iterator[Statement]:
    """Every variable that looks like a secret comes from a Secret."""
    found = tuple(_variables(case))
    yield from _in_the_open(found)
    if lacks := _unread(case):
        yield _not_read(lacks)
        return
    yield good("Every variable that looks like a secret comes from a Secret." if found else "No variable is a secret.")


@template_judge("deployment.secrets.k8s-secrets-used")
def kubernetes_secrets(case: TemplateCase) -> Iterator[Statement]:
    """The same, and no literal, ConfigMap or config file has a known format of a secret."""
    yield from _in_the_open(tuple(_variables(case)))
    yield from _matches(case)
    if lacks := case.listing("ConfigMap").lacks:
        yield _not_read(lacks)
        return
    yield good("Secrets come from Secrets, projected volumes or a SecretProviderClass.")


@template_judge("security.secrets.none-in-config")
def none_in_config(case: TemplateCase) -> Iterator[Statement]:
    """No ConfigMap that the pod uses and no literal variable has a known format of a secret."""
    yield from _matches(case)
    if lacks := case.listing("ConfigMap").lacks:
        yield _not_read(lacks)
        return
    yield good("No ConfigMap of the pod and no literal variable has a known format of a secret.")


@template_judge("deployment.secrets.mounted-securely")
def mounted_securely(case: TemplateCase) -> Iterator[Statement]:
    """No Secret by environment, and no file of one that others can read."""
    for container in case.template.containers():
        for name in sorted(set(_secrets_by_env(container))):
            yield bad(f"Container {short(container.name)} takes the Secret {short(name)} by its environment.")
    for volume in mappings(case.template.spec.get("volumes")):
        for modes in _modes(volume):
            if any(mode & ~_READABLE_MODE for mode in modes):
                worst = next(mode for mode in modes if mode & ~_READABLE_MODE)
                yield bad(f"A file of the volume {short(volume.get('name'))} has the mode {worst:04o}, beyond 0440.")
    yield good("No Secret is taken by environment, and their files have no mode beyond 0440.")


@fact(FactKey.NEEDS_SECRETS)
def needs_secrets(evidence: EvidenceSet, _: Facts) -> bool | Missing:
    """Whether the template, its ConfigMaps or the config have a secret; none is proven by a complete read alone."""
    found = evidence.of(OBJECT, AgentObjects)
    if isinstance(found, Missing):
        return found
    template = found.value.template
    if isinstance(template, Missing):
        return template
    config_maps = found.value.listing("ConfigMap")
    listing = Listing((), config_maps) if isinstance(config_maps, Missing) else config_maps.value
    if _has_secrets(template.value, listing):
        return True
    config = evidence.of(SourceName.AGENT_CONFIG, AgentConfigFile)
    if isinstance(config, Missing):
        return listing.lacks or config
    if config.value.broken:
        return listing.lacks or Missing(UnknownReason.UNPARSEABLE, "The agent's config cannot be read.")
    return any(secret_rule(text) for _, text in texts_of(config.value.document)) or listing.lacks or False


def _has_secrets(template: PodTemplate, config_maps: Listing) -> bool:
    volumes = mappings(template.spec.get("volumes"))
    mounted = any(_is_secret(each) for volume in volumes for each in (volume, *_projected(volume)))
    containers = tuple(template.containers())
    by_env = any(True for each in containers for _ in _secrets_by_env(each))
    named = any(looks_secret(str(env.get("name"))) for each in containers for env in mappings(each.body.get("env")))
    return mounted or by_env or named or any(True for _ in _matching(containers, config_maps))


def _is_secret(volume: Mapping[str, object]) -> bool:
    return "secret" in volume or "secrets-store" in str(mapping(volume.get("csi")).get("driver"))


def _projected(volume: Mapping[str, object]) -> tuple[Mapping[str, object], ...]:
    return tuple(mappings(mapping(volume.get("projected")).get("sources")))


def _unread(case: TemplateCase) -> Missing | None:
    """What lacks to know all variables: only ConfigMaps that give whole environments matter."""
    takes_all = any(
        "configMapRef" in each
        for container in case.template.containers()
        for each in mappings(container.body.get("envFrom"))
    )
    return case.listing("ConfigMap").lacks if takes_all else None


def _not_read(lacks: Missing) -> Statement:
    """A part that is not there is no source that is not there: nothing else can make up for it."""
    absent = lacks.reason is UnknownReason.SOURCE_MISSING
    return unclear(UnknownReason.NO_DATA if absent else lacks.reason, lacks.message)


def _in_the_open(found: tuple[Variable, ...]) -> Iterator[Statement]:
    for each in found:
        if each.source == "literal" or each.source.startswith("ConfigMap"):
            what = "a literal value" if each.source == "literal" else f"its value from the {each.source}"
            yield bad(f"Container {short(each.container)}: the variable {short(each.name)} has {what}.")


def _variables(case: TemplateCase) -> Iterator[Variable]:
    """All that look like secrets."""
    contents = {each.name: mapping(each.body.get("data")) for each in case.listing("ConfigMap").objects}
    for container in case.template.containers():
        for env in mappings(container.body.get("env")):
            name = str(env.get("name"))
            if looks_secret(name) and (source := _source(env)):
                yield Variable(container.name, name, source)
        for each in mappings(container.body.get("envFrom")):
            config_map = str(mapping(each.get("configMapRef")).get("name"))
            for key in contents.get(config_map, {}):
                if looks_secret(str(key)):
                    yield Variable(container.name, str(key), f"ConfigMap {short(config_map)}")


def _source(env: Mapping[str, object]) -> str:
    given = mapping(env.get("valueFrom"))
    if "secretKeyRef" in given:
        return "Secret"
    if "configMapKeyRef" in given:
        return f"ConfigMap {short(mapping(given['configMapKeyRef']).get('name'))}"
    if given:
        return short(next(iter(given)))
    value = env.get("value")
    plain = "" if value is None else str(value)
    return "literal" if plain and not _REFERENCE.fullmatch(plain) else ""


def _matches(case: TemplateCase) -> Iterator[Statement]:
    for where, rule in _matching(tuple(case.template.containers()), case.listing("ConfigMap")):
        yield bad(f"{where} has a value of the form: {rule}.")


def _matching(containers: tuple[Container, ...], config_maps: Listing) -> Iterator[tuple[str, str]]:
    """Where a value has a known format of a secret, and the rule; the value is never told."""
    for container in containers:
        for env in mappings(container.body.get("env")):
            value = env.get("value")
            if isinstance(value, str) and (rule := secret_rule(value)):
                yield f"Container {short(container.name)}: the variable {short(env.get('name'))}", rule
    for each in config_maps.objects:
        for key, value in mapping(each.body.get("data")).items():
            if isinstance(value, str) and (rule := secret_rule(value)):
                yield f"ConfigMap {short(each.name)}: {short(key)}", rule


def _secrets_by_env(container: Container) -> Iterator[str]:
    for env in mappings(container.body.get("env")):
        given = mapping(env.get("valueFrom"))
        if "secretKeyRef" in given:
            yield str(mapping(given["secretKeyRef"]).get("name"))
    for each in mappings(container.body.get("envFrom")):
        if "secretRef" in each:
            yield str(mapping(each["secretRef"]).get("name"))


def _modes(volume: Mapping[str, object]) -> Iterator[tuple[int, ...]]:
    """The modes of the files of each Secret in a volume."""
    if "secret" in volume:
        secret = mapping(volume["secret"])
        yield _modes_of(secret, secret.get("defaultMode"))
    projected = mapping(volume.get("projected"))
    for each in mappings(projected.get("sources")):
        if "secret" in each:
            yield _modes_of(mapping(each["secret"]), projected.get("defaultMode"))


def _modes_of(secret: Mapping[str, object], default: object) -> tuple[int, ...]:
    usual = default if isinstance(default, int) and not isinstance(default, bool) else _DEFAULT_MODE
    items = [each.get("mode") for each in mappings(secret.get("items"))]
    own = [each if isinstance(each, int) and not isinstance(each, bool) else usual for each in items]
    return tuple(own) or (usual,)
