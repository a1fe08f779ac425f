"""Whether a policy that a GitOps tool keeps was changed by hand."""

import pytest

from tests.probes.controls.judges.kubernetes_object.objects import FORBIDDEN, finding, listing, said

CONTROL = "security.authz.policy-version-controlled"
ARGO = "labels: {argocd.argoproj.io/instance: a}"


def _entry(manager: str, time: str = "2026-11-01T00:00:00Z", fields: str = "f:data: {}") -> str:
    return f"{{manager: {manager}, time: '{time}', fieldsV1: {{{fields}}}}}"


def _policy(*entries: str, meta: str = ARGO, key: str = "authz.rego") -> str:
    fields = f"managedFields: [{', '.join(entries)}]"
    return f"{{kind: ConfigMap, name: policy, metadata: {{{meta}, {fields}}}, data: {{{key}: 'package agentweave'}}}}"


def _state(*config_maps: str) -> tuple[str, str, str]:
    return said(finding(CONTROL, "{}", listings={"ConfigMap": listing(*config_maps)}))


@pytest.mark.parametrize("manager", ["kubectl-edit", "kubectl-patch", "kubectl-client-side-apply"])
def test_a_policy_that_was_changed_by_hand_refutes(manager: str) -> None:
    older = _entry("argocd-controller", "2026-10-01T00:00:00Z")
    told = f"The policy in ConfigMap policy is kept by Argo CD, and {manager} changed it last."
    assert _state(_policy(_entry(manager), older)) == ("fail", "Refuted", told)


@pytest.mark.parametrize(
    "config_map",
    [
        _policy(_entry("kubectl-edit", "2026-10-01T00:00:00Z"), _entry("argocd-controller")),
        _policy(_entry("kubectl-edit", fields="f:metadata: {}")),
        _policy(_entry("kubectl-edit"), meta="labels: {}"),
        _policy(_entry("kubectl-edit"), meta="labels: {helm.sh/chart: a}"),
        _policy(_entry("kubectl-edit"), key="config.yaml"),
        _policy(),
    ],
    ids=["the tool was last", "not the data", "nobody keeps it", "Helm does not keep it", "no policy", "not told"],
)
def test_anything_else_refutes_nothing_and_proves_nothing(config_map: str) -> None:
    assert _state(config_map)[:2] == ("unknown", "AttestationMissing")


def test_config_maps_that_may_not_be_read_refute_nothing() -> None:
    assert finding(CONTROL, "{}", listings={"ConfigMap": FORBIDDEN}).state == "unknown"
