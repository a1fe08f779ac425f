"""Secrets that an operator makes: which are renewed, which are not, and what a part of the list proves."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from probes.controls.evidence import Listing, Missing
from tests.probes.controls.judges.kubernetes_object.objects import FORBIDDEN, SOME_ONLY, finding, listing, said
from tests.probes.controls.made import NOW

AUTOMATED, ROTATED = "deployment.secrets.rotation-automated", "security.secrets.rotated"
SPEC = "{containers: [{name: agent, envFrom: [{secretRef: {name: keys}}]}]}"


def _status(ready: str, ago: float = 7200) -> str:
    at = datetime.fromtimestamp(NOW - ago, UTC).isoformat()
    return f"status: {{conditions: [{{type: Ready, status: '{ready}', lastTransitionTime: '{at}'}}]}}"


def _external(spec: str = "target: {name: keys}", status: str = "") -> str:
    return f"{{kind: ExternalSecret, name: e, spec: {{{spec}}}, {status or _status('True')}}}"


KINDS = (
    "ExternalSecret",
    "Certificate",
    "VaultStaticSecret",
    "VaultDynamicSecret",
    "VaultPKISecret",
    "SealedSecret",
    "SecretProviderClass",
)


def _found(control: str, *makers: str, lacks: Missing | None = None, spec: str = SPEC) -> tuple[str, str]:
    return _said(control, *makers, lacks=lacks, spec=spec)[:2]


def _said(control: str, *makers: str, lacks: Missing | None = None, spec: str = SPEC) -> tuple[str, str, str]:
    """Of these makers among complete lists of all kinds; of the first kind something may lack."""
    of_kind = {kind: [each for each in makers if f"kind: {kind}," in each] for kind in KINDS}
    given = {kind: listing(*found, lacks=lacks if kind == KINDS[0] else None) for kind, found in of_kind.items()}
    return said(finding(control, spec, listings=given))


@pytest.mark.parametrize(
    ("maker", "state"),
    [
        (_external(), "pass"),
        (_external("target: {name: keys}, refreshInterval: 15m"), "pass"),
        (_external("target: {name: keys}, refreshInterval: 0s"), "fail"),
        (_external("target: {name: keys}, refreshInterval: '0'"), "fail"),
        (_external("target: {name: keys}, refreshPolicy: Periodic"), "pass"),
        (_external("target: {name: keys}, refreshPolicy: CreatedOnce"), "fail"),
        (_external("target: {name: keys}, refreshPolicy: OnChange"), "fail"),
        (_external("target: {name: other}"), "fail"),
        (_external("target: {name: keys, creationPolicy: None}"), "fail"),
        (_external("target: {name: keys, creationPolicy: Merge}"), "pass"),
        (_external(status=_status("False")), "fail"),
        (_external(status=_status("False", 60)), "unknown"),
        (_external(status="status: {}"), "unknown"),
    ],
)
def test_each_secret_has_a_maker_that_renews_it_and_is_ready(maker: str, state: str) -> None:
    assert _found(AUTOMATED, maker)[0] == state


def test_a_certificate_makes_its_secret_too() -> None:
    made = f"{{kind: Certificate, name: c, spec: {{secretName: keys}}, {_status('True')}}}"
    assert _said(AUTOMATED, made) == ("pass", "", "Each Secret is made and renewed by a Certificate.")
    assert _said(AUTOMATED) == ("fail", "Violated", "Nothing makes and renews the Secret keys.")


def test_a_list_that_is_not_complete_proves_no_lack() -> None:
    assert _found(AUTOMATED, lacks=SOME_ONLY) == ("unknown", "SourceMissing")
    assert _found(AUTOMATED, lacks=FORBIDDEN) == ("unknown", "Forbidden")
    assert _found(AUTOMATED, _external(status=_status("False")), lacks=SOME_ONLY)[0] == "fail"


def test_a_maker_that_is_not_ready_for_an_hour_refutes_the_rotation() -> None:
    assert _found(ROTATED, _external(status=_status("False"))) == ("fail", "Refuted")
    assert _found(ROTATED, _external(status=_status("False", 60))) == ("unknown", "AttestationMissing")
    assert _found(ROTATED, _external()) == ("unknown", "AttestationMissing")


def _vault(spec: str = "refreshAfter: 1h") -> str:
    return f"{{kind: VaultStaticSecret, name: v, spec: {{destination: {{name: keys}}, {spec}}}}}"


@pytest.mark.parametrize(
    ("maker", "expected"),
    [
        (_vault(), ("pass", "", "Each Secret is made and renewed by a VaultStaticSecret.")),
        (_vault("refreshAfter: 0s"), ("fail", "Violated", "VaultStaticSecret v is never refreshed.")),
        (
            _vault("mount: kv"),
            ("unknown", "NoData", "VaultStaticSecret v makes the Secret keys; a renewal is not seen."),
        ),
        (
            "{kind: VaultDynamicSecret, name: d, spec: {destination: {name: keys}}}",
            ("pass", "", "Each Secret is made and renewed by a VaultDynamicSecret."),
        ),
        (
            "{kind: SealedSecret, name: keys, spec: {encryptedData: {}}}",
            ("unknown", "NoData", "SealedSecret keys makes the Secret keys; a renewal is not seen."),
        ),
        (
            "{kind: SealedSecret, name: s, spec: {template: {metadata: {name: keys}}}}",
            ("unknown", "NoData", "SealedSecret s makes the Secret keys; a renewal is not seen."),
        ),
        (
            "{kind: SecretProviderClass, name: p, spec: {secretObjects: [{secretName: keys}]}}",
            ("unknown", "NoData", "SecretProviderClass p makes the Secret keys; a renewal is not seen."),
        ),
        (
            "{kind: SealedSecret, name: other, spec: {}}",
            ("fail", "Violated", "Nothing makes and renews the Secret keys."),
        ),
    ],
)
def test_what_else_makes_a_secret_is_not_told_as_nothing(maker: str, expected: tuple[str, str, str]) -> None:
    assert _said(AUTOMATED, maker) == expected


def test_where_two_kinds_make_it_both_are_told() -> None:
    two = "{containers: [{name: agent, envFrom: [{secretRef: {name: keys}}, {secretRef: {name: tls}}]}]}"
    tls = f"{{kind: Certificate, name: c, spec: {{secretName: tls}}, {_status('True')}}}"
    told = "Each Secret is made and renewed by a Certificate or an ExternalSecret."
    assert _said(AUTOMATED, _external(), tls, spec=two) == ("pass", "", told)


@pytest.mark.parametrize(
    "spec",
    [
        "{containers: [], volumes: [{name: v, csi: {driver: secrets-store.csi.k8s.io}}]}",
        "{containers: [{name: agent, env: [{name: KEY, value: 'vault:secret/data/search#key'}]}]}",
    ],
)
def test_secrets_that_come_by_no_secret_of_kubernetes_prove_nothing(spec: str) -> None:
    told = "No Secret of the pod is known by its name, so what renews its secrets is not seen."
    assert _said(AUTOMATED, spec=spec) == ("unknown", "NoData", told)


def test_a_literal_is_renewed_by_nobody() -> None:
    spec = "{containers: [{name: agent, envFrom: [{secretRef: {name: keys}}], env: [{name: DB_PWD, value: hunter2}]}]}"
    told = "The variable DB_PWD has a value in the open, which nothing renews."
    assert _said(AUTOMATED, _external(), spec=spec) == ("fail", "Violated", told)


def _at(ago: float) -> str:
    return datetime.fromtimestamp(NOW - ago, UTC).isoformat()


@pytest.mark.parametrize(
    ("spec", "ago", "state"),
    [
        ("refreshInterval: 30m", 7201, "fail"),
        ("refreshInterval: 30m", 7199, "unknown"),
        ("refreshInterval: 1h30m", 14401, "fail"),
        ("refreshInterval: 24h", 14401, "unknown"),
        ("data: []", 10801, "fail"),
        ("refreshInterval: 0s", 10**6, "unknown"),
        ("refreshInterval: often", 10**6, "unknown"),
        ("refreshPolicy: CreatedOnce", 10**6, "unknown"),
    ],
)
def test_a_refresh_later_than_twice_its_interval_and_an_hour_refutes_the_rotation(
    spec: str, ago: float, state: str
) -> None:
    made = _external(f"target: {{name: keys}}, {spec}", f"status: {{refreshTime: '{_at(ago)}'}}")
    assert _found(ROTATED, made)[0] == state
    if spec == "refreshInterval: 30m" and state == "fail":
        told = "ExternalSecret e was not refreshed for more than twice its interval of 1800 s."
        assert _said(ROTATED, made) == ("fail", "Refuted", told)


@pytest.mark.parametrize("key", ["renewalTime", "notAfter"])
def test_a_certificate_that_was_to_be_renewed_refutes_the_rotation(key: str) -> None:
    made = "{kind: Certificate, name: c, spec: {secretName: keys}, status: {%s: '%s'}}"
    told = "Certificate c was to be renewed more than an hour ago."
    assert _said(ROTATED, made % (key, _at(3601))) == ("fail", "Refuted", told)
    assert _found(ROTATED, made % (key, _at(3599))) == ("unknown", "AttestationMissing")


def test_a_manifest_tells_of_the_time_when_it_was_written() -> None:
    made = _external(status=f"status: {{refreshTime: '{_at(10**6)}'}}")
    unready = _external(status=_status("False"))
    for kind, maker in ((ROTATED, made), (ROTATED, unready), (AUTOMATED, unready)):
        found = listing(maker)
        old = replace(found, value=Listing(tuple(replace(each, line=9) for each in found.value.objects)))
        given = {**{each: listing() for each in KINDS}, "ExternalSecret": old}
        assert finding(kind, SPEC, listings=given).state == "unknown"
