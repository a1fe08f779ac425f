"""Whether the Secrets that the pod uses are made and renewed, such as by an ExternalSecret or a Certificate."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import KubeObject
from probes.controls.judges.kubernetes_object.case import (
    TemplateCase,
    all_containers,
    bad,
    good,
    lacking,
    mapping,
    mappings,
    short,
    template_judge,
    unclear,
)
from probes.controls.judges.kubernetes_object.secrets.references import secrets_by_env, secrets_in_volumes
from probes.controls.judges.kubernetes_object.variables import secret_variables, unread_variables
from probes.controls.judging import Statement

UNREADY = 3600.0
"""Seconds that a maker may be not Ready, or late."""

_SAY_READY = ("ExternalSecret", "Certificate")
_OF_VAULT = ("VaultStaticSecret", "VaultDynamicSecret", "VaultPKISecret")
_MAKERS = (*_SAY_READY, *_OF_VAULT, "SealedSecret", "SecretProviderClass")
_ZERO = re.compile(r"0(?:\.0+)?(?:ns|us|ms|s|m|h)?|(?:0[hms])+")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[hms])+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([hms])")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}


@template_judge("deployment.secrets.rotation-automated")
def rotation_automated(case: TemplateCase) -> Iterator[Statement]:
    """Each Secret of the pod is made by one of them, with a refresh, and that one is Ready."""
    of_makers = next((listing.lacks for kind in _MAKERS if (listing := case.listing(kind)).lacks), None)
    lacks = of_makers or unread_variables(all_containers(case.template), case.listing("ConfigMap"))
    every, used = _makers(case), _used(case)
    for variable in secret_variables(case.template, case.listing("ConfigMap")):
        if variable.in_the_open and variable.is_certain:
            yield bad(
                f"The variable {short(variable.name)} has a value in the open, which nothing renews.", variable.ref
            )
    for name in used:
        yield from _against(name, every.get(name), case.facts.now, complete=of_makers is None)
    if lacks:
        yield lacking(lacks)
        return
    doubts = [doubt for name in used if (doubt := _doubt(name, every.get(name)))]
    if doubts or not used:
        told = "No Secret of the pod is known by its name, so what renews its secrets is not seen."
        yield unclear(UnknownReason.NO_DATA, doubts[0] if doubts else told)
    else:
        kinds = sorted({every[name].kind for name in used if name in every})
        yield good(f"Each Secret is made and renewed by {' or '.join(map(_one, kinds))}.")


@template_judge("security.secrets.rotated")
def rotated(case: TemplateCase) -> Iterator[Statement]:
    """A maker of a Secret of the pod that has not been Ready for an hour, or is late by one, refutes it."""
    makers = _makers(case)
    for maker in (makers[name] for name in _used(case) if name in makers):
        if _is_long_unready(maker, case.facts.now):
            yield bad(f"{maker.kind} {short(maker.name)} is not Ready.", maker.ref)
        elif late := _late(maker, case.facts.now):
            yield bad(f"{maker.kind} {short(maker.name)} {late}", maker.ref)


def _against(name: str, maker: KubeObject | None, now: float, *, complete: bool) -> Iterator[Statement]:
    if maker is None and complete:
        yield bad(f"Nothing makes and renews the Secret {short(name)}.")
    elif maker is not None and _is_long_unready(maker, now):
        yield bad(f"{maker.kind} {short(maker.name)} is not Ready.", maker.ref)
    elif maker is not None and _refreshes(maker) is False:
        yield bad(f"{maker.kind} {short(maker.name)} is never refreshed.", maker.ref)


def _doubt(name: str, maker: KubeObject | None) -> str:
    """Why it is not known whether it is renewed, a sentence; empty where it is."""
    if maker is None:
        return ""
    what = f"{maker.kind} {short(maker.name)}"
    if maker.kind in _SAY_READY and _ready(maker).get("status") != "True":
        return f"{what} has not said that it is Ready."
    return "" if _refreshes(maker) is not None else f"{what} makes the Secret {short(name)}; a renewal is not seen."


def _one(kind: str) -> str:
    return f"an {kind}" if kind.startswith("E") else f"a {kind}"


def _makers(case: TemplateCase) -> Mapping[str, KubeObject]:
    """By the Secret that each makes."""
    found: dict[str, KubeObject] = {}
    for kind in reversed(_MAKERS):  # where two make one Secret, the one that is listed first is told
        for each in case.listing(kind).objects:
            found |= dict.fromkeys(_made_by(kind, each), each)
    return found


def _made_by(kind: str, maker: KubeObject) -> Iterator[str]:
    spec = mapping(maker.body.get("spec"))
    if kind == "ExternalSecret":
        target = mapping(spec.get("target"))
        if target.get("creationPolicy") != "None":  # with it nothing is made
            yield str(target.get("name") or maker.name)
    elif kind == "Certificate":
        yield str(spec.get("secretName"))
    elif kind in _OF_VAULT:
        yield str(mapping(spec.get("destination")).get("name"))
    elif kind == "SealedSecret":
        yield str(mapping(mapping(spec.get("template")).get("metadata")).get("name") or maker.name)
    else:
        yield from (str(each.get("secretName")) for each in mappings(spec.get("secretObjects")))


def _used(case: TemplateCase) -> tuple[str, ...]:
    """The Secrets that the pod takes by variables or volumes."""
    by_env = (name for container in all_containers(case.template) for name in secrets_by_env(container))
    return tuple(dict.fromkeys(name for name in (*by_env, *secrets_in_volumes(case.template.spec)) if name))


def _ready(maker: KubeObject) -> Mapping[str, object]:
    conditions = mappings(mapping(maker.body.get("status")).get("conditions"))
    return next((each for each in conditions if each.get("type") == "Ready"), {})


def _is_long_unready(maker: KubeObject, now: float) -> bool:
    ready = _ready(maker)
    return ready.get("status") == "False" and _is_past(maker, ready.get("lastTransitionTime"), now)


def _is_past(maker: KubeObject, stamp: object, now: float, seconds: float = 0.0) -> bool:
    """Whether it is UNREADY and these seconds ago. A manifest tells of the time when it was written, not of now."""
    at = None if maker.line is not None else _time(stamp)
    return at is not None and now - at >= seconds + UNREADY


def _late(maker: KubeObject, now: float) -> str:
    """How it is late, the end of a sentence; empty where it is not."""
    spec, status = mapping(maker.body.get("spec")), mapping(maker.body.get("status"))
    if maker.kind == "Certificate" and _is_past(maker, status.get("renewalTime") or status.get("notAfter"), now):
        return "was to be renewed more than an hour ago."
    every = _seconds(spec.get("refreshInterval", "1h")) if maker.kind == "ExternalSecret" else 0.0
    if every and _refreshes(maker) and _is_past(maker, status.get("refreshTime"), now, 2 * every):
        return f"was not refreshed for more than twice its interval of {every:g} s."
    return ""


def _time(stamp: object) -> float | None:
    """Unix seconds."""
    try:
        at = datetime.fromisoformat(str(stamp))
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo is not None else None


def _seconds(duration: object) -> float:
    """Of `1h30m`; 0 where it is none."""
    text = str(duration)[:40]
    return sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(text)) if _DURATION.fullmatch(text) else 0.0


def _refreshes(maker: KubeObject) -> bool | None:
    """None where it is not seen. An ExternalSecret is refreshed once an hour where it does not say."""
    spec = mapping(maker.body.get("spec"))
    if maker.kind == "ExternalSecret":
        if spec.get("refreshPolicy") in ("CreatedOnce", "OnChange"):
            return False
        return _ZERO.fullmatch(str(spec.get("refreshInterval", "1h"))) is None
    if maker.kind == "VaultStaticSecret":
        after = spec.get("refreshAfter")
        return None if after is None else _ZERO.fullmatch(str(after)) is None
    return True if maker.kind in ("Certificate", *_OF_VAULT) else None
