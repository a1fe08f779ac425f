"""What manifests and configs could show of a control and no judge reads yet: a closed list, with why."""

import pytest

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentConfigFile, Seen
from probes.controls.judging import load_judges
from tests.probes.controls.judges.kubernetes_object.objects import finding, listing
from tests.probes.controls.made import CATALOGUE, NOW

_CONFIG, _OBJECT = SourceName.AGENT_CONFIG, SourceName.KUBERNETES_OBJECT
NOT_JUDGED = {
    ("documentation.operational.configuration-documented", _CONFIG): "refuted by the list in a record alone",
    ("documentation.operational.dependencies-documented", _CONFIG): "refuted by the list in a record alone",
    (
        "observability.metrics.endpoint-secured",
        _OBJECT,
    ): "by the sentences of the control a policy neither meets nor refutes it",
}


def test_what_files_can_show_of_a_control_has_a_judge_or_a_reason() -> None:
    judges = load_judges().controls
    without = {
        (control.id, source)
        for control in CATALOGUE.controls
        for source in (_CONFIG, _OBJECT)
        if control.spec(source) and not any(source in each.sources for each in judges.get(control.id, ()))
    }
    assert without == set(NOT_JUDGED)


BROKEN = AgentConfigFile({}, {}, "1.0.0", in_place=True, broken=((3, "not YAML: found a tab"),))


@pytest.mark.parametrize("control", sorted(load_judges().controls))
def test_a_config_that_cannot_be_read_is_good_for_nothing_whatever_else_was_read_in_full(control: str) -> None:
    kinds = (
        "NetworkPolicy",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "ClusterRoleBinding",
        "ExternalSecret",
        "Certificate",
        "VaultStaticSecret",
        "VaultDynamicSecret",
        "VaultPKISecret",
        "SealedSecret",
        "SecretProviderClass",
    )
    found = finding(
        control,
        "{serviceAccountName: search, containers: [{name: agent}]}",
        listings={kind: listing() for kind in kinds},
        config=Seen(BROKEN, NOW, "config.yaml"),
    )
    assert found.state != "not_applicable"
    if any(_CONFIG in each.sources for each in load_judges().controls[control]):
        assert found.state in ("fail", "unknown")
