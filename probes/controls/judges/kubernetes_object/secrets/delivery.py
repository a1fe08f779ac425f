"""How secrets reach the containers, and whether one stands where everybody can read it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from probes.controls.judges.kubernetes_object.case import (
    TemplateCase,
    all_containers,
    bad,
    good,
    mapping,
    mappings,
    short,
    template_judge,
    unclear,
)
from probes.controls.judges.kubernetes_object.secrets.needed import asks_for_secrets, takes_secrets
from probes.controls.judges.kubernetes_object.secrets.references import of_store, secrets_by_env, secrets_in_volumes
from probes.controls.judges.kubernetes_object.secrets.texts import doubtful, matching
from probes.controls.judges.kubernetes_object.variables import Variable, secret_variables, unread_variables
from probes.controls.judging import Statement

_READABLE_MODE = 0o440
_DEFAULT_MODE = 0o644
_MOST = 50
"""Doubts that are told of one template."""


@template_judge("security.secrets.env-secured", pods=True)
def env_secured(case: TemplateCase) -> Iterator[Statement]:
    """Every variable that looks like a secret comes from a Secret."""
    found = secret_variables(case.template, case.listing("ConfigMap"))
    yield from _in_the_open(found)
    if lacks := _unread(case):
        yield _not_read(lacks)
    elif found and all(each.is_certain or not each.in_the_open for each in found):
        yield good("Every variable that looks like a secret comes from a Secret.")
    elif not found:
        yield good("No variable has the name of a secret.")


@template_judge("deployment.secrets.k8s-secrets-used", pods=True)
def kubernetes_secrets(case: TemplateCase) -> Iterator[Statement]:
    """The same, and no text of the template, ConfigMap or config file has a known format of a secret."""
    config_maps = case.listing("ConfigMap")
    said = list(_in_the_open(secret_variables(case.template, config_maps)))
    if takes_secrets(case.template) or not asks_for_secrets(case.template, config_maps):
        said += _in_texts(case, "Secrets come from Secrets, projected volumes or a SecretProviderClass.")
    else:
        told = "Secrets are asked for by annotations or values alone; no Secret is seen that the pod takes."
        said = [*said, *_in_texts(case, "")] or [unclear(UnknownReason.NO_DATA, told)]
    yield from said


@template_judge("security.secrets.none-in-config", pods=True)
def none_in_config(case: TemplateCase) -> Iterator[Statement]:
    """No ConfigMap that the pod uses and no text of the template has a known format of a secret, or may be one."""
    yield from _in_texts(case, "No ConfigMap of the pod and no text of its template has a known format of a secret.")


@template_judge("deployment.secrets.mounted-securely", pods=True)
def mounted_securely(case: TemplateCase) -> Iterator[Statement]:
    """No Secret by environment, and no file of one that others can read."""
    for container in all_containers(case.template):
        for name in sorted(set(secrets_by_env(container))):
            yield bad(
                f"Container {short(container.name)} takes the Secret {short(name)} by its environment.",
                container.at("env"),
            )
    for each in secret_variables(case.template, case.listing("ConfigMap")):
        if each.in_the_open and each.is_certain:
            yield bad(
                f"Container {short(each.container)} takes the secret {short(each.name)} by its environment.", each.ref
            )
    for volume in mappings(case.template.spec.get("volumes")):
        yield from _of_volume(case, volume)
    if lacks := _unread(case):
        yield _not_read(lacks)
    elif any(True for _ in secrets_in_volumes(case.template.spec)):
        yield good("No Secret is taken by environment, and their files have no mode beyond 0440.")
    else:
        yield unclear(UnknownReason.NO_DATA, "No Secret is seen that the pod takes as a file.")


def _of_volume(case: TemplateCase, volume: Mapping[str, object]) -> Iterator[Statement]:
    """Whether others can read its files, where they are secrets."""
    at = case.template.at(volume, "projected" if "projected" in volume else "secret", "defaultMode")
    for modes in _modes(volume):
        if any(not _is_number(mode) for mode in modes):
            told = f"A mode of the volume {short(volume.get('name'))} is no number, which Kubernetes refuses."
            yield unclear(UnknownReason.UNPARSEABLE, told, at)
        elif wide := [mode for mode in modes if isinstance(mode, int) and mode & ~_READABLE_MODE]:
            yield bad(f"A file of the volume {short(volume.get('name'))} has the mode {wide[0]:04o}, beyond 0440.", at)
    if of_store(volume):
        told = f"The modes of the files of the volume {short(volume.get('name'))}, of a secret store, are not seen."
        yield unclear(UnknownReason.NO_DATA, told, case.template.at(volume, "csi"))


def _unread(case: TemplateCase) -> Missing | None:
    return unread_variables(all_containers(case.template), case.listing("ConfigMap"))


def _not_read(lacks: Missing) -> Statement:
    """A part that is not there is no source that is not there: nothing else can make up for it."""
    absent = lacks.reason is UnknownReason.SOURCE_MISSING
    return unclear(UnknownReason.NO_DATA if absent else lacks.reason, lacks.message)


def _in_the_open(found: Sequence[Variable]) -> Iterator[Statement]:
    for each in found:
        if each.in_the_open and not each.is_certain:
            told = f"Container {short(each.container)}: the variable {short(each.name)} has the name of a secret"
            yield unclear(UnknownReason.NO_POLICY, f"{told}, and a value that may be none. People must look.", each.ref)
        elif each.in_the_open:
            what = "a literal value" if each.source == "literal" else f"its value from the {each.source}"
            yield bad(f"Container {short(each.container)}: the variable {short(each.name)} has {what}.", each.ref)


def _in_texts(case: TemplateCase, none: str) -> Iterator[Statement]:
    """What the texts of the template and of its ConfigMaps show.

    `none`: the sentence where no secret may be there; empty where that proves nothing.
    """
    yield from _matches(case)
    if lacks := case.listing("ConfigMap").lacks:
        yield _not_read(lacks)
    elif doubts := list(_doubts(case)):
        yield from doubts
    elif none:
        yield good(none)


def _matches(case: TemplateCase) -> Iterator[Statement]:
    for where, rule, ref in matching(case.template, case.listing("ConfigMap")):
        yield bad(f"{where} has a value of the form: {rule}.", ref)


def _modes(volume: Mapping[str, object]) -> Iterator[tuple[object, ...]]:
    """The modes of the files of each Secret in a volume."""
    if "secret" in volume:
        secret = mapping(volume["secret"])
        yield _modes_of(secret, secret.get("defaultMode"))
    projected = mapping(volume.get("projected"))
    for each in mappings(projected.get("sources")):
        if "secret" in each:
            yield _modes_of(mapping(each["secret"]), projected.get("defaultMode"))


def _modes_of(secret: Mapping[str, object], default: object) -> tuple[object, ...]:
    usual = _DEFAULT_MODE if default is None else default
    own = [each.get("mode") for each in mappings(secret.get("items"))]
    return tuple(usual if each is None else each for each in own) or (usual,)


def _is_number(mode: object) -> bool:
    return isinstance(mode, int) and not isinstance(mode, bool)


def _doubts(case: TemplateCase) -> Iterator[Statement]:
    for where, why, ref in islice(doubtful(case.template, case.listing("ConfigMap")), _MOST):
        yield unclear(UnknownReason.NO_POLICY, f"{where} may be a secret: {why}. People must look.", ref)
