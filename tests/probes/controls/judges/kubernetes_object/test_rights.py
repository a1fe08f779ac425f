"""A right to one kind of objects that is taken away makes no pass, no fail and nothing that does not apply."""

from collections.abc import Mapping

import pytest

from probes.controls.catalogue.control import SourceName
from probes.controls.judging import load_judges
from tests.probes.controls.judges.kubernetes_object.objects import FORBIDDEN, Parts, finding, listing, said

OBJECT = SourceName.KUBERNETES_OBJECT
CONTROLS = [name for name, every in load_judges().controls.items() if any(OBJECT in each.sources for each in every)]
RESOURCES = "resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}"
SPECS = (
    "{containers: [{name: agent}]}",
    f"{{serviceAccountName: search, containers: [{{name: agent, {RESOURCES}}}]}}",
    "{containers: [{name: agent, envFrom: [{configMapRef: {name: env}}]}]}",
    "{containers: [{name: agent, envFrom: [{configMapRef: {name: env}}]}], volumes: [{secret: {secretName: s}}]}",
    "{containers: [{name: agent}], volumes: [{secret: {secretName: s, defaultMode: 256}}]}",
)
SECRETS = "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]"
EVERY: Mapping[str, Parts] = {
    "ConfigMap": listing("{kind: ConfigMap, name: env, data: {DB_PASSWORD: hunter2x, LOG_LEVEL: debug}}"),
    "LimitRange": listing("{spec: {limits: [{type: Container, default: {cpu: 1, memory: 1Gi}}]}}"),
    "NetworkPolicy": listing("{kind: NetworkPolicy, name: p, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}"),
    "ExternalSecret": listing(
        "{kind: ExternalSecret, name: s, spec: {}, status: {conditions: [{type: Ready, status: 'True'}]}}"
    ),
    **{
        kind: listing()
        for kind in ("Certificate", "SealedSecret", "SecretProviderClass", "ClusterFederatedTrustDomain")
    },
    **{kind: listing() for kind in ("VaultStaticSecret", "VaultDynamicSecret", "VaultPKISecret", "AdminNetworkPolicy")},
    **{kind: listing() for kind in ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "ClusterNetworkPolicy")},
    **{
        kind: listing()
        for kind in ("BaselineAdminNetworkPolicy", "ControlPlanePod", "ClusterRole", "ClusterRoleBinding")
    },
    "Role": listing(f"{{kind: Role, name: r, {SECRETS}}}"),
    "RoleBinding": listing(
        "{kind: RoleBinding, name: r, roleRef: {kind: Role, name: r}, subjects: [{kind: User, name: x}]}"
    ),
}
NONE: Mapping[str, Parts] = dict.fromkeys(EVERY, listing())


def _state(control: str, spec: str, listings: Mapping[str, Parts]) -> str:
    return said(finding(control, spec, listings=listings))[0]


@pytest.mark.parametrize("control", CONTROLS)
def test_what_may_not_be_read_decides_nothing(control: str) -> None:
    for spec in SPECS:
        for given in (EVERY, NONE):
            before = _state(control, spec, given)
            for kind in EVERY:
                after = _state(control, spec, {**given, kind: FORBIDDEN})
                assert after in (before, "unknown"), (spec, kind, before, after)


def test_of_each_verdict_there_is_one_that_could_have_turned() -> None:
    states = {_state(control, spec, given) for control in CONTROLS for spec in SPECS for given in (EVERY, NONE)}
    assert states == {"pass", "fail", "unknown", "not_applicable"}
