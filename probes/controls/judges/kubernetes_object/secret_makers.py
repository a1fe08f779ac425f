"""Whether the Secrets that the pod uses are made, and renewed, by an ExternalSecret or a Certificate."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import KubeObject
from probes.controls.judges.kubernetes_object.case import (
    TemplateCase,
    bad,
    good,
    lacking,
    mapping,
    mappings,
    short,
    template_judge,
    unclear,
)
from probes.controls.judging import Statement

UNREADY = 3600.0
"""Seconds that a maker may be not Ready."""

_MAKERS = ("ExternalSecret", "Certificate")
_ZERO = re.compile(r"0(?:\.0+)?(?:ns|us|ms|s|m|h)?|(?:0[hms])+")


@template_judge("deployment.secrets.rotation-automated")
def rotation_automated(case: TemplateCase) -> Iterator[Statement]:
    """Each Secret of the pod is made by one of them, with a refresh, and that one is Ready."""
    lacks = next((listing.lacks for kind in _MAKERS if (listing := case.listing(kind)).lacks), None)
    every, used = _makers(case), _used(case)
    makers = {name: every[name] for name in used if name in every}
    for name in used:
        maker = makers.get(name)
        if maker is None and not lacks:
            yield bad(f"Nothing makes and renews the Secret {short(name)}.")
        elif maker is not None and _is_long_unready(maker, case.facts.now):
            yield bad(f"{maker.kind} {short(maker.name)} is not Ready.", maker.ref)
        elif maker is not None and not _refreshes(maker):
            yield bad(f"{maker.kind} {short(maker.name)} is never refreshed.", maker.ref)
    if lacks:
        yield lacking(lacks)
    elif waiting := [each for each in makers.values() if _ready(each).get("status") != "True"]:
        told = f"{waiting[0].kind} {short(waiting[0].name)} has not said that it is Ready."
        yield unclear(UnknownReason.NO_DATA, told)
    else:
        yield good("Each Secret is made and renewed by an ExternalSecret or a Certificate that is Ready.")


@template_judge("security.secrets.rotated")
def rotated(case: TemplateCase) -> Iterator[Statement]:
    """A maker of a Secret of the pod that has not been Ready for an hour refutes it."""
    makers = _makers(case)
    for maker in (makers[name] for name in _used(case) if name in makers):
        if _is_long_unready(maker, case.facts.now):
            yield bad(f"{maker.kind} {short(maker.name)} is not Ready.", maker.ref)


def _makers(case: TemplateCase) -> Mapping[str, KubeObject]:
    """By the Secret that each makes."""
    found: dict[str, KubeObject] = {}
    for each in case.listing("ExternalSecret").objects:
        target = mapping(mapping(each.body.get("spec")).get("target")).get("name")
        found[str(target or each.name)] = each
    for each in case.listing("Certificate").objects:
        found[str(mapping(each.body.get("spec")).get("secretName"))] = each
    return found


def _used(case: TemplateCase) -> tuple[str, ...]:
    """The Secrets that the pod takes by variables or volumes."""
    names = (*_by_variables(case), *_by_volumes(case))
    return tuple(dict.fromkeys(each for each in names if isinstance(each, str) and each))


def _by_variables(case: TemplateCase) -> Iterator[object]:
    for container in case.template.containers():
        for env in mappings(container.body.get("env")):
            yield mapping(mapping(env.get("valueFrom")).get("secretKeyRef")).get("name")
        for each in mappings(container.body.get("envFrom")):
            yield mapping(each.get("secretRef")).get("name")


def _by_volumes(case: TemplateCase) -> Iterator[object]:
    for volume in mappings(case.template.spec.get("volumes")):
        yield mapping(volume.get("secret")).get("secretName")
        for each in mappings(mapping(volume.get("projected")).get("sources")):
            yield mapping(each.get("secret")).get("name")


def _ready(maker: KubeObject) -> Mapping[str, object]:
    conditions = mappings(mapping(maker.body.get("status")).get("conditions"))
    return next((each for each in conditions if each.get("type") == "Ready"), {})


def _is_long_unready(maker: KubeObject, now: float) -> bool:
    ready = _ready(maker)
    if ready.get("status") != "False":
        return False
    try:
        since = datetime.fromisoformat(str(ready.get("lastTransitionTime")))
    except ValueError:
        return False
    return since.tzinfo is not None and now - since.timestamp() >= UNREADY


def _refreshes(maker: KubeObject) -> bool:
    """An ExternalSecret is refreshed once an hour where it does not say; a Certificate is renewed at all times."""
    if maker.kind != "ExternalSecret":
        return True
    return _ZERO.fullmatch(str(mapping(maker.body.get("spec")).get("refreshInterval", "1h"))) is None
