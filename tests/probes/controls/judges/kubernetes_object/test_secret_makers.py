"""Secrets that an operator makes: which are renewed, which are not, and what a part of the list proves."""

from datetime import UTC, datetime

import pytest

from tests.probes.controls.judges.kubernetes_object.objects import FORBIDDEN, SOME_ONLY, finding, listing
from tests.probes.controls.made import NOW

AUTOMATED, ROTATED = "deployment.secrets.rotation-automated", "security.secrets.rotated"
SPEC = "{containers: [{name: agent, envFrom: [{secretRef: {name: keys}}]}]}"


def _status(ready: str, ago: float = 7200) -> str:
    at = datetime.fromtimestamp(NOW - ago, UTC).isoformat()
    return f"status: {{conditions: [{{type: Ready, status: '{ready}', lastTransitionTime: '{at}'}}]}}"


def _external(spec: str = "target: {name: keys}", status: str = "") -> str:
    return f"{{kind: ExternalSecret, name: e, spec: {{{spec}}}, {status or _status('True')}}}"


def _found(control: str, *makers: str, lacks: object = None, certificates: tuple[str, ...] = ()) -> tuple[str, str]:
    given = {
        "ExternalSecret": listing(*makers, lacks=lacks),  # type: ignore[arg-type]
        "Certificate": listing(*certificates),
    }
    found = finding(control, SPEC, listings=given)
    return found.state, found.reason


@pytest.mark.parametrize(
    ("maker", "state"),
    [
        (_external(), "pass"),
        (_external("target: {name: keys}, refreshInterval: 15m"), "pass"),
        (_external("target: {name: keys}, refreshInterval: 0s"), "fail"),
        (_external("target: {name: keys}, refreshInterval: '0'"), "fail"),
        (_external("target: {name: other}"), "fail"),
        (_external(status=_status("False")), "fail"),
        (_external(status=_status("False", 60)), "unknown"),
        (_external(status="status: {}"), "unknown"),
    ],
)
def test_each_secret_has_a_maker_that_renews_it_and_is_ready(maker: str, state: str) -> None:
    assert _found(AUTOMATED, maker)[0] == state


def test_a_certificate_makes_its_secret_too() -> None:
    made = f"{{kind: Certificate, name: c, spec: {{secretName: keys}}, {_status('True')}}}"
    assert _found(AUTOMATED, certificates=(made,))[0] == "pass"
    assert _found(AUTOMATED)[0] == "fail"


def test_a_list_that_is_not_complete_proves_no_lack() -> None:
    assert _found(AUTOMATED, lacks=SOME_ONLY) == ("unknown", "SourceMissing")
    assert _found(AUTOMATED, lacks=FORBIDDEN) == ("unknown", "Forbidden")
    assert _found(AUTOMATED, _external(status=_status("False")), lacks=SOME_ONLY)[0] == "fail"


def test_a_maker_that_is_not_ready_for_an_hour_refutes_the_rotation() -> None:
    assert _found(ROTATED, _external(status=_status("False"))) == ("fail", "Refuted")
    assert _found(ROTATED, _external(status=_status("False", 60))) == ("unknown", "AttestationMissing")
    assert _found(ROTATED, _external()) == ("unknown", "AttestationMissing")
